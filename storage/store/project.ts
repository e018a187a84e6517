/**
 * Writes batches of journal entries into the database: one transaction each, with the watermark inside,
 * so that every entry is in it exactly once, whenever the process dies.
 *
 * @module
 */
import { eq, sql } from 'drizzle-orm'
import { storedHashes, storedHashIndex } from '../evidence/merkle.ts'
import type { Database } from './database.ts'
import { Erasing } from './erase.ts'
import { asStoreError, StoreError } from './errors.ts'
import { parseGroups } from './facts.ts'
import type { Batch, FoldedSession } from './fold.ts'
import type { Statement } from './libsql.ts'
import { Queries } from './queries.ts'
import type { SessionTableRow } from './schema.ts'
import * as tables from './schema.ts'

/** What a projection goes on from, when its own database does not have it: see `overlay.ts`. */
export interface Base {
  session(id: string): SessionTableRow | undefined
  readonly session_no_max: number
  readonly log_size: number
  hash(place: number): Uint8Array | undefined
}

/** Number and start of a session. */
type Place = Pick<SessionTableRow, 'no' | 'started_us'>

/** Where the log goes on: its size, and the hashes that the next entries complete subtrees with, by their places. */
interface LogEnd {
  size: number
  readonly lefts: Map<number, Uint8Array>
}

export class Projector {
  readonly #database: Database
  readonly #base: Base | undefined
  readonly #queries: Queries
  readonly #sql: ReturnType<typeof prepareAll>
  readonly #insert_command_text: Statement
  readonly #erasing: Erasing
  /** Rows of sessions that records still come for. Emptied by a failure: it may have undone some. */
  readonly #places = new Map<string, Place>()
  #log: LogEnd | undefined
  #watermark_lsn: number

  constructor(database: Database, base?: Base) {
    this.#database = database
    this.#base = base
    this.#queries = new Queries(database)
    this.#sql = prepareAll(database)
    // A virtual table has no schema for Drizzle to know.
    this.#insert_command_text = database.connection.prepare(
      'INSERT INTO command_text (rowid, text) VALUES ((? << 32) | ?, ?)',
    )
    this.#erasing = new Erasing(database)
    this.#watermark_lsn = this.#queries.watermark()
  }

  /** Number of the last journal entry that the database contains. */
  get watermark_lsn(): number {
    return this.#watermark_lsn
  }

  /** All of the batch and the watermark, or nothing. Throws `StoreError`. */
  apply(batch: Batch): void {
    if (batch.entries === 0) return
    const { connection } = this.#database
    try {
      connection.exec('BEGIN IMMEDIATE')
      const sessions = [...batch.sessions.values()]
        .filter((session) => !this.#isMention(session))
        .map((session) => ({ session, place: this.#place(session) }))
      // The full-text index writes a part of itself whenever a number is lower than the one before.
      for (const { session, place } of sessions.toSorted((a, b) => a.place.no - b.place.no))
        this.#session(session, place)
      for (const { digest, type, bytes } of batch.documents)
        this.#sql.insert_document.run({ digest, type, bytes })
      for (const { index, bytes } of batch.log_entries) this.#logEntry(index, bytes)
      for (const { size, bytes } of batch.checkpoints) this.#sql.put_checkpoint.run({ size, bytes })
      for (const erasure of batch.erasures) this.#erasing.erase(erasure)
      this.#sql.put_watermark.run({ lsn: batch.lsn })
      connection.exec('COMMIT')
    } catch (error) {
      this.#places.clear()
      this.#log = undefined
      this.#rollBack()
      throw asStoreError(error, 'cannot project')
    }
    this.#watermark_lsn = batch.lsn
    for (const { id, closed_us } of batch.sessions.values())
      if (closed_us !== undefined) this.#places.delete(id)
    for (const { session } of batch.erasures) this.#places.delete(session)
  }

  #rollBack(): void {
    const { connection } = this.#database
    try {
      // SQLite has already rolled back by itself after some errors, SQLITE_FULL among them.
      if (connection.in_transaction) connection.exec('ROLLBACK')
    } catch {
      // The first error is the one to tell.
    }
  }

  #session(session: FoldedSession, { no, started_us }: Place): void {
    for (const { first_seq, count, bytes } of session.chunks)
      this.#sql.insert_chunk.run({ session_no: no, first_seq, count, bytes: bytes.view() })
    const commands = session.commands.toSorted((a, b) => a.seq - b.seq)
    for (const { seq, t_us, program, confidence, text } of commands) {
      const row = { session_no: no, seq, t_us, program, confidence, text }
      // Not `returning`: the driver takes longer to ask for a row than to insert it.
      if (this.#sql.insert_command.run(row).changes > 0)
        this.#insert_command_text.run(no, seq, text)
    }
    for (const name of new Set(commands.map(({ program }) => program)))
      if (name !== null) this.#sql.insert_program.run({ name, started_us, session_no: no })
    this.#sql.advance_session.run({
      no,
      records: session.records,
      output_bytes: session.output_bytes,
      ended_us: session.end?.ended_us ?? null,
      end_reason: session.end?.reason ?? null,
      manifest_digest: session.manifest_digest ?? null,
      retain_days: session.retain_days ?? null,
      closed_us: session.closed_us ?? null,
      keyed: session.is_keyed ? 1 : null,
    })
  }

  /** The log tells of a session that is not here: what came of it was left out, or erased. */
  #isMention({ id, records, start, manifest_digest }: FoldedSession): boolean {
    return (
      records === 0 &&
      start === undefined &&
      manifest_digest === undefined &&
      !this.#places.has(id) &&
      this.#sql.session_place.get({ id }) === undefined &&
      this.#base?.session(id) === undefined
    )
  }

  #place(session: FoldedSession): Place {
    const { id, start } = session
    const known = this.#places.get(id) ?? this.#sql.session_place.get({ id })
    if (known !== undefined) {
      this.#places.set(id, known)
      return known
    }
    const seed = this.#base?.session(id)
    if (seed !== undefined) return this.#insert(seed)
    const no = Math.max(this.#queries.sessionNoMax(), this.#base?.session_no_max ?? 0) + 1
    return this.#insert({
      no,
      id,
      subject: start?.subject ?? '',
      issuer: start?.issuer ?? '',
      method: start?.method ?? '',
      groups: JSON.stringify(start?.groups ?? []),
      protocol: start?.protocol ?? '',
      account: start?.account ?? '',
      target: start?.target ?? '',
      source: start?.source ?? '',
      labels: JSON.stringify(start?.labels ?? {}),
      started_us: start?.started_us ?? 0,
      ended_us: null,
      end_reason: null,
      records: 0,
      output_bytes: 0,
      start_digest: start?.start_digest ?? '',
      envelope_digest: start?.envelope_digest ?? '',
      manifest_digest: null,
      retain_days: null,
      closed_us: null,
      keyed: null,
    })
  }

  #insert(row: SessionTableRow): Place {
    const { no, id, started_us } = row
    this.#sql.insert_session.run({ ...row })
    for (const name of new Set(parseGroups(row.groups)))
      this.#sql.insert_group.run({ name, started_us, session_no: no })
    // One that does not say when it began is behind all others, and no measure for them.
    if (started_us > 0) this.#sql.put_order.run({ started_us })
    const place = { no, started_us }
    this.#places.set(id, place)
    return place
  }

  #logEntry(index: number, bytes: Uint8Array): void {
    // A log that goes on from the base has none of its own yet.
    this.#log ??= { size: this.#queries.logSize() || (this.#base?.log_size ?? 0), lefts: new Map() }
    const { size, lefts } = this.#log
    if (index !== size)
      throw new StoreError('store_damaged', `log entry ${index} follows ${size - 1}`)
    this.#sql.insert_log_entry.run({ no: index, bytes })
    const hashes = storedHashes(index, bytes, (places) =>
      places.map((place) => {
        const stored = lefts.get(place) ?? this.#queries.logHash(place) ?? this.#base?.hash(place)
        lefts.delete(place)
        if (stored !== undefined) return stored
        throw new StoreError('store_damaged', `hash ${place} of the log is missing`)
      }),
    )
    const first = storedHashIndex(0, index)
    for (const [offset, hash] of hashes.entries()) {
      this.#sql.insert_log_hash.run({ no: first + offset, hash })
      // The last one is of the largest subtree: the others are within it.
      if (offset === hashes.length - 1) lefts.set(first + offset, hash)
    }
    this.#log.size++
  }
}

/** Unprepared, Drizzle costs six times as much; prepared, nothing that shows. */
function prepareAll({ drizzle: db }: Database) {
  const p = sql.placeholder
  const { session, session_group, session_program, session_order, command, document } = tables
  const { chunk, log_entry, log_hash, checkpoint } = tables
  return {
    put_watermark: db
      .insert(tables.watermark)
      .values({ id: 1, lsn: p('lsn') })
      .onConflictDoUpdate({ target: tables.watermark.id, set: { lsn: sql`excluded.lsn` } })
      .prepare(),
    session_place: db
      .select({ no: session.no, started_us: session.started_us })
      .from(session)
      .where(eq(session.id, p('id')))
      .prepare(),
    insert_session: db
      .insert(session)
      .values({
        no: p('no'),
        id: p('id'),
        subject: p('subject'),
        issuer: p('issuer'),
        method: p('method'),
        groups: p('groups'),
        protocol: p('protocol'),
        account: p('account'),
        target: p('target'),
        source: p('source'),
        labels: p('labels'),
        started_us: p('started_us'),
        ended_us: p('ended_us'),
        end_reason: p('end_reason'),
        records: p('records'),
        output_bytes: p('output_bytes'),
        start_digest: p('start_digest'),
        envelope_digest: p('envelope_digest'),
        manifest_digest: p('manifest_digest'),
        retain_days: p('retain_days'),
        closed_us: p('closed_us'),
        keyed: p('keyed'),
      })
      .prepare(),
    insert_group: db
      .insert(session_group)
      .values({ name: p('name'), started_us: p('started_us'), session_no: p('session_no') })
      .prepare(),
    advance_session: db
      .update(session)
      .set({
        records: sql`max(${session.records}, ${p('records')})`,
        output_bytes: sql`${session.output_bytes} + ${p('output_bytes')}`,
        ended_us: sql`coalesce(${p('ended_us')}, ${session.ended_us})`,
        end_reason: sql`coalesce(${p('end_reason')}, ${session.end_reason})`,
        manifest_digest: sql`coalesce(${p('manifest_digest')}, ${session.manifest_digest})`,
        retain_days: sql`coalesce(${p('retain_days')}, ${session.retain_days})`,
        closed_us: sql`coalesce(${p('closed_us')}, ${session.closed_us})`,
        keyed: sql`coalesce(${p('keyed')}, ${session.keyed})`,
      })
      .where(eq(session.no, p('no')))
      .prepare(),
    insert_chunk: db
      .insert(chunk)
      .values({
        session_no: p('session_no'),
        first_seq: p('first_seq'),
        count: p('count'),
        bytes: p('bytes'),
      })
      .prepare(),
    insert_command: db
      .insert(command)
      .values({
        no: sql`(${p('session_no')} << 32) | ${p('seq')}`,
        session_no: p('session_no'),
        seq: p('seq'),
        t_us: p('t_us'),
        program: p('program'),
        confidence: p('confidence'),
        text: p('text'),
      })
      // It may have come before: a row of a session and a sequence is written once.
      .onConflictDoNothing()
      .prepare(),
    insert_program: db
      .insert(session_program)
      .values({ name: p('name'), started_us: p('started_us'), session_no: p('session_no') })
      .onConflictDoNothing()
      .prepare(),
    put_order: db
      .insert(session_order)
      .values({ id: 1, started_us_max: p('started_us'), behind_us: 0 })
      .onConflictDoUpdate({
        target: session_order.id,
        set: {
          behind_us: sql`max(${session_order.behind_us}, ${session_order.started_us_max} - excluded.started_us_max)`,
          started_us_max: sql`max(${session_order.started_us_max}, excluded.started_us_max)`,
        },
      })
      .prepare(),
    insert_document: db
      .insert(document)
      .values({ digest: p('digest'), type: p('type'), bytes: p('bytes') })
      // The same bytes: the digest says so.
      .onConflictDoNothing()
      .prepare(),
    insert_log_entry: db
      .insert(log_entry)
      .values({ no: p('no'), bytes: p('bytes') })
      .prepare(),
    insert_log_hash: db
      .insert(log_hash)
      .values({ no: p('no'), hash: p('hash') })
      .prepare(),
    put_checkpoint: db
      .insert(checkpoint)
      .values({ size: p('size'), bytes: p('bytes') })
      .onConflictDoUpdate({ target: checkpoint.size, set: { bytes: sql`excluded.bytes` } })
      .prepare(),
  }
}
