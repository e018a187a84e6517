/**
 * Statements of a query language, as every protocol that carries them tells of them: what policy decides over,
 * and what goes on record beside their bytes.
 *
 * @module
 */
import type { Verdict } from './verdict.ts'

/** What a parser found in the whole text: all of its statements, and everything that stands inside of them. */
export interface Statement {
  /** Of each statement, in order: `select`, `insert`, `create_table`...; `unparsed` for a text that cannot be read. */
  readonly kinds: readonly string[]
  /** Tables and other objects that are named, with their schema where it was said. */
  readonly objects: readonly string[]
  readonly functions: readonly string[]
  /** Whether every `UPDATE` and `DELETE` says which rows. */
  readonly has_where: boolean
  /** What of it is dangerous, by the names of the catalogue. */
  readonly risks: readonly StatementRisk[]
}

export type StatementRisk =
  /** It cannot be read, so nothing is known of it. */
  | 'unparsed'
  | 'drop_database'
  /** A program runs at the target, or a library is loaded into it. */
  | 'program'
  /** Files of the target's machine are read or written. */
  | 'server_file'
  /** The target's own configuration is changed. */
  | 'server_config'
  /** Changes of the database are read past its tables. */
  | 'replication'
  /** The database is asked to reach another one. */
  | 'network'
  /** How the text of statements is read would change, so that no parser could be trusted. */
  | 'syntax'
  /** Another role is taken on. */
  | 'role'
  /** Code that this parser does not read: it runs inside of the database. */
  | 'code'

export type Judge = (statement: Statement) => Verdict

/** `statement` and `run` are unique in their channel, each counted from 1. */
export type StatementFact =
  | {
      readonly kind: 'statement'
      readonly statement: number
      /** As it came over the wire, without its name. The recorder masks it. */
      readonly text: Uint8Array
      /** Of a prepared statement; empty for one without. */
      readonly name: Uint8Array
      /** Whether running it is another request. */
      readonly is_prepared: boolean
      readonly kinds: readonly string[]
      readonly verdict: Verdict
    }
  /** A prepared statement is run, with these parameters: a line each. */
  | {
      readonly kind: 'run'
      readonly statement: number
      readonly run: number
      readonly parameters: Uint8Array
    }
  | {
      readonly kind: 'result'
      readonly statement: number
      /** 0 where the request that brought the statement ran it. */
      readonly run: number
      /** How the target says that it is done: `SELECT 5`; empty when it failed or was left before its end. */
      readonly tag: string
      readonly rows: number
      /** Of all rows, as the target sent them. */
      readonly bytes: number
      /** The protocol's code of the error, where it failed. */
      readonly error?: string
    }
