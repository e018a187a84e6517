/**
 * A run as most drivers send it: Bind, Describe, Execute and Sync of the unnamed portal in one read, with or without the Parse ahead
 * of them, of a statement that is known. It is judged like any, and goes on as it came. Whatever is otherwise in any way is
 * read message by message: nothing has changed here before all of it was looked at.
 *
 * @module
 */
import type { Decoded, Field, Frame } from '../../core/connector.ts'
import { type ReadBind, readBind } from './bind.ts'
import type { Conversation, Prepared } from './conversation.ts'
import type { Asked, Judging } from './judging.ts'
import { message_bytes_max } from './limits.ts'
import { header_bytes, letter, stringEnd, u16, u32 } from './message.ts'
import { nameOf } from './name.ts'
import type { Analyser, Plan } from './plan.ts'

const types = {
  parse: letter('P'),
  bind: letter('B'),
  describe: letter('D'),
  execute: letter('E'),
  sync: letter('S'),
  portal: letter('P'),
} as const

/** Of the unnamed portal. */
const describe_bytes: number = header_bytes + 2
const execute_bytes: number = header_bytes + 5

/** What a Parse says. Places are in what was read. */
interface ReadParse {
  readonly name: string
  readonly name_at: number
  readonly name_end: number
  readonly text: Field
  readonly end: number
}

export class WholeRuns {
  readonly #conversation: Conversation
  readonly #analyser: Analyser
  readonly #judging: Judging

  constructor(conversation: Conversation, analyser: Analyser, judging: Judging) {
    this.#conversation = conversation
    this.#analyser = analyser
    this.#judging = judging
  }

  read(bytes: Uint8Array): Decoded | undefined {
    if (!this.#conversation.isReading) return undefined
    if (bytes[0] === types.bind) return this.#run(bytes)
    if (bytes[0] !== types.parse) return undefined
    const parse = readParse(bytes)
    if (parse === undefined || bytes[parse.end] !== types.bind) return undefined
    return this.#parsedRun(bytes, parse)
  }

  #run(bytes: Uint8Array): Decoded | undefined {
    const read = this.#readRun(bytes, 0)
    if (read === undefined) return undefined
    const { name, parameters, fields } = read.bind
    const meant = this.#judging.runs(name)
    const [asked] = meant
    const prepared = this.#conversation.prepared(name)
    if (asked === undefined || meant.length > 1 || prepared?.statement !== asked.statement)
      return undefined
    if (!isPlain(asked.analysis.plans, prepared.plan)) return undefined
    if (!this.#judging.run(meant).allowed) return undefined
    const frames: Frame[] = []
    this.#go(frames, read.is_described, { meant, prepared, name, parameters })
    return this.#whole(frames, asked, bytes, fields)
  }

  #parsedRun(bytes: Uint8Array, parse: ReadParse): Decoded | undefined {
    const read = this.#readRun(bytes, parse.end)
    const { name } = parse
    if (read === undefined || read.bind.name !== name) return undefined
    const text = bytes.subarray(parse.text.start, parse.text.end)
    const analysis = this.#analyser.analyse(text)
    const [plan] = analysis.plans
    if (plan === undefined || !isPlain(analysis.plans, plan)) return undefined
    if (analysis.refused !== undefined) return undefined
    const verdict = this.#judging.fresh(analysis)
    // What is risky is on record besides.
    if (!verdict.allowed || (verdict.risk !== undefined && verdict.risk !== 'low')) return undefined
    const statement = this.#conversation.nextStatement()
    const asked: Asked = { statement, analysis }
    const raw_name = name === '' ? nothing : bytes.subarray(parse.name_at, parse.name_end)
    const { kinds } = analysis.statement
    const frames: Frame[] = [
      {
        kind: 'fact',
        fact: {
          ...{ kind: 'statement', statement, text, name: raw_name, is_prepared: true },
          ...{ kinds, verdict },
        },
        early: true,
      },
    ]
    this.#judging.prepare(name, asked, text)
    const prepared: Prepared = { statement, plan }
    const { parameters, fields } = read.bind
    this.#go(frames, read.is_described, { meant: [asked], prepared, name, parameters, parse: true })
    return this.#whole(frames, asked, bytes, [parse.text, ...fields])
  }

  /** Undefined where it is anything else, or more. */
  #readRun(
    bytes: Uint8Array,
    start: number,
  ): { readonly bind: ReadBind; readonly is_described: boolean } | undefined {
    const end = endOf(bytes, start)
    const is_described = bytes[end] === types.describe
    const execute_at = is_described ? end + describe_bytes : end
    const sync_at = execute_at + execute_bytes
    if (end < 0 || sync_at + header_bytes !== bytes.length) return undefined
    if (is_described && !isDescribe(bytes, end)) return undefined
    // Where columns are protected, rows must not come of which nobody said what they are.
    if (!is_described && this.#analyser.column !== undefined) return undefined
    if (!isExecute(bytes, execute_at) || !isShort(bytes, sync_at, types.sync, 0)) return undefined
    const bind = readBind(bytes, start, end)
    if (bind === undefined || bind === 'unnameable' || bind.portal !== '') return undefined
    return { bind, is_described }
  }

  /** It is allowed: what the session is told of it, and what is expected of the target. */
  #go(
    frames: Frame[],
    is_described: boolean,
    {
      meant,
      prepared,
      name,
      parameters,
      parse,
    }: {
      readonly meant: readonly Asked[]
      readonly prepared: Prepared
      readonly name: string
      readonly parameters: Uint8Array
      readonly parse?: true
    },
  ): void {
    const { statement } = prepared
    const run = this.#conversation.nextRun()
    frames.push({ kind: 'fact', fact: { kind: 'run', statement, run, parameters } })
    this.#judging.bind(
      '',
      is_described
        ? { run, statement, asked: meant, is_described }
        : { run, statement, asked: meant },
    )
    for (const asked of meant) this.#judging.runsNow(asked, undefined)
    const whole = { kind: 'run', name, run, prepared, is_described } as const
    this.#conversation.expectRun(
      parse === true ? { ...whole, parse: { kind: 'parse', name, prepared } } : whole,
    )
    this.#judging.nextSegment()
  }

  /** As one, which waits for its record unless it only reads. */
  #whole(
    frames: Frame[],
    { analysis }: Asked,
    bytes: Uint8Array,
    fields: readonly Field[],
  ): Decoded {
    frames.push(
      analysis.only_reads
        ? { kind: 'data', stream: 0, bytes, fields, early: true }
        : { kind: 'data', stream: 0, bytes, fields },
    )
    return { ok: true, frames }
  }
}

/** One statement, which changes no names, shows nothing of another, and copies nothing. */
export function isPlain(plans: readonly Plan[], plan: Plan): boolean {
  return (
    plans.length === 1 &&
    plan.effect === undefined &&
    plan.shows === undefined &&
    plan.copies === undefined
  )
}

/** Undefined when it is not whole, or malformed. */
function readParse(bytes: Uint8Array): ReadParse | undefined {
  const end = endOf(bytes, 0)
  const name_end = stringEnd(bytes, header_bytes, end)
  const text_end = name_end < 0 ? -1 : stringEnd(bytes, name_end + 1, end)
  if (text_end < 0 || text_end + 3 > end || text_end + 3 + 4 * u16(bytes, text_end + 1) !== end)
    return undefined
  const name = nameOf(bytes, header_bytes, name_end)
  if (name === undefined) return undefined
  return {
    name,
    name_at: header_bytes,
    name_end,
    text: { start: name_end + 1, end: text_end },
    end,
  }
}

/** Of the message that begins at `at`; -1 where it is not whole, or none. */
function endOf(bytes: Uint8Array, at: number): number {
  if (bytes.length - at < header_bytes) return -1
  const length = 1 + u32(bytes, at + 1)
  const is_whole = length >= header_bytes && length <= message_bytes_max
  return is_whole && at + length <= bytes.length ? at + length : -1
}

/** So many bytes behind its header. What is read past the end is none of these. */
function isShort(bytes: Uint8Array, at: number, type: number, more: number): boolean {
  return bytes[at] === type && u32(bytes, at + 1) === header_bytes - 1 + more
}

const isDescribe = (bytes: Uint8Array, at: number): boolean =>
  isShort(bytes, at, types.describe, 2) &&
  bytes[at + header_bytes] === types.portal &&
  bytes[at + header_bytes + 1] === 0

const isExecute = (bytes: Uint8Array, at: number): boolean =>
  isShort(bytes, at, types.execute, 5) && bytes[at + header_bytes] === 0

const nothing = new Uint8Array()
