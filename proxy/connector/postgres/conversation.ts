/**
 * What was asked and is not answered yet, in order, and what the target is known to hold: prepared statements and
 * portals. The state changes with the target's answers alone, so that it is what the target has at that point.
 *
 * PostgreSQL documentation, "Message Flow".
 *
 * @module
 */
import type { Denial } from '../../core/verdict.ts'
import { names_max, pipeline_max } from './limits.ts'
import type { Effect, Plan, SyntaxFault } from './plan.ts'
import { opaque_plan } from './plan.ts'
import type { Column, Treatment } from './rows.ts'

export interface Prepared {
  /** Its number in the records. */
  readonly statement: number
  readonly plan: Plan
}

export interface Portal {
  readonly statement: number
  readonly run: number
  readonly plan: Plan
  /**
   * Once the target has described them: of this very portal, as a prepared statement may be planned anew and then
   * mean other tables of the same names.
   */
  columns?: readonly Column[]
}

/** Why the target fails instead of running it, and with which SQLSTATE the client is told. */
export interface Refusal extends Pick<Denial, 'rule' | 'message'> {
  readonly code: '42501' | '57014'
  /** It cannot be read: what the client is told instead. */
  readonly fault?: SyntaxFault
}

/** A request that rows may answer: what of them has come so far. */
export interface Running {
  rows: number
  bytes: number
  /** By column; undefined while its columns are not known. */
  treatments?: readonly Treatment[]
}

export type Expected =
  | ({
      readonly kind: 'query'
      readonly statement: number
      readonly plans: readonly Plan[]
      readonly denied?: Refusal
      /** Which of its statements runs. */
      at: number
    } & Running)
  | {
      readonly kind: 'parse'
      readonly name: string
      readonly prepared: Prepared
      readonly denied?: Refusal
    }
  | { readonly kind: 'bind'; readonly portal: string; readonly name: string; readonly run: number }
  | {
      readonly kind: 'describe' | 'close'
      readonly of: 'prepared' | 'portal'
      readonly name: string
      /** Asked by the gateway itself: the client hears nothing of it. */
      readonly is_own?: true
    }
  | ({ readonly kind: 'execute'; readonly portal: string } & Running)
  | { readonly kind: 'sync' }
  /** CopyDone or CopyFail: nothing answers it, and what was sent before it may have gone unread. */
  | { readonly kind: 'copy_end' }

/**
 * A run of the unnamed portal, from its Bind to its Sync, behind which nothing was asked before it was: one as long as nobody asks
 * for its parts.
 */
export interface WholeRun {
  readonly kind: 'run'
  /** It came with its statement. */
  readonly parse?: Extract<Expected, { kind: 'parse' }>
  readonly name: string
  readonly run: number
  readonly prepared: Prepared
  readonly is_described: boolean
}

/** What rows and their end belong to. */
export type Runs = Extract<Expected, { kind: 'query' | 'execute' }>

export class Conversation {
  #expected: (Expected | WholeRun)[] = []
  #first = 0
  #statements = 0
  #runs = 0
  /** An error was answered: the target reads nothing up to the next Sync. */
  #skipping = false
  /** Something went to the target that may change settings, and it has not said yet what they are. */
  #isSettled = true
  /** The target reads rows of a COPY: it leaves a Sync alone. */
  #copying = false
  readonly #prepared = new Map<string, Prepared>()
  readonly #portals = new Map<string, Portal>()
  /** Tables and views that this session has made, which was let through: nothing protected is in them. */
  readonly #created = new Set<string>()

  /** Numbers in the records. */
  nextStatement(): number {
    return ++this.#statements
  }

  nextRun(): number {
    return ++this.#runs
  }

  /** Tells what is wrong when there is too much of it. */
  expect(asked: Expected): string | undefined {
    if (this.#skipping && asked.kind !== 'sync') return undefined
    if (this.#copying && asked.kind === 'sync') return undefined
    if (asked.kind === 'copy_end') this.#copying = false
    if (asked.kind === 'sync') this.#skipping = false
    this.#expected.push(asked)
    return this.#expected.length - this.#first > pipeline_max
      ? 'too many requests without an answer'
      : undefined
  }

  /** Whether the target has answered everything that it will. */
  get isIdle(): boolean {
    return !this.#copying && this.next === undefined
  }

  /** ... and reads whatever is asked next. */
  get isReading(): boolean {
    return !this.#skipping && this.isIdle
  }

  /** While it {@link isReading}. */
  expectRun(run: WholeRun): void {
    this.#expected.push(run)
  }

  /** What the next answers are for. */
  get next(): Expected | WholeRun | undefined {
    while (this.#expected[this.#first]?.kind === 'copy_end') this.shift()
    return this.#expected[this.#first]
  }

  /** What the next answer is for. */
  get head(): Expected | undefined {
    const { next } = this
    if (next?.kind !== 'run') return next
    const [first, ...rest] = partsOf(next)
    this.#expected.splice(this.#first, 1, first, ...rest)
    return first
  }

  shift(): void {
    this.#first += 1
    if (this.#first === this.#expected.length) {
      this.#expected.length = 0
      this.#first = 0
    }
    // In amortised constant time.
    if (this.#first < 64 || this.#first * 2 < this.#expected.length) return
    this.#expected = this.#expected.slice(this.#first)
    this.#first = 0
  }

  /** The next was run to its end, and the target is ready. `columns`: where it described them. Tells what is wrong. */
  endRun(
    { parse, name, run, prepared }: WholeRun,
    columns?: readonly Column[],
  ): string | undefined {
    const wrong = parse === undefined ? undefined : this.prepare(name, prepared)
    const portal: Portal = { statement: prepared.statement, run, plan: prepared.plan }
    if (columns !== undefined) portal.columns = columns
    this.ready()
    return wrong ?? define(this.#portals, '', portal)
  }

  /** After an error outside of a simple query: what was asked before the next Sync is never answered. */
  skip(): void {
    this.#copying = false
    for (let head = this.head; head !== undefined; head = this.head) {
      if (head.kind === 'sync') return
      this.shift()
    }
    this.#skipping = true
  }

  /** The target begins to read rows: a Sync that was sent with the request goes unread. */
  copyIn(): void {
    const waiting = this.#expected.slice(this.#first)
    const end = waiting.findIndex(({ kind }) => kind === 'copy_end')
    const unread = end < 0 ? waiting : waiting.slice(0, end)
    this.#expected = [
      ...unread.filter(({ kind }) => kind !== 'sync'),
      ...waiting.slice(unread.length),
    ]
    this.#first = 0
    this.#copying = end < 0
  }

  /** Ready for the next: what changed of its settings it has said before, which it may not have before that (PostgreSQL 14). */
  ready(): void {
    this.#copying = false
    this.shift()
    this.#isSettled ||= this.next === undefined
  }

  unsettle(): void {
    this.#isSettled = false
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  /** The target's simple query is over, whatever came of it. */
  endCopy(): void {
    this.#copying = false
  }

  prepared(name: string): Prepared | undefined {
    return this.#prepared.get(name)
  }

  portal(name: string): Portal | undefined {
    return this.#portals.get(name)
  }

  /** Tells what is wrong when there are too many. */
  prepare(name: string, prepared: Prepared): string | undefined {
    return define(this.#prepared, name, prepared)
  }

  bind({ portal, name, run }: Extract<Expected, { kind: 'bind' }>): string | undefined {
    const { statement = 0, plan = opaque_plan } = this.#prepared.get(name) ?? {}
    return define(this.#portals, portal, { statement, run, plan })
  }

  close(of: 'prepared' | 'portal', name: string): void {
    if (of === 'prepared') this.#prepared.delete(name)
    else this.#portals.delete(name)
  }

  /** A statement has run. `tag`: how the target says so. */
  run(effect: Effect | undefined, statement: number): string | undefined {
    switch (effect?.kind) {
      case undefined:
        return undefined
      case 'prepare':
        return define(this.#prepared, effect.name, { statement, plan: effect.plan })
      case 'declare':
        return define(this.#portals, effect.name, { statement, run: 0, plan: effect.plan })
      case 'create':
        this.#created.add(effect.name)
        return this.#created.size > names_max ? 'too many tables were made' : undefined
      case 'deallocate':
        if (effect.name === undefined) this.#prepared.clear()
        else this.#prepared.delete(effect.name)
        return undefined
      case 'close':
        if (effect.name === undefined) this.#portals.clear()
        else this.#portals.delete(effect.name)
        return undefined
      case 'discard':
        this.#prepared.clear()
        this.#portals.clear()
        return undefined
    }
  }

  planOf(running: Runs): Plan {
    if (running.kind === 'query') return running.plans[running.at] ?? opaque_plan
    return this.#portals.get(running.portal)?.plan ?? opaque_plan
  }

  numbersOf(running: Runs): { readonly statement: number; readonly run: number } {
    if (running.kind === 'query') return { statement: running.statement, run: 0 }
    const { statement = 0, run = 0 } = this.#portals.get(running.portal) ?? {}
    return { statement, run }
  }

  /** Whether what the target says of what was asked may be about a protected column, where there are any. */
  isTouched(): boolean {
    const { head } = this
    switch (head?.kind) {
      case 'query':
      case 'execute':
        return this.shown(this.planOf(head)).outputs.is_touched
      case 'parse':
        return head.prepared.plan.outputs.is_touched
      case 'bind':
        return this.#prepared.get(head.name)?.plan.outputs.is_touched ?? true
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

  /** How many tables and views this session has made. */
  get made(): number {
    return this.#created.size
  }

  /** Whether whatever the catalogue does not have in it was made by this session. */
  isOwn({ strangers = [] }: Plan): boolean {
    // Values too long for their row lie in tables of the system that the catalogue leaves out.
    const is_own = (name: string): boolean =>
      this.#created.has(name) && !name.startsWith('pg_toast')
    return strangers.length > 0 && strangers.every(is_own)
  }

  /** What a statement shows: its own, or that of the one that it names. Nothing is known of a name that is not here. */
  shown(plan: Plan): Plan {
    let found = plan
    // A FETCH may be prepared, and run by an EXECUTE. More names one behind the other are nobody's.
    for (let steps = 0; steps < 4; steps++) {
      const { shows } = found
      if (shows === undefined) return found
      const of = shows.kind === 'prepared' ? this.#prepared : this.#portals
      found = of.get(shows.name)?.plan ?? opaque_plan
    }
    return opaque_plan
  }
}

function partsOf({
  parse,
  name,
  run,
  is_described,
}: WholeRun): readonly [Expected, ...(readonly Expected[])] {
  const bind: Expected = { kind: 'bind', portal: '', name, run }
  const described: readonly Expected[] = is_described
    ? [{ kind: 'describe', of: 'portal', name: '' }]
    : []
  const rest: readonly Expected[] = [
    ...described,
    { kind: 'execute', portal: '', rows: 0, bytes: 0 },
    { kind: 'sync' },
  ]
  return parse === undefined ? [bind, ...rest] : [parse, bind, ...rest]
}

function define<T>(names: Map<string, T>, name: string, value: T): string | undefined {
  names.set(name, value)
  return names.size > names_max ? 'too many prepared statements or portals' : undefined
}
