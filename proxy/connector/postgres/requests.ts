/**
 * What a client asks: each message is known or the session ends, each statement is judged before it is let through.
 * One that is denied goes on as a statement that fails, so that order and transaction come right by themselves.
 *
 * @module
 */
import type { Decoded, Field, Frame, Wire } from '../../core/connector.ts'
import type { Judge } from '../../core/statement.ts'
import type { Denial, Verdict } from '../../core/verdict.ts'
import type { Conversation } from './conversation.ts'
import { message_bytes_max } from './limits.ts'
import {
  header_bytes,
  i32,
  letter,
  type Message,
  MessageCutter,
  message,
  stringEnd,
  textOf,
  u16,
} from './message.ts'
import { parametersText } from './parameters.ts'
import { type Analyser, type Analysis, opaque_plan, type Plan } from './plan.ts'

/** No such function can be there: only the target's own developers name functions of this schema. */
const denied_statement = 'SELECT pg_catalog.sluice_denied()'

export class Requests {
  readonly #conversation: Conversation
  readonly #analyser: Analyser
  readonly #judge: Judge
  readonly #cutter = new MessageCutter(message_bytes_max)
  #statements = 0
  #runs = 0
  /** Numbers of prepared statements by name, as they were asked for: for the records alone. */
  readonly #numbers = new Map<string, number>()
  #frames: Frame[] = []
  #isBroken = false

  constructor(conversation: Conversation, analyser: Analyser, judge: Judge) {
    this.#conversation = conversation
    this.#analyser = analyser
    this.#judge = judge
  }

  decode(wire: Wire): Decoded {
    if (this.#isBroken) return { ok: true, frames: [] }
    if (wire.kind === 'control') {
      // What began and will never be whole goes nowhere.
      if (wire.event.kind === 'eof') this.#cutter.rest()
      return { ok: true, frames: [wire] }
    }
    const cut = this.#cutter.push(wire.bytes)
    if (!cut.ok) return this.#broken(cut.violation)
    this.#frames = []
    for (const each of cut.messages) {
      const violation = this.#request(each)
      if (violation !== undefined) return this.#broken(violation)
    }
    return { ok: true, frames: this.#frames }
  }

  /** A message that is not whole is none. */
  flush(): Decoded {
    this.#cutter.rest()
    return { ok: true, frames: [] }
  }

  /** Nothing that follows is read: what it would mean is unknown. */
  #broken(violation: string): Decoded {
    this.#isBroken = true
    return { ok: false, violation: `this is not PostgreSQL's protocol: ${violation}` }
  }

  #request({ type, bytes }: Message): string | undefined {
    switch (String.fromCharCode(type)) {
      case 'Q':
        return this.#query(bytes)
      case 'P':
        return this.#parse(bytes)
      case 'B':
        return this.#bind(bytes)
      case 'D':
      case 'C':
        return this.#named(type === letter('D') ? 'describe' : 'close', bytes)
      case 'E': {
        const end = stringEnd(bytes, header_bytes)
        if (end < 0 || end + 5 !== bytes.length) return malformed('Execute')
        const portal = textOf(bytes.subarray(header_bytes, end))
        return this.#pass(bytes, [], { kind: 'execute', portal, rows: 0, bytes: 0 })
      }
      case 'S':
        if (bytes.length !== header_bytes) return malformed('Sync')
        return this.#pass(bytes, [], { kind: 'sync' })
      case 'H':
        if (bytes.length !== header_bytes) return malformed('Flush')
        return this.#pass(bytes, [])
      case 'd':
        return this.#pass(bytes, [{ start: header_bytes, end: bytes.length }])
      case 'c':
        if (bytes.length !== header_bytes) return malformed('CopyDone')
        return this.#pass(bytes, [], { kind: 'copy_end' })
      case 'f':
        if (stringEnd(bytes, header_bytes) !== bytes.length - 1) return malformed('CopyFail')
        return this.#pass(bytes, [{ start: header_bytes, end: bytes.length - 1 }], {
          kind: 'copy_end',
        })
      case 'X':
        return bytes.length === header_bytes ? this.#pass(bytes, []) : malformed('Terminate')
      case 'F':
        return this.#functionCall()
      default:
        return 'a message is unknown'
    }
  }

  #query(bytes: Uint8Array): string | undefined {
    const end = bytes.length - 1
    if (end < header_bytes || stringEnd(bytes, header_bytes) !== end) return malformed('Query')
    const text = bytes.subarray(header_bytes, end)
    const { statement, analysis, denied } = this.#decide(text, new Uint8Array(), false)
    const asked = { kind: 'query', statement, at: 0, rows: 0, bytes: 0 } as const
    if (denied === undefined)
      return this.#pass(bytes, [{ start: header_bytes, end }], { ...asked, plans: analysis.plans })
    return this.#pass(message('Q', denied_statement), [], { ...asked, plans: [], denied })
  }

  #parse(bytes: Uint8Array): string | undefined {
    const name_end = stringEnd(bytes, header_bytes)
    const end = name_end < 0 ? -1 : stringEnd(bytes, name_end + 1)
    if (end < 0 || end + 3 + 4 * u16(bytes, end + 1) !== bytes.length) return malformed('Parse')
    const raw_name = bytes.subarray(header_bytes, name_end)
    const name = textOf(raw_name)
    const text = bytes.subarray(name_end + 1, end)
    const { statement, analysis, denied } = this.#decide(text, raw_name, true)
    this.#numbers.set(name, statement)
    const plan: Plan = analysis.plans.length > 1 ? opaque_plan : (analysis.plans[0] ?? opaque_plan)
    const asked = { kind: 'parse', name, prepared: { statement, plan } } as const
    if (denied === undefined) return this.#pass(bytes, [{ start: name_end + 1, end }], asked)
    // The types of its parameters stay: a Bind may follow before anybody knows.
    const types = bytes.subarray(end + 1)
    return this.#pass(message('P', raw_name, 0, denied_statement, types), [], { ...asked, denied })
  }

  #bind(bytes: Uint8Array): string | undefined {
    const portal_end = stringEnd(bytes, header_bytes)
    const name_end = portal_end < 0 ? -1 : stringEnd(bytes, portal_end + 1)
    if (name_end < 0) return malformed('Bind')
    let at = name_end + 1
    const format_count = u16(bytes, at)
    const formats_at = at + 2
    at = formats_at + 2 * format_count
    if (at + 2 > bytes.length) return malformed('Bind')
    const count = u16(bytes, at)
    at += 2
    const fields: Field[] = []
    const values: (Field | undefined)[] = []
    for (let index = 0; index < count; index++) {
      if (at + 4 > bytes.length) return malformed('Bind')
      const length = i32(bytes, at)
      const start = at + 4
      if (length < -1) return malformed('Bind')
      at = start + Math.max(length, 0)
      if (at > bytes.length) return malformed('Bind')
      if (length > 0) fields.push({ start, end: at })
      values.push(length < 0 ? undefined : { start, end: at })
    }
    if (at + 2 + 2 * u16(bytes, at) !== bytes.length) return malformed('Bind')
    const formatOf = (index: number): number =>
      format_count === 0 ? 0 : u16(bytes, formats_at + 2 * (format_count === 1 ? 0 : index))
    const name = textOf(bytes.subarray(portal_end + 1, name_end))
    const run = ++this.#runs
    const statement = this.#numbers.get(name) ?? 0
    const parameters = parametersText(bytes, values, formatOf)
    this.#frames.push({ kind: 'fact', fact: { kind: 'run', statement, run, parameters } })
    const portal = textOf(bytes.subarray(header_bytes, portal_end))
    return this.#pass(bytes, fields, { kind: 'bind', portal, name, run })
  }

  #named(kind: 'describe' | 'close', bytes: Uint8Array): string | undefined {
    const which = bytes[header_bytes]
    const what = kind === 'describe' ? 'Describe' : 'Close'
    if (which !== letter('S') && which !== letter('P')) return malformed(what)
    if (stringEnd(bytes, header_bytes + 1) !== bytes.length - 1) return malformed(what)
    const name = textOf(bytes.subarray(header_bytes + 1, -1))
    return this.#pass(bytes, [], { kind, of: which === letter('S') ? 'prepared' : 'portal', name })
  }

  /** The fast path names a function by its number alone: nobody can read what it would do. */
  #functionCall(): string | undefined {
    const denied: Denial = {
      allowed: false,
      rule: 'postgres.fast_path',
      message: 'functions are called by SELECT here, not by the fast path',
    }
    const text = new TextEncoder().encode('FunctionCall')
    const { statement } = this.#record(text, new Uint8Array(), false, ['fast_path'], denied)
    const asked = { kind: 'query', statement, plans: [], at: 0, rows: 0, bytes: 0 } as const
    return this.#pass(message('Q', denied_statement), [], { ...asked, denied })
  }

  #decide(
    text: Uint8Array,
    name: Uint8Array,
    is_prepared: boolean,
  ): { statement: number; analysis: Analysis; denied: Denial | undefined } {
    const analysis = this.#analyser.analyse(text)
    const judged = this.#judge(analysis.statement)
    const verdict: Verdict =
      judged.allowed && analysis.refused !== undefined
        ? { allowed: false, rule: 'masking.columns', message: analysis.refused }
        : judged
    const { kinds } = analysis.statement
    return { analysis, ...this.#record(text, name, is_prepared, kinds, verdict) }
  }

  #record(
    text: Uint8Array,
    name: Uint8Array,
    is_prepared: boolean,
    kinds: readonly string[],
    verdict: Verdict,
  ): { statement: number; denied: Denial | undefined } {
    const statement = ++this.#statements
    this.#frames.push({
      kind: 'fact',
      fact: { kind: 'statement', statement, text, name, is_prepared, kinds, verdict },
    })
    return { statement, denied: verdict.allowed ? undefined : verdict }
  }

  #pass(
    bytes: Uint8Array,
    fields: readonly Field[],
    asked?: Parameters<Conversation['expect']>[0],
  ): string | undefined {
    this.#frames.push({ kind: 'data', stream: 0, bytes, fields })
    return asked === undefined ? undefined : this.#conversation.expect(asked)
  }
}

const malformed = (what: string): string => `a ${what} is malformed`
