/**
 * What came into a store since a place in it: what a copy elsewhere still lacks. Reads beside the gateway's own
 * writer; rows are only ever added, so a place stays valid for ever.
 *
 * @module
 */
import { and, asc, desc, eq, gt, lte, sql } from 'drizzle-orm'
import { openDocument } from '../evidence/document.ts'
import type { HeldFacts } from '../evidence/hold.ts'
import { leaf_list_width } from '../evidence/limits.ts'
import { MerkleTree, storedHashIndex } from '../evidence/merkle.ts'
import { type Database, databaseOf, openDatabaseReadOnly } from './database.ts'
import { asStoreError, StoreError } from './errors.ts'
import { parseLabels } from './facts.ts'
import { Queries } from './queries.ts'
import * as tables from './schema.ts'

/** One state of the store: what the log of `log_size` entries speaks of is in it. */
export interface Snapshot {
  readonly watermark_lsn: number
  readonly chunk_no: number
  readonly log_size: number
  /** The newest signed one. */
  readonly checkpoint: { readonly size: number; readonly bytes: Uint8Array } | undefined
}

/** Consecutive records of one session, each u32be length and the stored bytes. */
export interface StoredChunk {
  readonly no: number
  readonly session_no: number
  readonly first_seq: number
  readonly count: number
  /** Owned by the caller. */
  readonly bytes: Uint8Array
}

export interface SessionPlace {
  readonly id: string
  /** Its objects are encrypted under a key of its own. */
  readonly is_keyed: boolean
  readonly labels: Readonly<Record<string, string>>
  /** For which it is kept after its end, as its start promised; absent where it promised nothing. */
  readonly days?: number
}

/** Throws `StoreError`; so do the methods. */
export class Backlog {
  readonly #database: Database
  readonly #queries: Queries
  readonly #sql: ReturnType<typeof prepareAll>

  static open(path: string, key?: Uint8Array): Backlog {
    const database = openDatabaseReadOnly(path, key)
    if (database === undefined) throw new StoreError('store_io', `there is no store ${path}`)
    return new Backlog(database)
  }

  private constructor(database: Database) {
    this.#database = database
    this.#queries = new Queries(database)
    this.#sql = prepareAll(databaseOf(database.connection))
  }

  snapshot(): Snapshot {
    const { connection } = this.#database
    return guarded(() => {
      connection.exec('BEGIN')
      try {
        return {
          watermark_lsn: this.#queries.watermark(),
          chunk_no: this.#sql.chunk_no_max.get()?.no ?? 0,
          log_size: this.#queries.logSize(),
          checkpoint: this.#sql.checkpoint_newest.get(),
        }
      } finally {
        connection.exec('ROLLBACK')
      }
    })
  }

  /** Rows behind `after_no` up to `no_max`, at least one if there is any, about `bytes` of them. */
  chunks(after_no: number, no_max: number, bytes: number): StoredChunk[] {
    return guarded(() => {
      const found: StoredChunk[] = []
      let [at, taken] = [after_no, 0]
      while (taken < bytes && at < no_max) {
        const row = this.#sql.chunk_behind.get({ after: at, max: no_max })
        if (row === undefined) break
        at = row.no
        // Of an erased session: only its place is left.
        if (row.count === 0) continue
        found.push(row)
        taken += row.bytes.length
      }
      return found
    })
  }

  /** The records `[first, next)` of a session, which rows hold exactly; undefined when they do not. */
  records(session: string, first: number, next: number): Uint8Array | undefined {
    const no = this.#queries.sessionTableRow(session)?.no
    if (no === undefined) return undefined
    const parts: Uint8Array[] = []
    for (let seq = first; seq < next; ) {
      const row = guarded(() => this.#sql.chunk_from.get({ session_no: no, seq }))
      if (row === undefined || row.first_seq + row.count > next) return undefined
      parts.push(row.bytes)
      seq += row.count
    }
    return Buffer.concat(parts)
  }

  /** Bytes in rows behind `after_no` up to `no_max`. */
  bytesBehind(after_no: number, no_max: number): number {
    return guarded(() => this.#sql.bytes_behind.get({ after: after_no, max: no_max })?.bytes ?? 0)
  }

  session(no: number): SessionPlace | undefined {
    const row = guarded(() => this.#sql.session.get({ no }))
    return row === undefined
      ? undefined
      : {
          ...{ id: row.id, labels: parseLabels(row.labels), is_keyed: row.keyed === 1 },
          ...(row.days === null ? {} : { days: row.days }),
        }
  }

  /** What a legal hold is compared with; undefined when the session is not here. */
  heldFacts(id: string): HeldFacts | undefined {
    const row = this.#queries.sessionTableRow(id)
    if (row === undefined) return undefined
    const { subject, issuer, target, started_us } = row
    const time = new Date(Math.floor(started_us / 1000)).toISOString()
    return { session: id, subject, issuer, target, time }
  }

  /** Digests of a session's documents, as the store's list has them. */
  digests(id: string): {
    readonly start_digest: string
    readonly envelope_digest: string
    readonly manifest_digest: string | null
  } {
    const row = this.#queries.sessionTableRow(id)
    return row ?? { start_digest: '', envelope_digest: '', manifest_digest: null }
  }

  /** What decides for how long it is kept. */
  keeping(id: string): Pick<SessionPlace, 'labels' | 'days'> {
    const row = this.#queries.sessionTableRow(id)
    const days = row?.retain_days ?? undefined
    return { labels: parseLabels(row?.labels ?? '{}'), ...(days === undefined ? {} : { days }) }
  }

  /** Whether its objects are encrypted under a key of its own; not of one that is not here any more. */
  isKeyed(id: string): boolean {
    return this.#queries.sessionTableRow(id)?.keyed === 1
  }

  /** Whether the log says that the session was erased. */
  isErased(id: string): boolean {
    return this.#queries.erasedBy(id) !== undefined
  }

  document(digest: string): Uint8Array | undefined {
    return this.#queries.document(digest)?.bytes
  }

  /** The leaf lists that a manifest names, one after the other; undefined when it names none, or one is gone. */
  leaves(manifest: Uint8Array): Uint8Array | undefined {
    const digests = openDocument(manifest)?.['leaves']
    if (!Array.isArray(digests) || digests.length === 0) return undefined
    const lists: Uint8Array[] = []
    for (const [at, digest] of digests.entries()) {
      const list = typeof digest === 'string' ? this.document(digest) : undefined
      // Only the last may be shorter: else they could not be told apart again.
      const is_last = at === digests.length - 1
      if (list === undefined || (!is_last && list.length !== leaf_list_width * 32)) return undefined
      lists.push(list)
    }
    return Buffer.concat(lists)
  }

  logEntries(from: number, to: number): Uint8Array[] {
    return this.#queries.logEntries(from, to)
  }

  logHash(place: number): Uint8Array | undefined {
    return this.#queries.logHash(place)
  }

  checkpoint(size: number): Uint8Array | undefined {
    return guarded(() => this.#sql.checkpoint.get({ size })?.bytes)
  }

  /** Root of the log when it had `size` entries; undefined when it never had as many. */
  rootAt(size: number): Uint8Array | undefined {
    const frontier: Uint8Array[] = []
    let done = 0
    for (let level = 52; level >= 0; level--) {
      const leaves = 2 ** level
      if (Math.floor(size / leaves) % 2 === 0) continue
      const hash = this.#queries.logHash(storedHashIndex(level, done / leaves))
      if (hash === undefined) return undefined
      frontier.push(hash)
      done += leaves
    }
    return new MerkleTree({ size, frontier }).root()
  }

  close(): void {
    this.#database.connection.close()
  }
}

function guarded<Result>(run: () => Result): Result {
  try {
    return run()
  } catch (error) {
    throw asStoreError(error, 'cannot read the store')
  }
}

function prepareAll({ drizzle: db }: Database) {
  const p = sql.placeholder
  const { chunk, session, checkpoint } = tables
  return {
    chunk_no_max: db
      .select({ no: sql<number | null>`max(${chunk.no})` })
      .from(chunk)
      .prepare(),
    chunk_behind: db
      .select()
      .from(chunk)
      .where(and(gt(chunk.no, p('after')), lte(chunk.no, p('max'))))
      .orderBy(asc(chunk.no))
      .limit(1)
      .prepare(),
    chunk_from: db
      .select()
      .from(chunk)
      .where(and(eq(chunk.session_no, p('session_no')), eq(chunk.first_seq, p('seq'))))
      .orderBy(desc(chunk.count))
      .limit(1)
      .prepare(),
    bytes_behind: db
      .select({ bytes: sql<number | null>`sum(length(${chunk.bytes}))` })
      .from(chunk)
      .where(and(gt(chunk.no, p('after')), lte(chunk.no, p('max'))))
      .prepare(),
    session: db
      .select({
        ...{ id: session.id, labels: session.labels, keyed: session.keyed },
        days: session.retain_days,
      })
      .from(session)
      .where(eq(session.no, p('no')))
      .prepare(),
    checkpoint: db
      .select({ bytes: checkpoint.bytes })
      .from(checkpoint)
      .where(eq(checkpoint.size, p('size')))
      .prepare(),
    checkpoint_newest: db
      .select()
      .from(checkpoint)
      .orderBy(desc(checkpoint.size))
      .limit(1)
      .prepare(),
  }
}
