/**
 * What a target answers: each message belongs to what was asked, or the session ends. Values are found, so that each
 * of them is masked for itself; those of protected columns are covered, whatever they hold.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { Decoded, Field, Wire } from '../../core/connector.ts'
import type { LeftOut } from '../../core/statement.ts'
import type { Conversation, Refusal, Runs } from './conversation.ts'
import { movedBy } from './field.ts'
import { message_bytes_max } from './limits.ts'
import {
  header_bytes,
  letter,
  MessageCutter,
  report,
  sqlState,
  stringEnd,
  type TakeMessage,
  textOf,
  u16,
  u32,
} from './message.ts'
import { type Analyser, opaque_plan, type Plan, unknown_rule } from './plan.ts'
import { type Column, readColumns, readCopyRow, readRow, type Treatment } from './rows.ts'
import { ShownFrames } from './shown-frames.ts'
import { isReadable } from './sql/settings.ts'
import { Tags } from './tag.ts'
import { treatmentsOf } from './treatment.ts'
import { wordFields } from './words.ts'

export class Answers {
  readonly #conversation: Conversation
  readonly #analyser: Analyser
  /** Of each result. */
  readonly #recorded_rows_max: number
  readonly #cutter = new MessageCutter(message_bytes_max, 'd')
  /** Set while rows of a COPY come: how they are treated. */
  #copy: { readonly treatments: readonly Treatment[] | undefined } | undefined
  readonly #shown = new ShownFrames()
  #isBroken = false
  readonly #tags = new Tags()
  readonly #take: TakeMessage = (type, bytes, start, end) => this.#answer(type, bytes, start, end)
  /** Digests of this session are comparable with each other alone. */
  readonly #key = new Uint8Array(randomBytes(32))

  constructor(
    conversation: Conversation,
    analyser: Analyser,
    recorded_rows_max: number = Number.POSITIVE_INFINITY,
  ) {
    this.#conversation = conversation
    this.#analyser = analyser
    this.#recorded_rows_max = recorded_rows_max
  }

  /** Nothing has begun, nothing is wrong. */
  get isBetween(): boolean {
    return !this.#isBroken && this.#copy === undefined && this.#cutter.isEmpty
  }

  decode(wire: Wire): Decoded {
    if (this.#isBroken) return { ok: true, frames: [] }
    if (wire.kind === 'control') {
      if (wire.event.kind === 'eof') this.#cutter.rest()
      return { ok: true, frames: [wire] }
    }
    const violation = this.#cutter.cut(wire.bytes, this.#take)
    if (violation !== undefined) return this.#broken(violation)
    return { ok: true, frames: this.#shown.take(wire.bytes) }
  }

  flush(): Decoded {
    this.#cutter.rest()
    return { ok: true, frames: [] }
  }

  #broken(violation: string): Decoded {
    this.#isBroken = true
    return { ok: false, violation: `the target does not speak PostgreSQL: ${violation}` }
  }

  #answer(type: number, bytes: Uint8Array, start: number, end: number): string | undefined {
    switch (String.fromCharCode(type)) {
      case 'D':
        return this.#row(bytes, start, end)
      case 'd':
        return this.#copyRows(bytes.subarray(start, end), bytes, start)
      case 'T':
        return this.#columns(bytes, start, end)
      case 'C':
        return this.#complete(bytes, start, end)
      case 'Z':
        return this.#ready(bytes, start, end)
      case 'E':
        return this.#error(bytes, start, end)
      case 'N':
        return this.#notice(bytes, start, end)
      case 'A':
        return this.#notification(bytes, start, end)
      case 'S':
        return this.#setting(bytes, start, end)
      case 'G':
      case 'H':
        return this.#copyBegins(type === letter('G'), bytes, start, end)
      default:
        return this.#short(type, bytes, start, end)
    }
  }

  /** Answers that say no more than that something is done. */
  #short(type: number, bytes: Uint8Array, start: number, end: number): string | undefined {
    const head = this.#conversation.head
    // ParameterDescription has types alone; the others are empty.
    const types = start + header_bytes
    const more = type === letter('t') && end >= types + 2 ? 2 + 4 * u16(bytes, types) : 0
    if (end - types !== more) return out_of_place
    switch (String.fromCharCode(type)) {
      case '1':
        if (head?.kind !== 'parse' || head.denied !== undefined) return out_of_place
        this.#done(bytes, start, end)
        return this.#conversation.prepare(head.name, head.prepared)
      case '2':
        if (head?.kind !== 'bind') return out_of_place
        this.#done(bytes, start, end)
        return this.#conversation.bind(head)
      case '3':
        if (head?.kind !== 'close') return out_of_place
        this.#conversation.close(head.of, head.name)
        this.#done(bytes, start, end)
        return undefined
      case 'n':
        if (head?.kind !== 'describe') return out_of_place
        if (head.is_own === true) this.#conversation.shift()
        else this.#done(bytes, start, end)
        return undefined
      case 't':
        if (head?.kind !== 'describe' || more === 0) return out_of_place
        this.#pass(bytes, start, end)
        return undefined
      case 'I':
      case 's':
        if (head?.kind !== 'execute' && !(type === letter('I') && head?.kind === 'query'))
          return out_of_place
        this.#result(head, '')
        if (head.kind === 'execute') this.#conversation.shift()
        this.#pass(bytes, start, end)
        return undefined
      case 'c':
        if (this.#copy === undefined) return out_of_place
        this.#copy = undefined
        this.#pass(bytes, start, end)
        return undefined
      default:
        return 'a message is unknown'
    }
  }

  #done(bytes: Uint8Array, start: number, end: number): void {
    this.#conversation.shift()
    this.#pass(bytes, start, end)
  }

  #columns(bytes: Uint8Array, start: number, end: number): string | undefined {
    const columns = readColumns(bytes, start, end)
    if (columns === undefined) return 'a RowDescription is malformed'
    const head = this.#conversation.head
    if (head?.kind === 'describe') {
      this.#conversation.shift()
      const portal = head.of === 'portal' ? this.#conversation.portal(head.name) : undefined
      if (portal !== undefined) portal.columns = columns
      if (head.is_own === true) return undefined
    } else if (head?.kind === 'query' && head.denied === undefined) {
      const plan = head.plans[head.at] ?? opaque_plan
      head.treatments = this.#treatments(columns, plan)
    } else return out_of_place
    const names = columns.map(({ name }) => name)
    this.#pass(bytes, start, end, names)
    return undefined
  }

  #treatments(columns: readonly Column[], plan: Plan): readonly Treatment[] {
    const shown = this.#conversation.shown(plan)
    return treatmentsOf(columns, shown, this.#analyser, this.#conversation.isOwn(shown))
  }

  #row(bytes: Uint8Array, start: number, end: number): string | undefined {
    const head = this.#conversation.head
    if (head?.kind === 'execute') {
      const portal = this.#conversation.portal(head.portal)
      if (head.treatments === undefined && portal?.columns !== undefined)
        head.treatments = this.#treatments(portal.columns, portal.plan)
    } else if (head?.kind !== 'query' || head.treatments === undefined) return out_of_place
    head.rows += 1
    head.bytes += end - start - header_bytes - 2
    // Rows that were never described: where columns are protected, it cannot be said which these are.
    const fallback: Treatment =
      this.#analyser.column === undefined ? undefined : { how: 'null', rule: unknown_rule }
    const row = readRow(bytes, start, end, head.treatments, fallback, this.#key)
    if (row === undefined) return 'a DataRow is malformed'
    const left_out = this.#leftOut(head, 1)
    if (row.bytes === bytes) this.#pass(bytes, start, end, row.fields, left_out)
    else this.#pass(row.bytes, 0, row.bytes.length, row.fields, left_out)
    return undefined
  }

  #copyBegins(is_in: boolean, bytes: Uint8Array, start: number, end: number): string | undefined {
    const head = this.#running()
    const at = start + header_bytes
    if (head === undefined || end < at + 3 || end !== at + 3 + 2 * u16(bytes, at + 1))
      return out_of_place
    const { copies, copied: treatments } = this.#conversation.planOf(head)
    // Unasked, a client would send what it reads next: a script, a file.
    if (copies !== (is_in ? 'in' : 'out')) return out_of_place
    if (is_in) this.#conversation.copyIn()
    else {
      // In its text format, and of so many columns: otherwise the request would not have come so far.
      const is_text = bytes[at] === 0
      if (treatments !== undefined && (!is_text || u16(bytes, at + 1) !== treatments.length))
        return 'a COPY is not what was asked for'
      this.#copy = { treatments }
    }
    this.#pass(bytes, start, end)
    return undefined
  }

  /** One or more, each behind the other: `bytes` lie in `source`, from `start`. */
  #copyRows(bytes: Uint8Array, source: Uint8Array, start: number): string | undefined {
    const head = this.#running()
    if (this.#copy === undefined || head === undefined) return out_of_place
    const { treatments } = this.#copy
    let fields: Field[] = []
    let from = 0
    let rows = 0
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + u32(bytes, at + 1)
      // Whether rows go on record changes once in a result.
      if (treatments === undefined && head.rows === this.#recorded_rows_max && rows > 0) {
        this.#pass(source, start + from, start + at, fields, this.#leftOut(head, rows))
        fields = []
        from = at
        rows = 0
      }
      head.rows += 1
      head.bytes += end - at - header_bytes
      rows += 1
      if (treatments === undefined)
        fields.push({ start: start + at + header_bytes, end: start + end })
      else {
        const row = readCopyRow(bytes.subarray(at, end), treatments, this.#key)
        if (row === undefined) return 'a row of a COPY is malformed'
        this.#pass(row.bytes, 0, row.bytes.length, row.fields, this.#leftOut(head, 1))
      }
      at = end
    }
    if (treatments === undefined)
      this.#pass(source, start + from, start + bytes.length, fields, this.#leftOut(head, rows))
    return undefined
  }

  #complete(bytes: Uint8Array, start: number, end: number): string | undefined {
    const head = this.#running()
    const tag_at = start + header_bytes
    if (head === undefined || stringEnd(bytes, tag_at, end) !== end - 1) return out_of_place
    this.#copy = undefined
    this.#conversation.endCopy()
    const tag = this.#tags.read(bytes, tag_at, end - 1)
    this.#result(head, tag ?? '')
    const { effect } = this.#conversation.planOf(head)
    const wrong = this.#conversation.run(effect, this.#conversation.numbersOf(head).statement)
    if (head.kind === 'execute') this.#conversation.shift()
    else {
      head.at += 1
      head.rows = 0
      head.bytes = 0
      delete head.treatments
    }
    this.#pass(bytes, start, end, tag === undefined ? [{ start: tag_at, end: end - 1 }] : none)
    return wrong
  }

  #ready(bytes: Uint8Array, start: number, end: number): string | undefined {
    const head = this.#conversation.head
    if (end - start !== header_bytes + 1 || (head?.kind !== 'sync' && head?.kind !== 'query'))
      return out_of_place
    this.#conversation.ready()
    this.#pass(bytes, start, end)
    return undefined
  }

  #error(source: Uint8Array, start: number, end: number): string | undefined {
    const bytes = source.subarray(start, end)
    const fields = wordFields(bytes, () => this.#isTouched())
    if (fields === undefined) return 'an ErrorResponse is malformed'
    const head = this.#conversation.head
    const running = this.#running()
    const code = sqlState(bytes)
    const denied = head !== undefined && 'denied' in head ? head.denied : undefined
    const shown = /^[0-9A-Z]{5}$/.test(code) ? code : 'XX000'
    if (running !== undefined) this.#result(running, '', denied?.code ?? shown)
    this.#copy = undefined
    if (head?.kind === 'query') this.#conversation.endCopy()
    else if (head !== undefined && head.kind !== 'sync') this.#conversation.skip()
    // That the transaction is broken already is the target's to say.
    if (denied === undefined || code === '25P02') this.#passIn(source, start, end, fields)
    else this.#deny(denied)
    return undefined
  }

  /** One that nobody can read is told where, as the target would: in words that repeat a part of it. */
  #deny({ message, rule, code, fault }: Refusal): void {
    const told =
      fault === undefined
        ? report('ERROR', code, message, `rule ${rule}`)
        : report('ERROR', '42601', fault.message, `rule ${rule}`, fault.position)
    const fields = fault === undefined ? none : wordFields(told, () => false)
    this.#pass(told, 0, told.length, fields)
  }

  #notice(bytes: Uint8Array, start: number, end: number): string | undefined {
    const fields = wordFields(bytes.subarray(start, end), () => this.#isTouched())
    if (fields === undefined) return 'a NoticeResponse is malformed'
    this.#passIn(bytes, start, end, fields)
    return undefined
  }

  #isTouched(): boolean {
    return this.#analyser.column !== undefined && this.#conversation.isTouched()
  }

  #notification(source: Uint8Array, from: number, until: number): string | undefined {
    const bytes = source.subarray(from, until)
    const channel_end = stringEnd(bytes, header_bytes + 4)
    if (channel_end < 0 || stringEnd(bytes, channel_end + 1) !== bytes.length - 1)
      return 'a NotificationResponse is malformed'
    this.#passIn(source, from, until, [
      { start: header_bytes + 4, end: channel_end },
      { start: channel_end + 1, end: bytes.length - 1 },
    ])
    return undefined
  }

  #setting(source: Uint8Array, from: number, until: number): string | undefined {
    const bytes = source.subarray(from, until)
    const end = stringEnd(bytes, header_bytes)
    if (end < 0 || stringEnd(bytes, end + 1) !== bytes.length - 1)
      return 'a ParameterStatus is malformed'
    const name = textOf(bytes.subarray(header_bytes, end))
    const value = textOf(bytes.subarray(end + 1, -1))
    if (!isReadable(name, value)) return 'statements would be read in another way from here on'
    this.#passIn(source, from, until, [
      { start: header_bytes, end },
      { start: end + 1, end: bytes.length - 1 },
    ])
    return undefined
  }

  /** What rows and their end belong to. */
  #running(): Runs | undefined {
    const head = this.#conversation.head
    return head?.kind === 'query' || head?.kind === 'execute' ? head : undefined
  }

  /** Of the rows that were counted last: whether they are beyond those that go on record. */
  #leftOut(running: Runs, rows: number): LeftOut | undefined {
    if (running.rows <= this.#recorded_rows_max) return undefined
    return { ...this.#conversation.numbersOf(running), rows }
  }

  #result(running: Runs, tag: string, error?: string): void {
    const { rows, bytes } = running
    const numbers = this.#conversation.numbersOf(running)
    const fact = { kind: 'result', ...numbers, tag, rows, bytes } as const
    const whole = error === undefined ? fact : { ...fact, error }
    this.#shown.result(whole, rows > this.#recorded_rows_max)
  }

  /** With places in `bytes`. */
  #pass(
    bytes: Uint8Array,
    start: number,
    end: number,
    fields: readonly Field[] = none,
    left_out?: LeftOut,
  ): void {
    this.#shown.pass(bytes, start, end, fields, left_out)
  }

  /** ... with places in the message. */
  #passIn(bytes: Uint8Array, start: number, end: number, fields: readonly Field[]): void {
    const moved = fields.map((field) => movedBy(field, start))
    this.#shown.pass(bytes, start, end, moved)
  }
}

const none: readonly Field[] = []

const out_of_place = 'an answer is out of place'
