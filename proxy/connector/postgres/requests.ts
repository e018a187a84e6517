/**
 * What a client asks: each message is known or the session ends, each statement is judged before it is let through.
 * One that is denied goes on as a statement that fails, so that order and transaction come right by themselves.
 *
 * @module
 */
import type { Decoded, Field, Frame, Wire } from '../../core/connector.ts'
import type { Judge, StatementFact } from '../../core/statement.ts'
import type { Denial, Verdict } from '../../core/verdict.ts'
import type { Conversation } from './conversation.ts'
import { message_bytes_max, names_max } from './limits.ts'
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
  /** Prepared statements and portals by name, as they were asked for: for the records, and whether they only read. */
  readonly #prepared = new Map<string, Asked>()
  readonly #portals = new Map<string, Asked>()
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
        const asked = this.#portals.get(portal)
        const early = asked?.only_reads === true
        const violation = asked?.is_described === true ? undefined : this.#describe(portal, early)
        return (
          violation ?? this.#pass(bytes, [], { kind: 'execute', portal, rows: 0, bytes: 0 }, early)
        )
      }
      case 'S':
        if (bytes.length !== header_bytes) return malformed('Sync')
        return this.#pass(bytes, [], { kind: 'sync' }, true)
      case 'H':
        if (bytes.length !== header_bytes) return malformed('Flush')
        return this.#pass(bytes, [], undefined, true)
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
      return this.#pass(
        ...([bytes, [{ start: header_bytes, end }]] as const),
        ...([{ ...asked, plans: analysis.plans }, analysis.only_reads] as const),
      )
    const why = { denied, ...faultIn(analysis) }
    return this.#pass(message('Q', denied_statement), [], { ...asked, plans: [], ...why })
  }

  #parse(bytes: Uint8Array): string | undefined {
    const name_end = stringEnd(bytes, header_bytes)
    const end = name_end < 0 ? -1 : stringEnd(bytes, name_end + 1)
    if (end < 0 || end + 3 + 4 * u16(bytes, end + 1) !== bytes.length) return malformed('Parse')
    const raw_name = bytes.subarray(header_bytes, name_end)
    const name = textOf(raw_name)
    const text = bytes.subarray(name_end + 1, end)
    const { statement, analysis, denied } = this.#decide(text, raw_name, true)
    // One that fails to replace another of its name leaves that in its place.
    const before = name === '' || (this.#prepared.get(name)?.only_reads ?? true)
    remember(this.#prepared, name, { statement, only_reads: before && analysis.only_reads })
    const plan: Plan = analysis.plans.length > 1 ? opaque_plan : (analysis.plans[0] ?? opaque_plan)
    const asked = { kind: 'parse', name, prepared: { statement, plan } } as const
    // To parse changes nothing.
    if (denied === undefined) return this.#pass(bytes, [{ start: name_end + 1, end }], asked, true)
    // The types of its parameters stay: a Bind may follow before anybody knows.
    const types = bytes.subarray(end + 1)
    const why = { denied, ...faultIn(analysis) }
    return this.#pass(message('P', raw_name, 0, denied_statement, types), [], { ...asked, ...why })
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
    const { statement = 0, only_reads = false } = this.#prepared.get(name) ?? {}
    const parameters = parametersText(bytes, values, formatOf)
    this.#fact({ kind: 'run', statement, run, parameters }, only_reads)
    const portal = textOf(bytes.subarray(header_bytes, portal_end))
    const before = portal === '' || (this.#portals.get(portal)?.only_reads ?? true)
    remember(this.#portals, portal, { statement, only_reads: before && only_reads })
    return this.#pass(bytes, fields, { kind: 'bind', portal, name, run }, only_reads)
  }

  #named(kind: 'describe' | 'close', bytes: Uint8Array): string | undefined {
    const which = bytes[header_bytes]
    const what = kind === 'describe' ? 'Describe' : 'Close'
    if (which !== letter('S') && which !== letter('P')) return malformed(what)
    if (stringEnd(bytes, header_bytes + 1) !== bytes.length - 1) return malformed(what)
    const name = textOf(bytes.subarray(header_bytes + 1, -1))
    const of = which === letter('S') ? 'prepared' : 'portal'
    const portal = of === 'portal' && kind === 'describe' ? this.#portals.get(name) : undefined
    if (portal !== undefined) this.#portals.set(name, { ...portal, is_described: true })
    return this.#pass(bytes, [], { kind, of, name }, true)
  }

  /** Where columns are protected, rows must not come of which nobody said what they are. */
  #describe(portal: string, early: boolean): string | undefined {
    if (this.#analyser.column === undefined) return undefined
    const asked = { kind: 'describe', of: 'portal', name: portal, is_own: true } as const
    return this.#pass(message('D', letter('P'), portal), [], asked, early)
  }

  /** The fast path names a function by its number alone: nobody can read what it would do. */
  #functionCall(): string | undefined {
    const denied: Denial = {
      allowed: false,
      rule: 'postgres.fast_path',
      message: 'functions are called by SELECT here, not by the fast path',
    }
    const text = new TextEncoder().encode('FunctionCall')
    const { statement } = this.#record(text, new Uint8Array(), false, ['fast_path'], denied, false)
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
    const early = verdict.allowed && (is_prepared || analysis.only_reads)
    return { analysis, ...this.#record(text, name, is_prepared, kinds, verdict, early) }
  }

  #record(
    text: Uint8Array,
    name: Uint8Array,
    is_prepared: boolean,
    kinds: readonly string[],
    verdict: Verdict,
    early: boolean,
  ): { statement: number; denied: Denial | undefined } {
    const statement = ++this.#statements
    this.#fact({ kind: 'statement', statement, text, name, is_prepared, kinds, verdict }, early)
    return { statement, denied: verdict.allowed ? undefined : verdict }
  }

  #fact(fact: StatementFact, early: boolean): void {
    this.#frames.push(early ? { kind: 'fact', fact, early } : { kind: 'fact', fact })
  }

  #pass(
    bytes: Uint8Array,
    fields: readonly Field[],
    asked?: Parameters<Conversation['expect']>[0],
    early = false,
  ): string | undefined {
    const frame = { kind: 'data', stream: 0, bytes, fields } as const
    this.#frames.push(early ? { ...frame, early } : frame)
    return asked === undefined ? undefined : this.#conversation.expect(asked)
  }
}

const faultIn = ({ fault }: Analysis): Pick<Analysis, 'fault'> =>
  fault === undefined ? {} : { fault }

interface Asked {
  readonly statement: number
  readonly only_reads: boolean
  /** Of a portal: since it was bound. */
  readonly is_described?: true
}

/** What is forgotten is taken for a change, and has the number 0 in the records. */
function remember(names: Map<string, Asked>, name: string, asked: Asked): void {
  const [oldest] = names.keys()
  if (names.size >= names_max && oldest !== undefined && !names.has(name)) names.delete(oldest)
  names.set(name, asked)
}

const malformed = (what: string): string => `a ${what} is malformed`
