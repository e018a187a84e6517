/**
 * Reading the store: the contract, and {@link openReader} for a process that is not the gateway.
 *
 * @module
 */
import { join } from 'node:path'
import { readCosigned } from './cosigned.ts'
import { openDatabaseReadOnly } from './database.ts'
import { derivedMisfits, type Misfit } from './derived.ts'
import { database_name, journal_name } from './layout.ts'
import { Overlay } from './overlay.ts'

export interface SessionRow {
  readonly id: string
  readonly subject: string
  readonly issuer: string
  readonly method: string
  readonly groups: readonly string[]
  readonly protocol: string
  readonly account: string
  readonly target: string
  readonly source: string
  readonly labels: Readonly<Record<string, string>>
  /** UTC, microseconds. */
  readonly started_us: number
  readonly ended_us?: number
  readonly end_reason?: string
  readonly records: number
  /** Masked bytes of output and error output. */
  readonly output_bytes: number
  readonly start_digest: string
  readonly envelope_digest: string
  readonly manifest_digest?: string
  /** Its objects in a bucket are encrypted under a key of its own. */
  readonly keyed?: boolean
}

/** All of what is given must hold. */
export interface SessionQuery {
  readonly issuer?: string
  readonly subject?: string
  readonly group?: string
  readonly target?: string
  /** First word of a command, without its path. */
  readonly program?: string
  /** Words that a masked command or a typed line contains, all of them. */
  readonly text?: string
  /** Started at or after, UTC in microseconds. */
  readonly since?: number
  /** Started before. */
  readonly until?: number
  /** Whether the gateway's sessions with itself are left out, or nothing else is there; both kinds unless told. */
  readonly canaries?: 'hidden' | 'only'
  /** From the page before. */
  readonly cursor?: string
  /** 100 unless told, 1,000 at most. */
  readonly limit?: number
}

export interface SessionPage {
  /** The newest first. */
  readonly sessions: readonly SessionRow[]
  /** Set when there are more. */
  readonly cursor?: string
}

/** Sessions whose time has come by the log's own promise, oldest end first. */
export interface DueQuery {
  /** UTC, microseconds. */
  readonly now_us: number
  /** Of those to which the log promised nothing. */
  readonly days_otherwise: number
  readonly limit: number
  /** Behind this one. */
  readonly after_us?: number
  readonly after_no?: number
}

export interface DueSession extends SessionRow {
  readonly no: number
  /** When the log had its end, UTC in microseconds. */
  readonly closed_us: number
  /** For how many days from then it had to be kept. */
  readonly days: number
}

export interface RecordPage {
  /** Stored bytes, in order. Owned by the caller. */
  readonly records: readonly Uint8Array[]
  /** Sequence to go on with; absent at the end of what is stored. */
  readonly next?: number
}

/** A log as it is stored. Rejects with `StoreError`. */
export interface LogReader {
  /** Entries of the log, and its newest signed checkpoint, which may cover fewer. */
  log(): Promise<{ readonly size: number; readonly checkpoint: Uint8Array | undefined }>
  /** Entries `from` to `to`, `to` excluded; fewer when the log ends before. */
  logEntries(from: number, to: number): Promise<readonly Uint8Array[]>
  /**
   * Hashes of the log's tree by their places in the order of Go's `tlog.StoredHashIndex`, all at one moment; undefined
   * for a place that it has not reached.
   */
  logHashes(indexes: readonly number[]): Promise<readonly (Uint8Array | undefined)[]>
}

/** Rejects with `StoreError`; an unreadable cursor is a `RangeError`. */
export interface Reader extends LogReader {
  /** Without those that only the journal has yet. */
  due(query: DueQuery): Promise<readonly DueSession[]>
  /** The digest of the `retention.applied` or `session.shredded` that ordered a session's erasure; undefined when none did. */
  erasedBy(id: string): Promise<string | undefined>
  sessions(query: SessionQuery): Promise<SessionPage>
  session(id: string): Promise<SessionRow | undefined>
  /** From `from_seq` on, until about `limit_bytes` (4 MiB) and at least one. */
  records(id: string, from_seq?: number, limit_bytes?: number): Promise<RecordPage>
  /** @param digest_hex SHA-256 of the document */
  document(
    digest_hex: string,
  ): Promise<{ readonly type: string; readonly bytes: Uint8Array } | undefined>
  /** All of a type, in no order: of one that is rare. */
  documents(
    type: string,
  ): Promise<readonly { readonly digest: string; readonly bytes: Uint8Array }[]>
}

export interface FileReader extends Reader {
  /** The newest checkpoint that each witness cosigned: signed notes, in no order. */
  cosigned(): Promise<readonly Uint8Array[]>
  /** What the database keeps besides, and the evidence does not give: see `derived.ts`. */
  derived(): Promise<readonly Misfit[]>
  close(): void
}

/**
 * Reads a data directory without its gateway, beside a running one, after a crash, or from a copy:
 * what the database holds, and behind its watermark what only the journal holds yet. Writes nothing.
 * Throws `StoreError` or `JournalError`; so do the methods.
 *
 * @param data the gateway's data directory
 * @param key of a store that is encrypted at rest, 32 bytes
 */
export function openReader(data: string, key?: Uint8Array): FileReader {
  const database = openDatabaseReadOnly(join(data, database_name), key)
  const overlay = new Overlay(database, join(data, journal_name), key)
  return {
    due: async (query) => overlay.due(query),
    erasedBy: async (id) => overlay.erasedBy(id),
    sessions: async (query) => overlay.sessions(query),
    session: async (id) => overlay.session(id),
    records: async (id, from_seq, limit_bytes) => overlay.records(id, from_seq, limit_bytes),
    document: async (digest_hex) => overlay.document(digest_hex),
    documents: async (type) => overlay.documents(type),
    log: async () => overlay.log(),
    logEntries: async (from, to) => overlay.logEntries(from, to),
    logHashes: async (indexes) => overlay.logHashes(indexes),
    cosigned: async () => readCosigned(data),
    derived: async () => (database === undefined ? [] : derivedMisfits(database)),
    close: () => overlay.close(),
  }
}
