/**
 * Statements of a query language, as every protocol that carries them tells of them: what policy decides over,
 * and what goes on record beside their bytes.
 *
 * @module
 */
import type { Denial, Verdict } from './verdict.ts'

/** What a parser found in the whole text: all of its statements, and everything that stands inside of them. */
export interface Statement {
  /** Of each statement, in order: `select`, `insert`, `create_table`...; `unparsed` for a text that cannot be read. */
  readonly kinds: readonly string[]
  /** Of each statement in it, those inside of others too: every kind once. */
  readonly operations: readonly string[]
  /**
   * Tables and other objects that are named, with their schema where it was said; `SCHEMA.*` is all that is in it, `*` all
   * there is. A name with a dot in it stands in quotes.
   */
  readonly objects: readonly string[]
  /** Names of functions, whichever schema was said. */
  readonly functions: readonly string[]
  /** Whether every `UPDATE` and `DELETE` says which rows. */
  readonly has_where: boolean
  readonly traits: readonly StatementTrait[]
  /** Schemas in which it makes names be looked up that stand without one; `unknown` where that cannot be told. */
  readonly path?: readonly string[] | 'unknown'
}

/** What a parser sees of a statement besides names: policy's catalogue says how risky that is. */
export type StatementTrait =
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
  /** A prepared statement of which nobody knows what it is. */
  | 'unknown_statement'
  /** A function is called that is not PostgreSQL's own. */
  | 'own_function'
  /** Rows are changed or deleted, and nothing says which. */
  | 'without_where'
  /** Objects are made or changed that outlast the session. */
  | 'lasting'
  /** What depends on an object goes with it. */
  | 'cascade'
  /** A function runs with its owner's rights. */
  | 'security_definer'
  /** A role gets rights over all others. */
  | 'superuser'
  /** Triggers, rules or policies of rows are switched off. */
  | 'unguarded'

/** What a target makes of the name of an object. */
export interface Lookup {
  /** In which names are looked up that stand without one; undefined where that cannot be told. */
  readonly schemas: readonly string[] | undefined
  /** By name, `schema.object`: what is read with it, as what a view shows and the children of a table. */
  readonly reads?: ReadonlyMap<string, readonly string[]>
  /** ... and the tables whose rows it has a part of. */
  readonly part_of?: ReadonlyMap<string, readonly string[]>
}

export type Judge = (statement: Statement, lookup?: Lookup) => Verdict

/** A statement that policy wants approved before it runs. */
export interface HeldStatement {
  /** Its number in the records. */
  readonly statement: number
  /** What a person has to see: the text, what a name in it stands for, and parameters. */
  readonly shown: Uint8Array
  /** All that runs, as it came. */
  readonly raw: Uint8Array
  readonly verdict: Denial
  /** Policy, once more. */
  judge(): Verdict
  /** A line for the client, as a message of its protocol. */
  notice(line: string): Uint8Array
}

/** Of a result, rows that are shown and not recorded, as whole messages: so many. */
export interface LeftOut {
  readonly statement: number
  readonly run: number
  readonly rows: number
}

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
