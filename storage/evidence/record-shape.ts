/**
 * Which members each kind of record has, as data, and the check of a header against it.
 *
 * @module
 */
import { isCount, isDigest, isObject, type JsonObject } from './bytes.ts'
import type { ExchangedKind } from './exchange.ts'
import { exchanged_facts_max } from './limits.ts'
import { isPasskeySignature } from './passkey.ts'
import type { RecordKind } from './record.ts'

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string'
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText)
const isFlag: Check = (value) => typeof value === 'boolean'
const isInteger: Check = (value) => Number.isSafeInteger(value)
const isTextMap: Check = (value) => isObject(value) && Object.values(value).every(isText)
const isCountMap: Check = (value) => isObject(value) && Object.values(value).every(isCount)
const isLeftOut: Check = (value) =>
  isObject(value) && isCount(value['rows']) && isCount(value['length']) && isDigest(value['digest'])
const isPty: Check = (value) =>
  isObject(value) && isText(value['term']) && isCount(value['columns']) && isCount(value['rows'])
const oneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value)
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)

const listOf =
  (shape: Readonly<Record<string, Check>>): Check =>
  (value) =>
    Array.isArray(value) &&
    value.every(
      (each) => isObject(each) && Object.entries(shape).every(([name, check]) => check(each[name])),
    )

const isSpan = (value: unknown): boolean =>
  isObject(value) &&
  isCount(value['at']) &&
  isCount(value['n']) &&
  isCount(value['offset']) &&
  isCount(value['length']) &&
  isText(value['rule']) &&
  isDigest(value['commitment'])
const isSpans: Check = (value) => Array.isArray(value) && value.every(isSpan)

const range = { offset: isCount, length: isCount } as const
const output_stream = oneOf(1, 2)
const transfer_names = {
  transfer: isCount,
  tool: isText,
  direction: oneOf('upload', 'download'),
  path: isText,
} as const

const shapes: Readonly<Record<RecordKind, Readonly<Record<string, Check>>>> = {
  start: { document: isDigest, envelope: isDigest, channel: oneOf(0), seq: oneOf(0) },
  channel: {
    request: oneOf('exec', 'shell', 'subsystem', 'forward', 'reverse', 'agent', 'database'),
    pty: optional(isPty),
    env: isTextMap,
  },
  command: {
    confidence: oneOf('exact', 'shell', 'screen'),
    spans: isSpans,
    command: optional(isCount),
    offset: optional(isCount),
    length: optional(isCount),
    cwd: optional(isText),
  },
  command_end: { command: isCount, code: isInteger },
  verdict: {
    allowed: isFlag,
    rule: isText,
    asked: isText,
    risk: optional(isText),
    findings: optional(isTexts),
  },
  hold: {
    request: isText,
    digest: isDigest,
    rule: isText,
    approvals: listOf({ group: isText, quorum: isCount }),
    expires_us: isCount,
    passkey: optional(oneOf(true)),
  },
  approval: {
    request: isText,
    outcome: oneOf('approved', 'denied', 'expired', 'cancelled'),
    by: listOf({ subject: isText, issuer: isText, passkey: optional(isPasskeySignature) }),
    comment: isText,
  },
  grant: {
    grant: isText,
    digest: isDigest,
    policy_hash: isText,
    break_glass: isFlag,
    reason: isText,
    by: listOf({ subject: isText, issuer: isText }),
    requested_us: isCount,
    starts_us: isCount,
    ends_us: isCount,
  },
  dialled: { address: isText, host_key: isText },
  output: {
    stream: output_stream,
    ...range,
    flush: optional(oneOf('idle', 'echo', 'end')),
    spans: isSpans,
  },
  echo: { stream: output_stream, ...range, commitment: isDigest },
  echo_text: { stream: output_stream, ...range, spans: isSpans },
  input: { length: isCount },
  input_text: { ...range, spans: isSpans },
  input_opaque: { prompt: isFlag },
  stdin: { ...range, held: isCount, spans: isSpans },
  resize: { columns: isCount, rows: isCount },
  signal: { signal: isText },
  eof: { stream: oneOf(0, 1, 2) },
  exit: { code: isInteger },
  exit_signal: { signal: isText, core_dumped: isFlag },
  failed: { code: isText, message: isText },
  transfer_start: transfer_names,
  transfer: {
    ...transfer_names,
    ...range,
    outcome: oneOf('complete', 'incomplete', 'failed', 'stopped'),
    in_order: isFlag,
    digest: isDigest,
    rule: optional(isText),
  },
  change: { tool: isText, operation: isText, path: isText, to: optional(isText) },
  statement: {
    statement: isCount,
    name: isText,
    prepared: isFlag,
    kinds: isTexts,
    allowed: isFlag,
    rule: isText,
    ...range,
    spans: isSpans,
  },
  run: { statement: isCount, run: isCount, ...range, spans: isSpans },
  result: {
    ...{ statement: isCount, run: isCount, tag: isText, rows: isCount, length: isCount },
    duration_us: isCount,
    error: optional(isText),
    left_out: optional(isLeftOut),
  },
  left_out: {
    ...{ stream: oneOf(1), ...range, statement: isCount, run: isCount },
    ...{ rows: isCount, digest: isDigest, masks: isCountMap },
  },
  exchange: { facts: Array.isArray },
  sealed: { what: isText },
  channel_end: {},
  end: { reason: isText, detail: isText, channel: oneOf(0) },
}

const with_payload: ReadonlySet<unknown> = new Set([
  'command',
  'output',
  'echo_text',
  'input_text',
  'stdin',
  'statement',
  'run',
  'exchange',
  'sealed',
] satisfies RecordKind[])

export function hasPayload(kind: unknown): boolean {
  return with_payload.has(kind)
}

/** What is wrong with a header, or undefined: its kind is unknown, a member is missing or of another type. */
export function misfit(header: JsonObject): string | undefined {
  const kind = header['kind']
  if (typeof kind !== 'string' || !Object.hasOwn(shapes, kind)) return 'its kind is unknown'
  const wrong = memberMisfit(header, kind as RecordKind) // It is a key of the table.
  if (wrong !== undefined) return `its ${wrong} is not what a record of kind ${kind} has`
  const [spans, bytes, facts] = [header['spans'], header['bytes'], header['facts']]
  if (Array.isArray(spans) && isCount(bytes)) return spansMisfit(spans, bytes)
  return kind === 'exchange' && Array.isArray(facts) ? exchangeMisfit(facts, bytes) : undefined
}

/** The name of a member that is missing or of another type. */
function memberMisfit(header: JsonObject, kind: RecordKind): string | undefined {
  for (const [name, check] of Object.entries(shapes[kind])) if (!check(header[name])) return name
  return undefined
}

const exchanged: ReadonlySet<unknown> = new Set([
  ...(['statement', 'run', 'stdin', 'output', 'result'] satisfies ExchangedKind[]),
])

/** Each fact is as it would be alone, without masks; one statement at most; together they have the payload. */
function exchangeMisfit(facts: readonly unknown[], bytes: unknown): string | undefined {
  if (facts.length === 0 || facts.length > exchanged_facts_max)
    return 'it has no facts, or too many'
  let sum = 0
  let statements = 0
  for (const fact of facts) {
    if (!isObject(fact) || !exchanged.has(fact['kind']))
      return 'one of its facts is of no such kind'
    const kind = fact['kind'] as ExchangedKind // It is one of them.
    const wrong = memberMisfit({ spans: [], ...fact }, kind)
    if (wrong !== undefined) return `the ${wrong} of its ${kind} is not what one has`
    for (const name of ['v', 'session', 'seq', 't_us', 'channel', 'spans', 'facts'])
      if (Object.hasOwn(fact, name)) return `the ${name} of its ${kind} is not its own`
    const { bytes: own } = fact
    if (!isCount(own) || (own > 0 && !hasPayload(kind))) return `its ${kind} has no such payload`
    sum += own
    if (kind === 'statement') statements += 1
  }
  if (statements > 1) return 'it has more than one statement'
  return sum === bytes ? undefined : 'its facts have another payload than it'
}

/** Masks lie inside the payload, in order, and never on each other. */
function spansMisfit(
  spans: readonly { readonly at: number; readonly n: number }[],
  payload_bytes: number,
): string | undefined {
  let end = 0
  for (const { at, n } of spans) {
    if (at < end) return 'its spans overlap'
    end = at + n
  }
  return end > payload_bytes ? 'a span lies outside of its payload' : undefined
}
