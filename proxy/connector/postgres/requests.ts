/**
 * What a client asks: each message is known or the session ends, each statement is judged before it is let through.
 * One that is denied goes on as a statement that fails, so that order and transaction come right by themselves.
 *
 * @module
 */
import type { Decoded, Field, Wire } from '../../core/connector.ts'
import type { HeldStatement, StatementFact } from '../../core/statement.ts'
import type { Denial, Verdict } from '../../core/verdict.ts'
import { AskedFrames } from './asked-frames.ts'
import { readBind } from './bind.ts'
import type { Conversation, Expected, Refusal } from './conversation.ts'
import type { Asked, Bound, Judging } from './judging.ts'
import { message_bytes_max } from './limits.ts'
import {
  header_bytes,
  letter,
  type Message,
  MessageCutter,
  message,
  report,
  stringEnd,
  type TakeMessage,
} from './message.ts'
import { nameOf, unnameable } from './name.ts'
import { readParse } from './parse.ts'
import { type Analyser, type Analysis, opaque_plan, type Plan } from './plan.ts'
import { faultIn, refusalOf } from './refusal.ts'
import { type NamedText, shownRun, shownText } from './shown.ts'

/** No such function can be there: only the target's own developers name functions of this schema. */
const denied_statement = 'SELECT pg_catalog.sluice_denied()'
/** Fails in the place of a Bind or an Execute, and leaves every name of the session as it is. */
const denied_name = 'sluice denied'

export class Requests {
  readonly #conversation: Conversation
  readonly #analyser: Analyser
  readonly #judging: Judging
  readonly #cutter = new MessageCutter(message_bytes_max)
  readonly #frames = new AskedFrames()
  /** Set while a person decides: goes on with it. What came behind it is not read before. */
  #held: ((refusal: Refusal | undefined) => string | undefined) | undefined
  #behind: Message[] = []
  #isBroken = false
  readonly #take: TakeMessage = (type, bytes, start, end) => {
    if (this.#held === undefined) return this.#request(type, bytes, start, end)
    this.#behind.push({ type, bytes: bytes.subarray(start, end) })
    return undefined
  }

  constructor(conversation: Conversation, analyser: Analyser, judging: Judging) {
    this.#conversation = conversation
    this.#analyser = analyser
    this.#judging = judging
  }

  /** Nothing has begun, nothing waits, nothing is wrong. */
  get isBetween(): boolean {
    return !this.#isBroken && this.#held === undefined && this.#cutter.isEmpty
  }

  decode(wire: Wire): Decoded {
    if (this.#isBroken) return { ok: true, frames: [] }
    if (wire.kind === 'control') {
      // What began and will never be whole goes nowhere.
      if (wire.event.kind === 'eof') this.#cutter.rest()
      return { ok: true, frames: [wire] }
    }
    this.#frames.take()
    const violation = this.#cutter.cut(wire.bytes, this.#take)
    return violation === undefined ? this.#taken() : this.#broken(violation)
  }

  settle(verdict: Verdict, is_given_up: boolean): Decoded {
    const go = this.#held
    const behind = this.#behind
    if (go === undefined || this.#isBroken) return { ok: true, frames: [] }
    this.#held = undefined
    this.#behind = []
    this.#frames.take()
    const violation = go(
      verdict.allowed
        ? undefined
        : { ...refusalOf(verdict), code: is_given_up ? '57014' : '42501' },
    )
    let wrong = violation
    for (const { type, bytes } of behind) wrong ??= this.#take(type, bytes, 0, bytes.length)
    return wrong === undefined ? this.#taken() : this.#broken(wrong)
  }

  #taken(): Decoded {
    return { ok: true, frames: this.#frames.take() }
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

  #request(type: number, bytes: Uint8Array, start: number, end: number): string | undefined {
    const is_empty = end - start === header_bytes
    switch (String.fromCharCode(type)) {
      case 'Q':
        return this.#query(bytes, start, end)
      case 'P':
        return this.#parse(bytes, start, end)
      case 'B':
        return this.#bind(bytes, start, end)
      case 'D':
        return this.#about('describe', bytes, start, end)
      case 'C':
        return this.#about('close', bytes, start, end)
      case 'E':
        return this.#execute(bytes, start, end)
      case 'S':
        if (!is_empty) return malformed('Sync')
        this.#judging.nextSegment()
        return this.#pass(bytes, start, end, none, { kind: 'sync' }, true)
      case 'H':
        return is_empty ? this.#pass(bytes, start, end, none, undefined, true) : malformed('Flush')
      case 'd':
        return this.#pass(bytes, start, end, [{ start: start + header_bytes, end }])
      case 'c':
        if (!is_empty) return malformed('CopyDone')
        return this.#pass(bytes, start, end, none, { kind: 'copy_end' })
      case 'f': {
        const text = { start: start + header_bytes, end: end - 1 }
        if (stringEnd(bytes, text.start, end) !== text.end) return malformed('CopyFail')
        return this.#pass(bytes, start, end, [text], { kind: 'copy_end' })
      }
      case 'X':
        return is_empty ? this.#pass(bytes, start, end, none) : malformed('Terminate')
      case 'F':
        return this.#functionCall()
      default:
        return 'a message is unknown'
    }
  }

  #query(bytes: Uint8Array, start: number, until: number): string | undefined {
    const place = { start: start + header_bytes, end: until - 1 }
    if (stringEnd(bytes, place.start, until) !== place.end) return malformed('Query')
    this.#judging.nextSegment()
    const text = bytes.subarray(place.start, place.end)
    const { analysis, asked, verdict } = this.#decide(text, nothing, false)
    const { statement } = asked
    const go = (denied?: Refusal): string | undefined => {
      const query = { kind: 'query', statement, at: 0, rows: 0, bytes: 0 } as const
      if (denied !== undefined) {
        const why = { denied: { ...denied, ...faultIn(analysis) } }
        return this.#say(message('Q', denied_statement), { ...query, plans: [], ...why })
      }
      this.#judging.runsNow(asked, verdict.allowed ? undefined : verdict.hold, text)
      const { plans, only_reads } = analysis
      return this.#pass(bytes, start, until, [place], { ...query, plans }, only_reads)
    }
    if (verdict.allowed) return go()
    return this.#gate(
      verdict,
      {
        statement,
        raw: text,
        shown: () => shownText(text, this.#named(analysis)),
        judge: () => this.#judging.text(analysis),
      },
      go,
    )
  }

  /** What a text executes by name. */
  #named({ executes = [] }: Analysis): readonly NamedText[] {
    return executes.flatMap((name) =>
      this.#judging.runs(name).map((asked) => ({ name, text: this.#judging.textOf(asked) })),
    )
  }

  #parse(bytes: Uint8Array, start: number, until: number): string | undefined {
    const read = readParse(bytes, start, until)
    if (read === undefined) return malformed('Parse')
    if (read === 'unnameable') return unnameable
    const { name, raw_name, text: place } = read
    const text = bytes.subarray(place.start, place.end)
    const { analysis, asked, verdict } = this.#decide(text, raw_name, true)
    const { statement } = asked
    const plan: Plan = analysis.plans.length > 1 ? opaque_plan : (analysis.plans[0] ?? opaque_plan)
    const parse = { kind: 'parse', name, prepared: { statement, plan } } as const
    if (verdict.allowed || verdict.hold !== undefined) {
      this.#judging.prepare(name, asked, text)
      // To parse changes nothing; what needs an approval waits when it is run, each time.
      return this.#pass(bytes, start, until, [place], parse, true)
    }
    // The types of its parameters stay: a Bind may follow before anybody knows.
    const types = bytes.subarray(place.end + 1, until)
    const denied = { ...refusalOf(verdict), ...faultIn(analysis) }
    return this.#say(message('P', raw_name, 0, denied_statement, types), { ...parse, denied })
  }

  #bind(bytes: Uint8Array, start: number, end: number): string | undefined {
    const read = readBind(bytes, start, end)
    if (read === undefined) return malformed('Bind')
    if (read === 'unnameable') return unnameable
    const { portal, name, fields, parameters } = read
    const run = this.#conversation.nextRun()
    const asked = this.#judging.runs(name)
    const statement = asked.at(-1)?.statement ?? 0
    const only_reads = asked.length > 0 && asked.every(reads)
    this.#fact({ kind: 'run', statement, run, parameters }, only_reads)
    const verdict = this.#judging.run(asked)
    if (!verdict.allowed) this.#judged(verdict)
    const go = (denied?: Refusal): string | undefined => {
      if (denied !== undefined) return this.#fail(denied)
      const approved = verdict.allowed ? undefined : verdict.hold
      const bound = { run, statement, asked }
      this.#judging.bind(portal, approved === undefined ? bound : { ...bound, approved })
      return this.#pass(bytes, start, end, fields, { kind: 'bind', portal, name, run }, only_reads)
    }
    if (verdict.allowed) return go()
    return this.#gate(
      verdict,
      {
        statement,
        raw: bytes.subarray(start, end),
        shown: () =>
          shownRun(
            asked.map((each) => this.#judging.textOf(each)),
            parameters,
          ),
        judge: () => this.#judging.run(asked),
      },
      go,
    )
  }

  #execute(bytes: Uint8Array, start: number, until: number): string | undefined {
    const end = stringEnd(bytes, start + header_bytes, until)
    if (end < 0 || end + 5 !== until) return malformed('Execute')
    const portal = nameOf(bytes, start + header_bytes, end)
    if (portal === undefined) return unnameable
    const bound = this.#judging.portal(portal)
    const verdict = this.#judging.continues(bound)
    if (!verdict.allowed) {
      this.#judged(verdict)
      return this.#fail(refusalOf({ ...verdict, message: changed(verdict.message) }))
    }
    for (const { asked, approved } of bound)
      for (const each of asked) this.#judging.runsNow(each, approved)
    const early = bound.length > 0 && bound.every(onlyReads)
    const is_described = bound.length > 0 && bound.every((each) => each.is_described === true)
    const violation = is_described ? undefined : this.#describe(portal, early)
    const asked = { kind: 'execute', portal, rows: 0, bytes: 0 } as const
    return violation ?? this.#pass(bytes, start, until, none, asked, early)
  }

  /** In the place of a request that is not let through: the target fails, and skips what is behind it. */
  #fail(denied: Refusal): string | undefined {
    const prepared = { statement: 0, plan: opaque_plan }
    const failing = message('P', denied_name, denied_statement, { u16: 0 })
    return this.#say(failing, { kind: 'parse', name: denied_name, prepared, denied })
  }

  #about(
    kind: 'describe' | 'close',
    bytes: Uint8Array,
    start: number,
    end: number,
  ): string | undefined {
    const at = start + header_bytes
    const is_prepared = bytes[at] === letter('S')
    const is_whole = end > at && stringEnd(bytes, at + 1, end) === end - 1
    if (!is_whole || (!is_prepared && bytes[at] !== letter('P')))
      return malformed(kind === 'describe' ? 'Describe' : 'Close')
    const name = nameOf(bytes, at + 1, end - 1)
    if (name === undefined) return unnameable
    const of = is_prepared ? 'prepared' : 'portal'
    if (!is_prepared && kind === 'describe') this.#judging.described(name)
    return this.#pass(bytes, start, end, none, { kind, of, name }, true)
  }

  /** Where columns are protected, rows must not come of which nobody said what they are. */
  #describe(portal: string, early: boolean): string | undefined {
    if (this.#analyser.column === undefined) return undefined
    const asked = { kind: 'describe', of: 'portal', name: portal, is_own: true } as const
    return this.#say(message('D', letter('P'), portal), asked, early)
  }

  /** The fast path names a function by its number alone: nobody can read what it would do. */
  #functionCall(): string | undefined {
    this.#judging.nextSegment()
    const denied: Denial = {
      allowed: false,
      rule: 'postgres.fast_path',
      message: 'functions are called by SELECT here, not by the fast path',
    }
    const text = new TextEncoder().encode('FunctionCall')
    const statement = this.#record(text, nothing, false, ['fast_path'], denied, false)
    const asked = { kind: 'query', statement, plans: [], at: 0, rows: 0, bytes: 0 } as const
    const refusal = refusalOf(denied)
    return this.#say(message('Q', denied_statement), { ...asked, denied: refusal })
  }

  #decide(
    text: Uint8Array,
    name: Uint8Array,
    is_prepared: boolean,
  ): { analysis: Analysis; asked: Asked; verdict: Verdict } {
    const analysis = this.#analyser.analyse(text)
    const judged = this.#judging.fresh(analysis)
    const is_refused =
      analysis.refused !== undefined && (judged.allowed || judged.hold !== undefined)
    const verdict: Verdict = is_refused
      ? { allowed: false, rule: 'masking.columns', message: analysis.refused ?? '' }
      : judged
    const { kinds } = analysis.statement
    const early = verdict.allowed && (is_prepared || analysis.only_reads)
    const statement = this.#record(text, name, is_prepared, kinds, verdict, early)
    if (verdict.risk !== undefined && verdict.risk !== 'low') this.#judged(verdict)
    return { analysis, asked: { statement, analysis }, verdict }
  }

  /** What is risky, and what was decided about a run, is on record besides the statement. */
  #judged(verdict: Verdict): void {
    this.#frames.push({ kind: 'fact', fact: { kind: 'verdict', verdict, asked: 'query' } })
  }

  /** Goes on with a refusal, or waits until a person has decided. */
  #gate(
    verdict: Denial,
    run: Pick<HeldStatement, 'statement' | 'raw' | 'judge'> & {
      /** Undefined where it is more than anybody could look at. */
      readonly shown: () => Uint8Array | undefined
    },
    go: (refusal: Refusal | undefined) => string | undefined,
  ): string | undefined {
    const shown = verdict.hold === undefined ? undefined : run.shown()
    if (shown === undefined)
      return go(refusalOf(verdict.hold === undefined ? verdict : { ...verdict, message: unseen }))
    const { statement, raw, judge } = run
    const notice = (line: string): Uint8Array => report('NOTICE', '00000', `sluice: ${line}`)
    this.#frames.push({ kind: 'held', held: { statement, raw, judge, shown, verdict, notice } })
    this.#held = go
    return undefined
  }

  #record(
    text: Uint8Array,
    name: Uint8Array,
    is_prepared: boolean,
    kinds: readonly string[],
    verdict: Verdict,
    early: boolean,
  ): number {
    const statement = this.#conversation.nextStatement()
    this.#fact({ kind: 'statement', statement, text, name, is_prepared, kinds, verdict }, early)
    return statement
  }

  #fact(fact: StatementFact, early: boolean): void {
    this.#frames.push(early ? { kind: 'fact', fact, early } : { kind: 'fact', fact })
  }

  /** What came, with places in it. */
  #pass(
    bytes: Uint8Array,
    start: number,
    end: number,
    fields: readonly Field[],
    asked?: Expected,
    early = false,
  ): string | undefined {
    this.#frames.pass(bytes, start, end, fields, early)
    return asked === undefined ? undefined : this.#conversation.expect(asked)
  }

  /** A message of the gateway's own. */
  #say(bytes: Uint8Array, asked: Expected, early = false): string | undefined {
    return this.#pass(bytes, 0, bytes.length, none, asked, early)
  }
}

const changed = (why: string): string => `policy was changed since this was bound: ${why}`
const unseen = 'this needs an approval, and is longer than anybody could look at'

const reads = ({ analysis }: Asked): boolean => analysis.only_reads
const onlyReads = ({ asked }: Bound): boolean => asked.length > 0 && asked.every(reads)

const none: readonly Field[] = []
const nothing = new Uint8Array()
const malformed = (what: string): string => `a ${what} is malformed`
