/**
 * What a target answers: each message belongs to what was asked, or the session ends. Values are found, so that each
 * of them is masked for itself; those of protected columns are covered, whatever they hold.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { Decoded, Field, Wire } from '../../core/connector.ts'
import type { LeftOut } from '../../core/statement.ts'
import type { Conversation, Expected, Refusal } from './conversation.ts'
import { message_bytes_max } from './limits.ts'
import {
  header_bytes,
  letter,
  type Message,
  MessageCutter,
  report,
  sqlState,
  stringEnd,
  textOf,
  u16,
  u32,
} from './message.ts'
import { type Analyser, opaque_plan, type Plan, unknown_rule } from './plan.ts'
import { type Column, readColumns, readCopyRow, readRow, type Treatment } from './rows.ts'
import { ShownFrames } from './shown-frames.ts'
import { isReadable } from './sql/settings.ts'
import { treatmentsOf } from './treatment.ts'
import { wordFields } from './words.ts'

type Running = Extract<Expected, { kind: 'query' | 'execute' }>

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

  decode(wire: Wire): Decoded {
    if (this.#isBroken) return { ok: true, frames: [] }
    if (wire.kind === 'control') {
      if (wire.event.kind === 'eof') this.#cutter.rest()
      return { ok: true, frames: [wire] }
    }
    const cut = this.#cutter.push(wire.bytes)
    if (!cut.ok) return this.#broken(cut.violation)
    for (const each of cut.messages) {
      const violation = this.#answer(each)
      if (violation !== undefined) return this.#broken(violation)
    }
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

  #answer({ type, bytes }: Message): string | undefined {
    switch (String.fromCharCode(type)) {
      case 'D':
        return this.#row(bytes)
      case 'd':
        return this.#copyRows(bytes)
      case 'T':
        return this.#columns(bytes)
      case 'C':
        return this.#complete(bytes)
      case 'Z':
        return this.#ready(bytes)
      case 'E':
        return this.#error(bytes)
      case 'N':
        return this.#notice(bytes)
      case 'A':
        return this.#notification(bytes)
      case 'S':
        return this.#setting(bytes)
      case 'G':
      case 'H':
        return this.#copyBegins(type === letter('G'), bytes)
      default:
        return this.#short(type, bytes)
    }
  }

  /** Answers that say no more than that something is done. */
  #short(type: number, bytes: Uint8Array): string | undefined {
    const head = this.#conversation.head
    const is = (kind: Expected['kind']): boolean => head?.kind === kind
    const done = (violation?: string): string | undefined => {
      this.#conversation.shift()
      this.#pass(bytes, [])
      return violation
    }
    // ParameterDescription has types alone; the others are empty.
    if (type !== letter('t') && bytes.length !== header_bytes) return out_of_place
    switch (String.fromCharCode(type)) {
      case '1':
        if (head?.kind !== 'parse' || head.denied !== undefined) return out_of_place
        return done(this.#conversation.prepare(head.name, head.prepared))
      case '2':
        return head?.kind === 'bind' ? done(this.#conversation.bind(head)) : out_of_place
      case '3':
        if (head?.kind !== 'close') return out_of_place
        this.#conversation.close(head.of, head.name)
        return done()
      case 'n':
        if (head?.kind !== 'describe') return out_of_place
        if (head.is_own !== true) return done()
        this.#conversation.shift()
        return undefined
      case 't':
        if (!is('describe')) return out_of_place
        this.#pass(bytes, [])
        return undefined
      case 'I':
      case 's':
        if (head?.kind !== 'execute' && !(type === letter('I') && head?.kind === 'query'))
          return out_of_place
        this.#result(head, '')
        if (head.kind === 'execute') return done()
        this.#pass(bytes, [])
        return undefined
      case 'c':
        if (this.#copy === undefined) return out_of_place
        this.#copy = undefined
        this.#pass(bytes, [])
        return undefined
      default:
        return 'a message is unknown'
    }
  }

  #columns(bytes: Uint8Array): string | undefined {
    const columns = readColumns(bytes)
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
    this.#pass(
      bytes,
      columns.map(({ name }) => name),
    )
    return undefined
  }

  #treatments(columns: readonly Column[], plan: Plan): readonly Treatment[] {
    const shown = this.#conversation.shown(plan)
    return treatmentsOf(columns, shown, this.#analyser, this.#conversation.isOwn(shown))
  }

  #row(bytes: Uint8Array): string | undefined {
    const head = this.#conversation.head
    if (head?.kind === 'execute') {
      const portal = this.#conversation.portal(head.portal)
      if (head.treatments === undefined && portal?.columns !== undefined)
        head.treatments = this.#treatments(portal.columns, portal.plan)
    } else if (head?.kind !== 'query' || head.treatments === undefined) return out_of_place
    head.rows += 1
    head.bytes += bytes.length - header_bytes - 2
    // Rows that were never described: where columns are protected, it cannot be said which these are.
    const fallback: Treatment =
      this.#analyser.column === undefined ? undefined : { how: 'null', rule: unknown_rule }
    const row = readRow(bytes, head.treatments, fallback, this.#key)
    if (row === undefined) return 'a DataRow is malformed'
    this.#pass(row.bytes, row.fields, this.#leftOut(head, 1))
    return undefined
  }

  #copyBegins(is_in: boolean, bytes: Uint8Array): string | undefined {
    const head = this.#running()
    if (head === undefined || bytes.length !== header_bytes + 3 + 2 * u16(bytes, header_bytes + 1))
      return out_of_place
    if (is_in) this.#conversation.copyIn()
    else {
      const treatments = this.#plan(head).copied
      // In its text format, and of so many columns: otherwise the request would not have come so far.
      const is_text = bytes[header_bytes] === 0
      if (
        treatments !== undefined &&
        (!is_text || u16(bytes, header_bytes + 1) !== treatments.length)
      )
        return 'a COPY is not what was asked for'
      this.#copy = { treatments }
    }
    this.#pass(bytes, [])
    return undefined
  }

  /** One or more, each behind the other. */
  #copyRows(bytes: Uint8Array): string | undefined {
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
        this.#pass(bytes.subarray(from, at), fields, this.#leftOut(head, rows))
        fields = []
        from = at
        rows = 0
      }
      head.rows += 1
      head.bytes += end - at - header_bytes
      rows += 1
      if (treatments === undefined)
        fields.push({ start: at - from + header_bytes, end: end - from })
      else {
        const row = readCopyRow(bytes.subarray(at, end), treatments, this.#key)
        if (row === undefined) return 'a row of a COPY is malformed'
        this.#pass(row.bytes, row.fields, this.#leftOut(head, 1))
      }
      at = end
    }
    if (treatments === undefined)
      this.#pass(bytes.subarray(from), fields, this.#leftOut(head, rows))
    return undefined
  }

  #complete(bytes: Uint8Array): string | undefined {
    const head = this.#running()
    if (head === undefined || stringEnd(bytes, header_bytes) !== bytes.length - 1)
      return out_of_place
    this.#copy = undefined
    this.#conversation.endCopy()
    this.#result(head, textOf(bytes.subarray(header_bytes, -1)))
    const { effect } = this.#plan(head)
    const wrong = this.#conversation.run(effect, this.#numbers(head).statement)
    if (head.kind === 'execute') this.#conversation.shift()
    else {
      head.at += 1
      head.rows = 0
      head.bytes = 0
      delete head.treatments
    }
    this.#pass(bytes, [])
    return wrong
  }

  #ready(bytes: Uint8Array): string | undefined {
    const head = this.#conversation.head
    if (bytes.length !== header_bytes + 1 || (head?.kind !== 'sync' && head?.kind !== 'query'))
      return out_of_place
    this.#conversation.endCopy()
    this.#conversation.shift()
    this.#pass(bytes, [])
    return undefined
  }

  #error(bytes: Uint8Array): string | undefined {
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
    if (denied === undefined || code === '25P02') this.#pass(bytes, fields)
    else this.#deny(denied)
    return undefined
  }

  /** One that nobody can read is told where, as the target would: in words that repeat a part of it. */
  #deny({ message, rule, code, fault }: Refusal): void {
    if (fault === undefined) this.#pass(report('ERROR', code, message, `rule ${rule}`), [])
    else {
      const told = report('ERROR', '42601', fault.message, `rule ${rule}`, fault.position)
      this.#pass(told, wordFields(told, () => false) ?? [])
    }
  }

  #notice(bytes: Uint8Array): string | undefined {
    const fields = wordFields(bytes, () => this.#isTouched())
    if (fields === undefined) return 'a NoticeResponse is malformed'
    this.#pass(bytes, fields)
    return undefined
  }

  #isTouched(): boolean {
    if (this.#analyser.column === undefined) return false
    const head = this.#conversation.head
    switch (head?.kind) {
      case 'query':
      case 'execute':
        return this.#conversation.shown(this.#plan(head)).outputs.is_touched
      case 'parse':
        return head.prepared.plan.outputs.is_touched
      case 'bind':
        return this.#conversation.prepared(head.name)?.plan.outputs.is_touched ?? true
      case undefined:
      case 'describe':
      case 'close':
      case 'copy_end':
        return false
      // A constraint that waits for the end of the transaction.
      case 'sync':
        return true
    }
  }

  #notification(bytes: Uint8Array): string | undefined {
    const channel_end = stringEnd(bytes, header_bytes + 4)
    if (channel_end < 0 || stringEnd(bytes, channel_end + 1) !== bytes.length - 1)
      return 'a NotificationResponse is malformed'
    this.#pass(bytes, [
      { start: header_bytes + 4, end: channel_end },
      { start: channel_end + 1, end: bytes.length - 1 },
    ])
    return undefined
  }

  #setting(bytes: Uint8Array): string | undefined {
    const end = stringEnd(bytes, header_bytes)
    if (end < 0 || stringEnd(bytes, end + 1) !== bytes.length - 1)
      return 'a ParameterStatus is malformed'
    const name = textOf(bytes.subarray(header_bytes, end))
    const value = textOf(bytes.subarray(end + 1, -1))
    if (!isReadable(name, value)) return 'statements would be read in another way from here on'
    this.#pass(bytes, [{ start: end + 1, end: bytes.length - 1 }])
    return undefined
  }

  /** What rows and their end belong to. */
  #running(): Running | undefined {
    const head = this.#conversation.head
    return head?.kind === 'query' || head?.kind === 'execute' ? head : undefined
  }

  #plan(running: Running): Plan {
    if (running.kind === 'query') return running.plans[running.at] ?? opaque_plan
    return this.#conversation.portal(running.portal)?.plan ?? opaque_plan
  }

  #numbers(running: Running): { readonly statement: number; readonly run: number } {
    if (running.kind === 'query') return { statement: running.statement, run: 0 }
    const { statement = 0, run = 0 } = this.#conversation.portal(running.portal) ?? {}
    return { statement, run }
  }

  /** Of the rows that were counted last: whether they are beyond those that go on record. */
  #leftOut(running: Running, rows: number): LeftOut | undefined {
    if (running.rows <= this.#recorded_rows_max) return undefined
    return { ...this.#numbers(running), rows }
  }

  #result(running: Running, tag: string, error?: string): void {
    const { rows, bytes } = running
    const fact = { kind: 'result', ...this.#numbers(running), tag, rows, bytes } as const
    const whole = error === undefined ? fact : { ...fact, error }
    this.#shown.result(whole, rows > this.#recorded_rows_max)
  }

  #pass(bytes: Uint8Array, fields: readonly Field[], left_out?: LeftOut): void {
    this.#shown.pass(bytes, fields, left_out)
  }
}

const out_of_place = 'an answer is out of place'
