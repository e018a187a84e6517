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
import { header_bytes, letter, messageEnd, u32 } from './message.ts'
import { type ReadParse, readParse } from './parse.ts'
import { type Analyser, isPlain } from './plan.ts'

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
    const end = messageEnd(bytes, 0)
    if (end < 0 || bytes[end] !== types.bind) return undefined
    const parse = readParse(bytes, 0, end)
    if (parse === undefined || parse === 'unnameable') return undefined
    return this.#parsedRun(bytes, parse, end)
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

  #parsedRun(bytes: Uint8Array, parse: ReadParse, end: number): Decoded | undefined {
    const read = this.#readRun(bytes, end)
    const { name, raw_name } = parse
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
    const end = messageEnd(bytes, start)
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
