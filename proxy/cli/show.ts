/**
 * `sluice show ID`: the facts of a session and what happened in it, without what it printed.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openDocument } from '../../storage/evidence/document.ts'
import type { RecordHeader } from '../../storage/evidence/record.ts'
import { plainText } from '../../storage/replay/plain.ts'
import { formatTime } from '../../storage/replay/time.ts'
import { type TimelineItem, timeline } from '../../storage/replay/timeline.ts'
import { receipts_name } from '../../storage/store/layout.ts'
import type { SessionRow } from '../../storage/store/reader.ts'
import { dataFolder } from './configured.ts'
import type { Console } from './console.ts'
import { withData } from './data.ts'
import { storedRecords } from './records.ts'
import { findSession } from './session-id.ts'
import { sessionJson } from './sessions.ts'
import { type Cell, formatBytes, formatDuration, formatTable } from './table.ts'
import {
  type Call,
  data_options,
  type ExitCode,
  json_option,
  numberOption,
  type Verb,
} from './verb.ts'

const text_characters_max = 400
/** Said by the sum of a session, or by the record beside them; thousands of them hide the rest. */
const quiet = new Set([
  ...['start', 'output', 'left_out', 'echo', 'echo_text', 'input', 'stdin', 'sealed', 'eof'],
])

interface ShownEvent {
  readonly t_us: number
  readonly seq: number
  readonly channel: number
  readonly kind: string
  readonly text: string
}

export const show: Verb = {
  name: 'show',
  summary: 'Show who, where, and what was done in a session',
  operands: 'ID|last',
  operands_min: 1,
  operands_max: 1,
  options: {
    limit: { value: 'N', help: 'at most so many events (default 1000)' },
    json: json_option,
    ...data_options,
  },
  async run(call) {
    const limit = numberOption(call, 'limit', 1000, 1, 1_000_000)
    return withData(call, async (data): Promise<ExitCode> => {
      const session = await findSession(data, call.operands[0] ?? '')
      const events: ShownEvent[] = []
      let more = false
      for await (const item of timeline(storedRecords(data, session.id))) {
        const event = shownEvent(item)
        if (event === undefined) continue
        more = events.length >= limit
        if (more) break
        events.push(event)
      }
      const { console } = call
      const context = contextOf((await data.document(session.start_digest))?.bytes)
      if (call.flag('json')) {
        const shown = events.map(({ t_us, ...rest }) => ({ time: formatTime(t_us), ...rest }))
        const whole = { session: { ...sessionJson(session), context }, events: shown, more }
        await console.json(whole)
        return 0
      }
      await console.line(formatTable(factsOf(session, context, await placeOf(call), console)))
      if (events.length > 0)
        await console.line(`\n${formatTable(tableOf(events, session, console))}`)
      if (more) console.note(`there are more than ${limit} events; --limit shows more`)
      console.note(console.paint('dim', `sluice replay ${session.id}`))
      return 0
    })
  },
}

/** Whether a bucket answered for anything of this directory: what it has of a session, `verify s3://...` says. */
const placeOf = async (call: Call): Promise<string> =>
  existsSync(join(await dataFolder(call), receipts_name))
    ? 'here, and replicated to a bucket'
    : 'local, not replicated'

/** What the client said of itself, as the start document has it, where that is still there. */
function contextOf(document: Uint8Array | undefined): Readonly<Record<string, string>> {
  const context = document === undefined ? undefined : openDocument(document)?.['context']
  if (typeof context !== 'object' || context === null) return {}
  return Object.fromEntries(Object.entries(context).map(([name, value]) => [name, String(value)]))
}

function factsOf(
  session: SessionRow,
  context: Readonly<Record<string, string>>,
  place: string,
  console: Console,
): readonly (readonly Cell[])[] {
  const { started_us, ended_us } = session
  const ended =
    typeof ended_us === 'number'
      ? `${formatTime(ended_us)}, after ${formatDuration(ended_us - started_us)} (${session.end_reason ?? 'unknown'})`
      : 'running, or not yet recovered'
  const groups = session.groups.length === 0 ? '' : ` (${session.groups.join(', ')})`
  const labels = Object.entries(session.labels).map(([name, value]) => `${name}=${value}`)
  const said = Object.entries(context).map(([name, value]) => `${name}=${value}`)
  const facts: readonly (readonly [string, string])[] = [
    ['session', session.id],
    ['who', `${session.subject}${groups}, by ${session.method} of ${session.issuer}`],
    ['from', session.source],
    ['with', said.join(', ')],
    ['where', `${session.account}@${session.target} over ${session.protocol}`],
    ['labels', labels.join(' ')],
    ['started', formatTime(started_us)],
    ['ended', ended],
    ['recorded', `${session.records} records, ${formatBytes(session.output_bytes)} of output`],
    ['evidence', `${place}; start document ${session.start_digest}`],
    ['manifest', session.manifest_digest ?? ''],
  ]
  return facts
    .filter(([, text]) => text !== '')
    .map(([name, text]) => [
      { text: name, painted: console.paint('dim', name) },
      { text: plainText(text, text_characters_max) },
    ])
}

function tableOf(
  events: readonly ShownEvent[],
  session: SessionRow,
  console: Console,
): readonly (readonly Cell[])[] {
  return events.map(({ t_us, channel, kind, text }): readonly Cell[] => {
    const after = `+${formatDuration(t_us - session.started_us)}`
    const is_bad = kind === 'damaged' || kind === 'failed' || text.startsWith('denied')
    return [
      { text: after, painted: console.paint('dim', after), align: 'right' },
      { text: channel === 0 ? '' : `#${channel}`, align: 'right' },
      { text: kind, painted: is_bad ? console.paint('red', kind) : console.paint('cyan', kind) },
      { text },
    ]
  })
}

/** One record as a line for a person; nothing of it can act on a terminal. */
function shownEvent(item: TimelineItem): ShownEvent | undefined {
  if (item.kind === 'damaged')
    return {
      t_us: 0,
      seq: item.index,
      channel: 0,
      kind: 'damaged',
      text: plainText(item.reason, text_characters_max),
    }
  const { header, payload } = item
  if (quiet.has(header.kind)) return undefined
  const { t_us, seq, channel, kind } = header
  return { t_us, seq, channel, kind, text: plainText(describe(item, payload), text_characters_max) }
}

function describe(item: Extract<TimelineItem, { kind: 'record' }>, payload: Uint8Array): string {
  const { header } = item
  const text = (): string => new TextDecoder().decode(payload)
  switch (header.kind) {
    case 'channel':
      return header.pty === undefined
        ? header.request
        : `${header.request} on a terminal (${header.pty.term}, ${header.pty.columns}x${header.pty.rows})`
    case 'command':
      return header.confidence === 'exact' ? text() : `${text()} (${header.confidence})`
    case 'command_end':
      return `command ${header.command}: status ${header.code}`
    case 'input_text':
      return text()
    case 'input_opaque':
      return 'a line that was not echoed; not recorded'
    case 'verdict':
      return `${header.allowed ? 'allowed' : 'denied'} by ${header.rule}: ${header.asked}${riskOf(header)}`
    case 'hold':
      return `waits by ${header.rule} as request ${header.request}`
    case 'approval':
      return describeApproval(header)
    case 'grant':
      return describeGrant(header)
    case 'dialled':
      return `${header.address}, host key ${header.host_key}`
    case 'resize':
      return `${header.columns}x${header.rows}`
    case 'signal':
      return header.signal
    case 'exit':
      return `status ${header.code}`
    case 'exit_signal':
      return `by SIG${header.signal}${header.core_dumped ? ', core dumped' : ''}`
    case 'failed':
      return `${header.code}: ${header.message}`
    case 'transfer_start':
      return `${header.direction} of ${header.path} by ${header.tool}`
    case 'transfer':
      return describeTransfer(header)
    case 'change':
      return [header.operation, header.path, header.to ?? ''].join(' ').trimEnd()
    case 'statement':
      return describeStatement(header, text())
    case 'run':
      return `#${header.statement} with ${text() === '' ? 'no parameters' : text()}`
    case 'result':
      return describeResult(header)
    case 'end':
      return `${header.reason}${header.detail === '' ? '' : `: ${header.detail}`}`
    case 'start':
    case 'output':
    case 'left_out':
    case 'echo':
    case 'echo_text':
    case 'input':
    case 'stdin':
    case 'eof':
    case 'exchange':
    case 'sealed':
    case 'channel_end':
      return ''
  }
}

function describeApproval({
  request,
  outcome,
  by,
  comment,
}: Extract<RecordHeader, { kind: 'approval' }>): string {
  const names = by.map(({ subject }) => subject).join(', ')
  return `request ${request} ${outcome}${names === '' ? '' : ` by ${names}`}${comment === '' ? '' : `: ${comment}`}`
}

function describeGrant({
  grant,
  break_glass,
  reason,
  by,
  ends_us,
}: Extract<RecordHeader, { kind: 'grant' }>): string {
  const names = by.map(({ subject }) => subject).join(', ')
  const how = break_glass ? 'break-glass' : `approved by ${names}`
  return `${grant} until ${formatTime(ends_us)}, ${how}: ${reason}`
}

function riskOf({ risk, findings }: Extract<RecordHeader, { kind: 'verdict' }>): string {
  if (risk === undefined) return ''
  return findings === undefined ? `, risk ${risk}` : `, risk ${risk} (${findings.join(', ')})`
}

/** Numbers are there for what is run later; what is run at once stands beside its result. */
function describeStatement(
  { statement, prepared, name, allowed, rule }: Extract<RecordHeader, { kind: 'statement' }>,
  text: string,
): string {
  const which = prepared ? `#${statement}${name === '' ? '' : ` ${name}`} prepared: ` : ''
  return allowed ? `${which}${text}` : `denied by ${rule}: ${which}${text}`
}

function describeResult(header: Extract<RecordHeader, { kind: 'result' }>): string {
  const { tag, error, rows, length, duration_us } = header
  const ended = error === undefined ? (tag === '' ? 'not to its end' : tag) : `failed with ${error}`
  const shown =
    rows === 0 ? '' : `, ${rows} ${rows === 1 ? 'row' : 'rows'} of ${formatBytes(length)}`
  const { left_out } = header
  const missing = left_out === undefined ? '' : `, ${left_out.rows} of them not on record`
  return `${ended}${shown}${missing}, after ${formatDuration(duration_us)}`
}

function describeTransfer(header: Extract<RecordHeader, { kind: 'transfer' }>): string {
  const { direction, path, outcome, length, offset, in_order, rule, digest } = header
  const facts = [
    `${formatBytes(length)}${offset > 0 ? ` from byte ${offset}` : ''}`,
    ...(in_order ? [] : ['not in the order of the file']),
    ...(rule === undefined ? [] : [`rule ${rule}`]),
    `digest ${digest.slice(0, 16)}`,
  ]
  return `${direction} of ${path} ${outcome}: ${facts.join(', ')}`
}
