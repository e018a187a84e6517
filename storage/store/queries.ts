/**
 * The queries of a store's database, prepared once. Synchronous: they run in the store's Worker, or in
 * a process of their own.
 *
 * @module
 */

import { and, asc, desc, eq, gte, isNull, lt, lte, sql } from 'drizzle-orm'
import { canary_protocol } from '../evidence/canary.ts'

import { decodeChunk } from './bytes.ts'
import type { Database } from './database.ts'
import { asStoreError, StoreError } from './errors.ts'
import { parseGroups, parseLabels } from './facts.ts'
import { records_bytes_default, sessions_page_default, sessions_page_max } from './limits.ts'
import type {
  DueQuery,
  DueSession,
  RecordPage,
  SessionPage,
  SessionQuery,
  SessionRow,
} from './reader.ts'
import type { ChunkRow, SessionTableRow } from './schema.ts'
import {
  checkpoint,
  chunk,
  document,
  erased,
  log_entry,
  log_hash,
  session,
  watermark,
} from './schema.ts'
import { Search } from './search.ts'

const p = sql.placeholder

export class Queries {
  readonly #sql: ReturnType<typeof prepareAll>
  readonly #search: Search

  constructor(database: Database) {
    this.#sql = prepareAll(database)
    this.#search = new Search(database)
  }

  watermark(): number {
    return guarded(() => this.#sql.watermark.get()?.lsn ?? 0)
  }

  sessionTableRow(id: string): SessionTableRow | undefined {
    return guarded(() => this.#sql.session.get({ id }))
  }

  session(id: string): SessionRow | undefined {
    const row = this.sessionTableRow(id)
    return row === undefined ? undefined : sessionRow(row)
  }

  sessions(query: SessionQuery): SessionPage {
    const limit = limitOf(query)
    return pageOf(this.sessionTableRows(query, limit + 1), limit)
  }

  /** Up to `limit` rows, the newest first. */
  sessionTableRows(query: SessionQuery, limit: number): SessionTableRow[] {
    const { issuer, subject, group, target, program, since, until } = query
    const before = cursorOf(query.cursor)
    const text = query.text === undefined ? undefined : matchOf(query.text)
    if (text === '') return []
    const protocol = query.canaries === 'only' ? canary_protocol : undefined
    const other_than = query.canaries === 'hidden' ? canary_protocol : undefined
    const named = { issuer, subject, group, target, program, text, protocol, other_than }
    return guarded(() => this.#search.sessions({ ...named, since, until, ...before }, limit))
  }

  /** Of sessions whose time may have come, in the order in which it did. */
  due({ now_us, days_otherwise, limit, ...from }: DueQuery): DueSession[] {
    const { after_us = 0, after_no = 0 } = from
    return guarded(() =>
      this.#sql.due.all({ now_us, days_otherwise, limit, after_us, after_no }).map((row) => ({
        ...sessionRow(row),
        no: row.no,
        closed_us: row.closed_us ?? 0,
        days: row.retain_days ?? days_otherwise,
      })),
    )
  }

  /** Digest of the document of the log by which a session was erased. */
  erasedBy(id: string): string | undefined {
    return guarded(() => this.#sql.erased.get({ id })?.digest)
  }

  hasErased(): boolean {
    return guarded(() => this.#sql.any_erased.get() !== undefined)
  }

  /** Highest number of a session. */
  sessionNoMax(): number {
    return guarded(() => this.#sql.session_no_max.get()?.no ?? 0)
  }

  /** Sessions without a manifest, in the order of starting. */
  openSessions(): SessionTableRow[] {
    return guarded(() => this.#sql.open_sessions.all())
  }

  /** Throws `store_damaged` when the first record asked for cannot be told from its neighbours. */
  records(id: string, from_seq = 0, limit_bytes: number = records_bytes_default): RecordPage {
    const no = this.sessionTableRow(id)?.no
    const records: Uint8Array[] = []
    if (no === undefined) return { records }
    let seq = from_seq
    let bytes = 0
    for (;;) {
      const row = guarded(() => this.#chunk(no, seq))
      if (row === undefined) return { records }
      if (bytes >= limit_bytes) return { records, next: seq }
      const { whole, damaged } = decodeChunk(row.bytes, row.count)
      for (const stored of whole.slice(Math.max(0, seq - row.first_seq))) {
        if (bytes >= limit_bytes) return { records, next: seq }
        seq = Math.max(seq, row.first_seq)
        records.push(stored)
        bytes += stored.length
        seq++
      }
      if (damaged && records.length > 0) return { records, next: seq }
      if (damaged)
        throw new StoreError('store_damaged', `session ${id}: record ${seq} is cut or overwritten`)
      seq = Math.max(seq, row.first_seq + row.count)
    }
  }

  /** In no order. */
  documents(type: string): { digest: string; bytes: Uint8Array }[] {
    return guarded(() => this.#sql.documents.all({ type }))
  }

  document(digest: string): { type: string; bytes: Uint8Array } | undefined {
    return guarded(() => this.#sql.document.get({ digest }))
  }

  logSize(): number {
    return guarded(() => (this.#sql.log_last.get()?.no ?? -1) + 1)
  }

  checkpoint(): Uint8Array | undefined {
    return guarded(() => this.#sql.checkpoint.get()?.bytes)
  }

  logEntries(from: number, to: number): Uint8Array[] {
    return guarded(() => this.#sql.log_entries.all({ from, to }).map(({ bytes }) => bytes))
  }

  logHash(place: number): Uint8Array | undefined {
    return guarded(() => this.#sql.log_hash.get({ no: place })?.hash)
  }

  /** In one pass; undefined for a place that has none. */
  logHashes(places: readonly number[]): (Uint8Array | undefined)[] {
    return places.map((place) => this.logHash(place))
  }

  /** The chunk with the record `seq`, or the first one behind it. */
  #chunk(session_no: number, seq: number): ChunkRow | undefined {
    const place = this.#sql.chunk_holding.get({ session_no, seq })
    const holds = place !== undefined && place.first_seq + place.count > seq
    const at = holds ? place : this.#sql.chunk_behind.get({ session_no, seq })
    return at === undefined ? undefined : this.#sql.chunk_at.get({ no: at.no })
  }
}

export function sessionRow(row: SessionTableRow): SessionRow {
  const { no: _, retain_days: __, closed_us: ___, ...shown } = row
  const { groups, labels, ended_us, end_reason, manifest_digest, keyed, ...same } = shown
  return {
    ...same,
    groups: parseGroups(groups),
    labels: parseLabels(labels),
    ...(ended_us === null ? {} : { ended_us }),
    ...(end_reason === null ? {} : { end_reason }),
    ...(manifest_digest === null ? {} : { manifest_digest }),
    ...(keyed === 1 ? { keyed: true } : {}),
  }
}

export function limitOf({ limit = sessions_page_default }: SessionQuery): number {
  return Math.min(Math.max(Math.floor(limit), 1), sessions_page_max)
}

/** `rows` holds one more than `limit` when there is another page. */
export function pageOf(rows: readonly SessionTableRow[], limit: number): SessionPage {
  const sessions = rows.slice(0, limit).map(sessionRow)
  const last = rows[limit - 1]
  if (rows.length <= limit || last === undefined) return { sessions }
  return { sessions, cursor: `${last.started_us}.${last.no}` }
}

function cursorOf(cursor: string | undefined): { before_us?: number; before_no?: number } {
  if (cursor === undefined) return {}
  const [, before_us, before_no] = /^(\d{1,16})\.(\d{1,16})$/.exec(cursor) ?? []
  if (before_us === undefined) throw new RangeError('a cursor comes from the page before')
  return { before_us: Number(before_us), before_no: Number(before_no) }
}

/** Words as FTS5 takes them literally; empty when there is none to look for. */
function matchOf(text: string): string {
  return text
    .split(/\s+/)
    .filter((word) => /[\p{L}\p{N}]/u.test(word))
    .map((word) => `"${word.replaceAll('"', '""')}"`)
    .join(' ')
}

function guarded<Result>(run: () => Result): Result {
  try {
    return run()
  } catch (error) {
    throw asStoreError(error, 'cannot read the store')
  }
}

function prepareAll({ drizzle: db }: Database) {
  return {
    watermark: db.select({ lsn: watermark.lsn }).from(watermark).prepare(),
    session: db
      .select()
      .from(session)
      .where(eq(session.id, p('id')))
      .prepare(),
    session_no_max: db
      .select({ no: sql<number | null>`max(${session.no})` })
      .from(session)
      .prepare(),
    open_sessions: db
      .select()
      .from(session)
      .where(isNull(session.manifest_digest))
      .orderBy(asc(session.no))
      .prepare(),
    due: db
      .select()
      .from(session)
      .where(
        sql`(${session.closed_us}, ${session.no}) > (${p('after_us')}, ${p('after_no')}) AND ${session.closed_us} <= ${p('now_us')}
          AND ${session.closed_us} + coalesce(${session.retain_days}, ${p('days_otherwise')}) * 86400000000 <= ${p('now_us')}`,
      )
      .orderBy(asc(session.closed_us), asc(session.no))
      .limit(p('limit'))
      .prepare(),
    erased: db
      .select({ digest: erased.digest })
      .from(erased)
      .where(eq(erased.id, p('id')))
      .prepare(),
    any_erased: db.select({ id: erased.id }).from(erased).limit(1).prepare(),
    chunk_holding: db
      .select({ no: chunk.no, first_seq: chunk.first_seq, count: chunk.count })
      .from(chunk)
      .where(and(eq(chunk.session_no, p('session_no')), lte(chunk.first_seq, p('seq'))))
      .orderBy(desc(chunk.first_seq))
      .limit(1)
      .prepare(),
    chunk_behind: db
      .select({ no: chunk.no })
      .from(chunk)
      .where(and(eq(chunk.session_no, p('session_no')), gte(chunk.first_seq, p('seq'))))
      .orderBy(asc(chunk.first_seq))
      .limit(1)
      .prepare(),
    chunk_at: db
      .select()
      .from(chunk)
      .where(eq(chunk.no, p('no')))
      .prepare(),
    document: db
      .select({ type: document.type, bytes: document.bytes })
      .from(document)
      .where(eq(document.digest, p('digest')))
      .prepare(),
    documents: db
      .select({ digest: document.digest, bytes: document.bytes })
      .from(document)
      .where(eq(document.type, p('type')))
      .prepare(),
    log_last: db
      .select({ no: sql<number | null>`max(${log_entry.no})` })
      .from(log_entry)
      .prepare(),
    log_entries: db
      .select({ bytes: log_entry.bytes })
      .from(log_entry)
      .where(and(gte(log_entry.no, p('from')), lt(log_entry.no, p('to'))))
      .orderBy(asc(log_entry.no))
      .prepare(),
    log_hash: db
      .select({ hash: log_hash.hash })
      .from(log_hash)
      .where(eq(log_hash.no, p('no')))
      .prepare(),
    checkpoint: db
      .select({ bytes: checkpoint.bytes })
      .from(checkpoint)
      .orderBy(desc(checkpoint.size))
      .limit(1)
      .prepare(),
  }
}
