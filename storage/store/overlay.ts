/**
 * A database that is only read, and over it the journal's entries behind its watermark, projected into
 * a second database in memory. What both hold, the second holds newer.
 *
 * @module
 */
import { JournalReader } from '../journal/read.ts'
import type { Database } from './database.ts'
import { openDatabase } from './database.ts'
import { StoreError } from './errors.ts'
import { Batch } from './fold.ts'
import {
  batch_bytes_max,
  batch_entries_max,
  records_bytes_default,
  tail_bytes_max,
} from './limits.ts'
import { Projector } from './project.ts'
import { limitOf, pageOf, Queries, sessionRow } from './queries.ts'
import type {
  DueQuery,
  DueSession,
  RecordPage,
  SessionPage,
  SessionQuery,
  SessionRow,
} from './reader.ts'
import type { SessionTableRow } from './schema.ts'

/** The journal's entries behind one watermark. */
interface Tail {
  readonly watermark_lsn: number
  readonly database: Database
  readonly journal: JournalReader
  readonly projector: Projector
  readonly queries: Queries
  bytes: number
}

/** The gateway projects on while its journal is read: so often the two may miss each other. */
const attempts_max = 100

export class Overlay {
  readonly #base_database: Database | undefined
  readonly #base: Queries | undefined
  readonly #journal_dir: string
  readonly #key: Uint8Array | undefined
  #tail: Tail | undefined

  constructor(base: Database | undefined, journal_dir: string, key?: Uint8Array) {
    this.#key = key
    this.#base_database = base
    this.#base = base === undefined ? undefined : new Queries(base)
    this.#journal_dir = journal_dir
  }

  sessions(query: SessionQuery): SessionPage {
    return this.#read((base, tail) => {
      const limit = limitOf(query)
      const newer = tail.sessionTableRows(query, limit + 1)
      const rows = new Map(newer.map((row) => [row.id, row]))
      for (const row of base?.sessionTableRows(query, limit + 1) ?? [])
        if (!rows.has(row.id)) rows.set(row.id, tail.sessionTableRow(row.id) ?? row)
      return pageOf([...rows.values()].toSorted(newestFirst).slice(0, limit + 1), limit)
    })
  }

  session(id: string): SessionRow | undefined {
    return this.#read((base, tail) => {
      const row = tail.sessionTableRow(id) ?? base?.sessionTableRow(id)
      return row === undefined ? undefined : sessionRow(row)
    })
  }

  due(query: DueQuery): DueSession[] {
    return this.#read((base) => base?.due(query) ?? [])
  }

  erasedBy(id: string): string | undefined {
    return this.#read((base, tail) => tail.erasedBy(id) ?? base?.erasedBy(id))
  }

  records(id: string, from_seq = 0, limit_bytes: number = records_bytes_default): RecordPage {
    return this.#read((base, tail) => {
      const stored = base?.records(id, from_seq, limit_bytes) ?? { records: [] }
      if (stored.next !== undefined) return stored
      const behind = Math.max(from_seq, base?.sessionTableRow(id)?.records ?? 0)
      const bytes = stored.records.reduce((sum, each) => sum + each.length, 0)
      if (bytes >= limit_bytes)
        return tail.records(id, behind, 1).records.length > 0 ? { ...stored, next: behind } : stored
      const newer = tail.records(id, behind, limit_bytes - bytes)
      return { ...newer, records: [...stored.records, ...newer.records] }
    })
  }

  document(digest: string): { type: string; bytes: Uint8Array } | undefined {
    return this.#read((base, tail) => tail.document(digest) ?? base?.document(digest))
  }

  documents(type: string): { digest: string; bytes: Uint8Array }[] {
    return this.#read((base, tail) => {
      const all = [...(base?.documents(type) ?? []), ...tail.documents(type)]
      return [...new Map(all.map((each) => [each.digest, each])).values()]
    })
  }

  log(): { size: number; checkpoint: Uint8Array | undefined } {
    return this.#read((base, tail) => ({
      size: Math.max(tail.logSize(), base?.logSize() ?? 0),
      checkpoint: tail.checkpoint() ?? base?.checkpoint(),
    }))
  }

  logEntries(from: number, to: number): Uint8Array[] {
    return this.#read((base, tail) => [
      ...(base?.logEntries(from, to) ?? []),
      ...tail.logEntries(from, to),
    ])
  }

  logHashes(places: readonly number[]): (Uint8Array | undefined)[] {
    return this.#read((base, tail) =>
      places.map((place) => tail.logHash(place) ?? base?.logHash(place)),
    )
  }

  close(): void {
    this.#dropTail()
    this.#base_database?.connection.close()
  }

  /** Runs a query on one state: a snapshot of the database, and the journal from exactly there on. */
  #read<Result>(query: (base: Queries | undefined, tail: Queries) => Result): Result {
    for (let attempt = 0; attempt < attempts_max; attempt++) {
      this.#base_database?.connection.exec('BEGIN')
      try {
        const tail = this.#advance(this.#base?.watermark() ?? 0)
        if (tail !== undefined) return query(this.#base, tail.queries)
      } finally {
        this.#base_database?.connection.exec('ROLLBACK')
      }
    }
    throw new StoreError('store_gap', 'the journal no longer has what the database lacks')
  }

  /** Undefined when the journal has lost entries behind the watermark: the database has them by now. */
  #advance(watermark_lsn: number): Tail | undefined {
    if (this.#tail?.watermark_lsn !== watermark_lsn) {
      this.#dropTail()
      const database = openDatabase(':memory:')
      this.#tail = {
        watermark_lsn,
        database,
        journal: new JournalReader(this.#journal_dir, watermark_lsn, this.#key),
        projector: new Projector(database, this.#baseOfProjection()),
        queries: new Queries(database),
        bytes: 0,
      }
    }
    const tail = this.#tail
    for (;;) {
      const batch = new Batch()
      for (let next = tail.journal.next(); next !== undefined; next = tail.journal.next()) {
        batch.add(next.lsn, next.entry)
        if (batch.bytes >= batch_bytes_max || batch.entries >= batch_entries_max) break
      }
      if (tail.journal.gap) {
        this.#dropTail()
        return undefined
      }
      if (batch.entries === 0) return tail
      tail.bytes += batch.bytes
      if (tail.bytes > tail_bytes_max)
        throw new StoreError('store_gap', 'too much waits in the journal: start the gateway first')
      tail.projector.apply(batch)
    }
  }

  #baseOfProjection(): ConstructorParameters<typeof Projector>[1] {
    const base = this.#base
    if (base === undefined) return undefined
    return {
      session: (id) => base.sessionTableRow(id),
      session_no_max: base.sessionNoMax(),
      log_size: base.logSize(),
      hash: (place) => base.logHash(place),
    }
  }

  #dropTail(): void {
    this.#tail?.journal.close()
    this.#tail?.database.connection.close()
    this.#tail = undefined
  }
}

function newestFirst(a: SessionTableRow, b: SessionTableRow): number {
  return b.started_us - a.started_us || b.no - a.no
}
