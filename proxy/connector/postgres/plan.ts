/**
 * What is known of a statement before it runs: what policy judges, and how its results are treated.
 *
 * @module
 */

import type { ColumnStrategy } from '../../core/column.ts'
import type { Statement } from '../../core/statement.ts'
import type { Treatment } from './rows.ts'

/** The whole text of a Query or a Parse. */
export interface Analysis {
  readonly statement: Statement
  /** One for each of its statements, in order; none for a text that cannot be read. */
  readonly plans: readonly Plan[]
  /** Whether its tree proves that it changes nothing. */
  readonly only_reads: boolean
  /** What its parser says is wrong with it. */
  readonly fault?: SyntaxFault
  /** Settings of the session decide where a text in it ends. */
  readonly is_ambiguous?: true
  /** Names of prepared statements that it runs, wherever in it that stands. */
  readonly executes?: readonly string[]
  /** Names of cursors that it reads from. */
  readonly fetches?: readonly string[]
  /** Why protected columns keep it from running, in a line for the user. */
  readonly refused?: string
}

/** In the parser's words, which repeat a part of the text; `position` in characters, from 1. */
export interface SyntaxFault {
  readonly message: string
  readonly position: number
}

export interface Plan {
  readonly outputs: Outputs
  /** Names of the session that it changes once it has run. */
  readonly effect?: Effect
  /** It shows what another one of the session gives: of that name. */
  readonly shows?: { readonly kind: 'prepared' | 'portal'; readonly name: string }
  /** Relations that it names and the catalogue does not have: they may be younger than what is known of it. */
  readonly strangers?: readonly string[]
  /** It is a `COPY`, and which way its rows go. */
  readonly copies?: 'in' | 'out'
  /** Of a `COPY ... TO STDOUT` with protected columns: how each column is treated, in its order. */
  readonly copied?: readonly Treatment[]
}

/** Columns that have no origin in a table: what was computed. */
export interface Outputs {
  /** Whether a protected column plays any part: what the target says of it in words is covered then. */
  readonly is_touched: boolean
  /** The rule of each column that may show of one; `all` where columns cannot be told apart. */
  readonly computed: 'none' | 'all' | readonly (string | undefined)[]
}

export type Effect =
  | { readonly kind: 'prepare' | 'declare'; readonly name: string; readonly plan: Plan }
  /** Without a name: all of them. */
  | { readonly kind: 'deallocate' | 'close'; readonly name?: string }
  | { readonly kind: 'discard' }
  /** A table or a view, of nothing that is protected. */
  | { readonly kind: 'create'; readonly name: string }

/** The rule of a computed column of which nothing better is known. */
export const computed_rule = 'column.computed'

/** The rule of a column of which nothing is known: it came without being described, or of an unknown table. */
export const unknown_rule = 'column.unknown'

export const plain_outputs: Outputs = { is_touched: false, computed: 'none' }
export const opaque_outputs: Outputs = { is_touched: true, computed: 'all' }

/** Nothing is protected, or nothing of that is in reach. */
export const plain_plan: Plan = { outputs: plain_outputs }
/** It cannot be said what it shows. */
export const opaque_plan: Plan = { outputs: opaque_outputs }

/** Statements of one text, analysed; and columns, looked up. One for each state of a target's catalogue. */
export interface Analyser {
  analyse(text: Uint8Array): Analysis
  /**
   * The rule of a column as a result describes it; absent where no columns are protected. A table that is not known
   * is taken for one that is protected, unless it must be one that the session made.
   */
  readonly column?: (
    relation: number,
    attribute: number,
    are_strangers_own: boolean,
  ) => string | undefined
  /** What becomes of its values where they stand as they are in the table; undefined for stars. */
  readonly strategy?: (relation: number, attribute: number) => ColumnStrategy | undefined
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
