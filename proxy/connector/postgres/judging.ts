/**
 * Statements judged: a text when it comes, a prepared one again whenever it is run. What runs by a name is judged as what
 * the name may stand for, so that a name is no way around.
 *
 * @module
 */
import type { Judge, Lookup, Statement } from '../../core/statement.ts'
import { type HoldTerms, isEnough, type Verdict } from '../../core/verdict.ts'
import type { Conversation } from './conversation.ts'
import { texts_bytes_max } from './limits.ts'
import { Names } from './names.ts'
import type { Analysis } from './plan.ts'
import { shown_bytes_max } from './shown.ts'
import { unknown_statement } from './sql/classify.ts'
import { stricter } from './stricter.ts'

export interface Asked {
  /** Its number in the records. */
  readonly statement: number
  readonly analysis: Analysis
}

export interface Bound {
  /** Of its run; 0 for a cursor, which has the number of its statement. */
  readonly run: number
  readonly statement: number
  /** What it may run. */
  readonly asked: readonly Asked[]
  /** It waited for an approval, and got it. */
  readonly approved?: HoldTerms
  readonly is_described?: true
}

const schemas_max = 16
/** Texts of the unnamed statement that are kept until somebody looks which of them it stands for. */
const unnamed_max = 16
/** A prepared statement that executes one that executes one: no program does. */
const steps_max = 4

export class Judging {
  readonly #conversation: Conversation
  readonly #judge: Judge
  readonly #prepared: Names<Asked>
  readonly #portals: Names<Bound>
  #lookup: Lookup
  /** Texts of prepared statements, the newest, for who approves a run: by their numbers. */
  readonly #texts = new Map<number, Uint8Array>()
  #texts_bytes = 0
  /** Those of them that the unnamed statement may stand for, and some before. */
  #unnamed: number[] = []
  /** Code has run that may have prepared statements which nobody has seen. */
  #isBlind = false

  constructor(conversation: Conversation, judge: Judge, lookup: Lookup) {
    this.#conversation = conversation
    this.#judge = judge
    this.#lookup = lookup
    const isIdle = (): boolean => conversation.isIdle
    this.#prepared = new Names({
      isIdle,
      isMeant: (name, { statement }) => conversation.prepared(name)?.statement === statement,
    })
    this.#portals = new Names({
      isIdle,
      isMeant: (name, { statement, run }) => {
        const portal = conversation.portal(name)
        return portal?.run === run && (run > 0 || portal.statement === statement)
      },
    })
  }

  nextSegment(): void {
    this.#prepared.nextSegment()
    this.#portals.nextSegment()
  }

  /** A text that has just come. What is ahead of it at the target may have it read otherwise than it is read here. */
  fresh(analysis: Analysis): Verdict {
    const verdict = this.text(analysis)
    const is_stopped = !verdict.allowed && verdict.hold === undefined
    if (is_stopped || analysis.is_ambiguous !== true || this.#conversation.isSettled) return verdict
    return { allowed: false, rule: 'policy.sql.syntax', message: ambiguous }
  }

  text({ statement, executes, fetches }: Analysis, steps = 0): Verdict {
    let verdict = this.#judge(statement, this.#lookup)
    if (executes === undefined || fetches === undefined) return verdict
    if (steps > steps_max) return stricter(verdict, this.#judge(unknown_statement, this.#lookup))
    for (const name of executes)
      for (const { analysis } of this.runs(name))
        verdict = stricter(verdict, this.text(analysis, steps + 1))
    for (const name of fetches)
      for (const bound of this.portal(name))
        verdict = stricter(verdict, this.#continued(bound, steps + 1))
    return verdict
  }

  /** What a name of a prepared statement may run. */
  runs(name: string): readonly Asked[] {
    const known = this.#prepared.get(name)
    if (known !== 'unknown' && known.length > 0) return known
    // Where nothing else can have prepared one, the target will say that there is none.
    return known === 'unknown' || this.#isBlind ? [unknown_asked] : []
  }

  run(asked: readonly Asked[], steps = 0): Verdict {
    let verdict: Verdict = nothing
    for (const { analysis } of asked) verdict = stricter(verdict, this.text(analysis, steps))
    return verdict
  }

  portal(name: string): readonly Bound[] {
    const known = this.#portals.get(name)
    return known === 'unknown' ? [{ run: 0, statement: 0, asked: [unknown_asked] }] : known
  }

  /** A portal goes on: what it was bound or approved under may be another policy. */
  continues(bound: readonly Bound[]): Verdict {
    let verdict: Verdict = nothing
    for (const each of bound) verdict = stricter(verdict, this.#continued(each))
    return verdict
  }

  prepare(name: string, asked: Asked, text: Uint8Array): void {
    this.#prepared.set(name, asked)
    this.#keep(asked.statement, text)
    if (name === '') this.#letGo(asked.statement)
  }

  /** Of the unnamed statement, which drivers that prepare nothing give a text with each query: those that it stood for. */
  #letGo(newest: number): void {
    if (this.#unnamed.length >= unnamed_max) {
      if (!this.#conversation.isIdle) return
      const meant = this.#conversation.prepared('')?.statement
      for (const statement of this.#unnamed) if (statement !== meant) this.#forget(statement)
      this.#unnamed = meant === undefined ? [] : [meant]
    }
    this.#unnamed.push(newest)
  }

  #forget(statement: number): void {
    const text = this.#texts.get(statement)
    if (text === undefined) return
    this.#texts.delete(statement)
    this.#texts_bytes -= text.length
  }

  /** Undefined where it is too long, or was too long ago. */
  textOf({ statement }: Asked): Uint8Array | undefined {
    return this.#texts.get(statement)
  }

  #keep(statement: number, text: Uint8Array): void {
    if (text.length > shown_bytes_max) return
    this.#texts.set(statement, text.slice())
    this.#texts_bytes += text.length
    if (this.#texts_bytes <= texts_bytes_max) return
    for (const oldest of this.#texts.keys()) {
      this.#forget(oldest)
      if (this.#texts_bytes <= texts_bytes_max) return
    }
  }

  bind(name: string, bound: Bound): void {
    this.#portals.set(name, bound)
  }

  described(name: string): void {
    this.#portals.amend(name, (bound) => ({ ...bound, is_described: true }))
  }

  /** It goes to the target, and may give names of the session another meaning. */
  runsNow(asked: Asked, approved: HoldTerms | undefined, text?: Uint8Array): void {
    const { statement, analysis } = asked
    if (
      !analysis.only_reads &&
      !analysis.statement.kinds.every((kind) => setting_nothing.has(kind))
    )
      this.#conversation.unsettle()
    this.#passed(analysis.statement)
    for (const { effect } of analysis.plans) {
      if (effect?.kind === 'prepare') {
        this.#prepared.set(effect.name, asked)
        if (text !== undefined) this.#keep(statement, text)
      }
      if (effect?.kind !== 'declare') continue
      const bound = { run: 0, statement, asked: [asked] }
      this.#portals.set(effect.name, approved === undefined ? bound : { ...bound, approved })
    }
  }

  /** It goes to the target: names may be looked up elsewhere from here on. */
  #passed({ path, traits }: Statement): void {
    if (path === undefined) return
    if (path === 'unknown') {
      if (this.#lookup.schemas !== undefined) this.#lookup = { ...this.#lookup, schemas: undefined }
      this.#isBlind ||= traits.some((trait) => blinding.has(trait))
      return
    }
    const { schemas } = this.#lookup
    if (schemas === undefined) return
    const all = [...new Set([...schemas, ...path])]
    if (all.length > schemas.length)
      this.#lookup = { ...this.#lookup, schemas: all.length > schemas_max ? undefined : all }
  }

  #continued({ asked, approved }: Bound, steps = 0): Verdict {
    const verdict = this.run(asked, steps)
    if (verdict.allowed || verdict.hold === undefined || approved === undefined) return verdict
    const is_signed = verdict.hold.passkey !== true || approved.passkey === true
    return is_signed && isEnough(approved.approvals, verdict.hold.approvals)
      ? { allowed: true, rule: verdict.rule }
      : verdict
  }
}

const unknown_asked: Asked = {
  ...{ statement: 0, analysis: { statement: unknown_statement, plans: [], only_reads: false } },
}

const nothing: Verdict = { allowed: true, rule: 'policy.query' }

/** They change no setting that was not looked at when they came, and run no code. */
const setting_nothing = new Set(['begin', 'start', 'savepoint', 'set', 'show'])

const ambiguous =
  'where a text in this ends depends on settings, which what was sent ahead of it may change: send it when that is answered'

const blinding = new Set(['code', 'own_function', 'unknown_statement'])
