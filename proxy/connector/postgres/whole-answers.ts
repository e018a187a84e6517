/**
 * An answer as most are: of one query or run, all of it in one read, without an error, its rows described as they were the last
 * time, and nothing in them protected. Whatever is otherwise in any way is read message by message: nothing has changed here
 * before all of it was looked at.
 *
 * @module
 */
import type { Decoded, Field, Frame } from '../../core/connector.ts'
import type { StatementFact } from '../../core/statement.ts'
import type { Conversation, Expected, WholeRun } from './conversation.ts'
import { columns_max } from './limits.ts'
import { header_bytes, i32, letter, messageEnd, stringEnd, u16 } from './message.ts'
import { type Analyser, isPlain, type Plan } from './plan.ts'
import { type Column, readColumns } from './rows.ts'
import { let_go_bytes_min } from './shown-frames.ts'
import { Tags } from './tag.ts'
import { treatmentsOf } from './treatment.ts'

const types = {
  parsed: letter('1'),
  bound: letter('2'),
  columns: letter('T'),
  no_data: letter('n'),
  row: letter('D'),
  complete: letter('C'),
  ready: letter('Z'),
} as const

type Query = Extract<Expected, { kind: 'query' }>

/** Columns that were described, none of which is protected in what this plan shows. */
interface Described {
  readonly plan: Plan
  /** Tables that the session had made. */
  readonly made: number
  readonly at: number
  readonly message: Uint8Array
  readonly columns: readonly Column[]
  readonly names: readonly Field[]
}

export class WholeAnswers {
  readonly #conversation: Conversation
  readonly #analyser: Analyser
  /** Of each result. */
  readonly #recorded_rows_max: number
  readonly #tags = new Tags()
  #described: Described | undefined

  constructor(
    conversation: Conversation,
    analyser: Analyser,
    recorded_rows_max: number = Number.POSITIVE_INFINITY,
  ) {
    this.#conversation = conversation
    this.#analyser = analyser
    this.#recorded_rows_max = recorded_rows_max
  }

  read(bytes: Uint8Array): Decoded | undefined {
    const asked = this.#conversation.next
    if (asked?.kind === 'run') return this.#run(bytes, asked)
    if (asked?.kind === 'query') return this.#query(bytes, asked)
    return undefined
  }

  #run(bytes: Uint8Array, asked: WholeRun): Decoded | undefined {
    let at = 0
    if (asked.parse !== undefined) {
      if (!isEmpty(bytes, at, types.parsed)) return undefined
      at += header_bytes
    }
    if (!isEmpty(bytes, at, types.bound)) return undefined
    at += header_bytes
    const { run, prepared, is_described } = asked
    let described: Described | undefined
    if (is_described && isEmpty(bytes, at, types.no_data)) at += header_bytes
    else if (is_described) {
      described = this.#columns(bytes, at, prepared.plan)
      if (described === undefined) return undefined
      at += described.message.length
    }
    const has_rows = described !== undefined || !is_described
    const fact = this.#result(bytes, at, has_rows, described, prepared.statement, run)
    if (fact === undefined) return undefined
    const wrong = this.#conversation.endRun(asked, described?.columns)
    if (wrong !== undefined) return { ok: false, violation: wrong }
    return framesOf(bytes, fact)
  }

  #query(bytes: Uint8Array, asked: Query): Decoded | undefined {
    const [plan] = asked.plans
    if (plan === undefined || !isPlain(asked.plans, plan)) return undefined
    if (asked.denied !== undefined || asked.at > 0 || asked.treatments !== undefined)
      return undefined
    let described: Described | undefined
    let at = 0
    if (bytes[0] === types.columns) {
      described = this.#columns(bytes, at, plan)
      if (described === undefined) return undefined
      at += described.message.length
    }
    const has_rows = described !== undefined
    const fact = this.#result(bytes, at, has_rows, described, asked.statement, 0)
    if (fact === undefined) return undefined
    this.#conversation.ready()
    return framesOf(bytes, fact)
  }

  /** Undefined where it is no description, or something of what it describes is protected. */
  #columns(bytes: Uint8Array, at: number, plan: Plan): Described | undefined {
    const end = endOf(bytes, at, types.columns)
    if (end < 0) return undefined
    const known = this.#described
    const { made } = this.#conversation
    if (known?.at === at && known.plan === plan && known.made === made)
      if (isSame(bytes, at, end, known.message)) return known
    const columns = readColumns(bytes, at, end)
    if (columns === undefined) return undefined
    const are_own = this.#conversation.isOwn(plan)
    const treatments = treatmentsOf(columns, plan, this.#analyser, are_own)
    if (treatments.some((treatment) => treatment !== undefined)) return undefined
    const names = columns.map(({ name }) => name)
    this.#described = { plan, made, at, message: bytes.slice(at, end), columns, names }
    return this.#described
  }

  /** Rows, their end, and the end of all: no more. Undefined where it is anything else. */
  #result(
    bytes: Uint8Array,
    start: number,
    has_rows: boolean,
    described: Described | undefined,
    statement: number,
    run: number,
  ): Whole | undefined {
    const fields: Field[] = described === undefined ? [] : [...described.names]
    const count = described?.columns.length
    let rows = 0
    let rows_bytes = 0
    let at = start
    while (bytes[at] === types.row) {
      const end = endOf(bytes, at, types.row)
      if (!has_rows || end < 0 || !readValues(bytes, at, end, count, fields)) return undefined
      rows += 1
      rows_bytes += end - at - header_bytes - 2
      at = end
    }
    if (rows > this.#recorded_rows_max) return undefined
    const end = endOf(bytes, at, types.complete)
    const tag_at = at + header_bytes
    if (end < 0 || stringEnd(bytes, tag_at, end) !== end - 1) return undefined
    if (!isReady(bytes, end)) return undefined
    const tag = this.#tags.read(bytes, tag_at, end - 1)
    if (tag === undefined) return undefined
    return {
      fields,
      fact: { kind: 'result', statement, run, tag, rows, bytes: rows_bytes },
    }
  }
}

interface Whole {
  readonly fields: readonly Field[]
  readonly fact: StatementFact
}

function framesOf(bytes: Uint8Array, { fields, fact }: Whole): Decoded {
  const data = { kind: 'data', stream: 1, bytes, fields } as const
  const frames: readonly Frame[] = [
    bytes.length < let_go_bytes_min ? data : { ...data, last: true },
    { kind: 'fact', fact },
  ]
  return { ok: true, frames }
}

/** Adds the values of a row that are neither NULL nor empty. False where it is malformed, or has other columns. */
function readValues(
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number | undefined,
  fields: Field[],
): boolean {
  let at = start + header_bytes + 2
  if (at > end) return false
  const values = u16(bytes, at - 2)
  if (values > columns_max || (count !== undefined && values !== count)) return false
  for (let index = 0; index < values; index++) {
    if (at + 4 > end) return false
    const length = i32(bytes, at)
    at += 4
    if (length <= 0) {
      if (length < -1) return false
      continue
    }
    if (at + length > end) return false
    fields.push({ start: at, end: at + length })
    at += length
  }
  return at === end
}

/** Of the message of this type that begins at `at`; -1 where it is not whole, or another one. */
const endOf = (bytes: Uint8Array, at: number, type: number): number =>
  bytes[at] === type ? messageEnd(bytes, at) : -1

/** A message without content. */
const isEmpty = (bytes: Uint8Array, at: number, type: number): boolean =>
  endOf(bytes, at, type) === at + header_bytes

/** ReadyForQuery, and nothing behind it. */
const isReady = (bytes: Uint8Array, at: number): boolean =>
  endOf(bytes, at, types.ready) === bytes.length && bytes.length - at === header_bytes + 1

function isSame(bytes: Uint8Array, start: number, end: number, other: Uint8Array): boolean {
  if (end - start !== other.length) return false
  for (let at = 0; at < other.length; at++) if (bytes[start + at] !== other[at]) return false
  return true
}
