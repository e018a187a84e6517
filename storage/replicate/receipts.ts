/**
 * What was promised to the bucket, and what it answered: for each object its key, SHA-256 and version. A plan is on the
 * disk before its object is sent, so that an object that is sent again after a crash has the same body.
 *
 * @module
 */

import { connectKeyed } from '../store/database.ts'
import { asStoreError } from '../store/errors.ts'
import type { Connection, Statement } from '../store/libsql.ts'
import { KeyTable, type Shredded } from './key-table.ts'
import { documentsKey, type KeyParts } from './keys.ts'

export interface Plan {
  readonly key: string
  readonly kind: Exclude<KeyParts['kind'], 'hint' | 'probe' | 'cosigned'>
  /** Of `session/...`, and of a document its digest; empty otherwise. */
  readonly subject: string
  /** What it holds, the end excluded: records, entries, the size that a checkpoint signs. 0 where that says nothing. */
  readonly first: number
  readonly next: number
  /** Hex. */
  readonly sha256: string
  readonly bytes: number
  /** From the moment of sending; absent for what must stay erasable. */
  readonly retain_days?: number
  /** Of an object that is encrypted under its session's key its nonce, and of a key the key itself. */
  readonly secret?: Uint8Array
}

export interface Receipt {
  readonly key: string
  readonly version: string
  readonly sha256: string
}

export interface PlaceableObject {
  readonly no: number
  readonly key: string
  /** Null while it is not known to have arrived. */
  readonly version: string | null
  /** Id of its session. */
  readonly subject: string
  /** 1 under a legal hold. */
  readonly held: number
}

/** Everything up to here is in the bucket. */
export interface Place {
  /** Of the store's chunk rows. */
  readonly chunk_no: number
  readonly log_size: number
  readonly checkpoint_size: number
  /** The journal entry that the store had when it was looked at. */
  readonly watermark_lsn: number
  /** ... and when that was, UTC in milliseconds; 0 before the first time. */
  readonly at_ms: number
}

const schema = `
CREATE TABLE IF NOT EXISTS object (
  no INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, subject TEXT NOT NULL,
  first INTEGER NOT NULL, next INTEGER NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL,
  retain_days INTEGER, version TEXT, logged INTEGER NOT NULL, held INTEGER NOT NULL DEFAULT 0, secret BLOB) STRICT;
CREATE INDEX IF NOT EXISTS object_planned ON object (no) WHERE version IS NULL;
CREATE INDEX IF NOT EXISTS object_unlogged ON object (no) WHERE logged = 0;
CREATE INDEX IF NOT EXISTS object_records ON object (subject, next) WHERE kind = 'records';
CREATE INDEX IF NOT EXISTS object_entries ON object (next) WHERE kind = 'entries';
CREATE TABLE IF NOT EXISTS place (
  id INTEGER PRIMARY KEY, chunk_no INTEGER NOT NULL, log_size INTEGER NOT NULL,
  checkpoint_size INTEGER NOT NULL, watermark_lsn INTEGER NOT NULL, at_ms INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO place VALUES (1, 0, 0, 0, 0, 0);
CREATE TABLE IF NOT EXISTS shredding (
  session TEXT PRIMARY KEY, entry INTEGER NOT NULL, keeps_start INTEGER NOT NULL, is_over INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS shredding_open ON shredding (entry) WHERE is_over = 0;
`

/** Methods throw `StoreError`; what they change is on the disk when they return. */
export class Receipts {
  readonly #connection: Connection
  readonly #insert: Statement
  readonly #receive: Statement
  readonly #mark: Statement
  readonly #advance: Statement
  readonly #known: Statement
  readonly #sent_to: Statement
  readonly #entries_to: Statement
  readonly #documents_to: Statement
  readonly #planned: Statement
  readonly #unlogged: Statement
  readonly #placeable: Statement
  readonly #placed: Statement
  readonly #drop: Statement
  /** Of sessions. */
  readonly keys: KeyTable
  #place: Place

  /** @param key where the store is encrypted at rest */
  constructor(path: string, key?: Uint8Array) {
    try {
      const connection = connectKeyed({ path, file: path, key, is_converted: true })
      connection.prepare('PRAGMA journal_mode = WAL').all()
      connection.prepare('PRAGMA synchronous = FULL').all()
      connection.exec(schema)
      // What is erased of a page is overwritten: keys of sessions are.
      connection.prepare('PRAGMA secure_delete = ON').all()
      // Of a version before there were legal holds, and before sessions had keys.
      const columns = connection.prepare('PRAGMA table_info(object)').all() as { name: string }[]
      if (!columns.some(({ name }) => name === 'held'))
        connection.exec('ALTER TABLE object ADD COLUMN held INTEGER NOT NULL DEFAULT 0')
      if (!columns.some(({ name }) => name === 'secret'))
        connection.exec('ALTER TABLE object ADD COLUMN secret BLOB')
      this.keys = new KeyTable(connection)
      this.#placeable = connection.prepare(
        "SELECT no, key, version, subject, held FROM object WHERE no > ? AND kind IN ('records', 'start', 'envelope', 'manifest', 'leaves', 'key', 'documents') ORDER BY no LIMIT ?",
      )
      this.#placed = connection.prepare('UPDATE object SET held = ? WHERE no = ?')
      this.#drop = connection.prepare('DELETE FROM object WHERE key = ? AND version IS NULL')
      this.#connection = connection
      this.#insert = connection.prepare(
        'INSERT INTO object (key, kind, subject, first, next, sha256, bytes, retain_days, logged, secret) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      )
      this.#receive = connection.prepare('UPDATE object SET version = ? WHERE key = ?')
      this.#mark = connection.prepare('UPDATE object SET logged = 1 WHERE key = ?')
      this.#advance = connection.prepare(
        'UPDATE place SET chunk_no = ?, log_size = ?, checkpoint_size = ?, watermark_lsn = ?, at_ms = ?',
      )
      this.#known = connection.prepare('SELECT 1 FROM object WHERE key = ?')
      this.#sent_to = connection.prepare(
        "SELECT max(next) AS next FROM object WHERE subject = ? AND kind = 'records'",
      )
      this.#entries_to = connection.prepare(
        "SELECT max(next) AS next FROM object WHERE kind = 'entries'",
      )
      this.#documents_to = connection.prepare('SELECT next FROM object WHERE key IN (?, ?)')
      this.#planned = connection.prepare(
        'SELECT key, kind, subject, first, next, sha256, bytes, retain_days, secret FROM object WHERE version IS NULL ORDER BY no',
      )
      this.#unlogged = connection.prepare(
        'SELECT key, version, sha256 FROM object WHERE logged = 0 AND version IS NOT NULL ORDER BY no LIMIT ?',
      )
      const place = connection
        .prepare('SELECT chunk_no, log_size, checkpoint_size, watermark_lsn, at_ms FROM place')
        .get() as Place // The table has this one row.
      this.#place = { ...place }
    } catch (error) {
      throw asStoreError(error, `cannot open the receipts ${path}`)
    }
  }

  get place(): Place {
    return this.#place
  }

  /** Whether nothing was ever planned. */
  get isEmpty(): boolean {
    return this.#connection.prepare('SELECT 1 FROM object LIMIT 1').get() === undefined
  }

  /** Whether the object was planned, sent or not. */
  knows(key: string): boolean {
    return this.#known.get(key) !== undefined
  }

  /** One more than the last record of a session that was planned. */
  sentTo(session: string): number {
    return (this.#sent_to.get(session) as { next: number | null }).next ?? 0
  }

  /** As {@link sentTo}, of the log's entries. */
  entriesTo(): number {
    return (this.#entries_to.get() as { next: number | null }).next ?? 0
  }

  /** How far a session's documents were planned: 0 not at all, 1 what its start names, 2 what its end does too. */
  documentsTo(session: string): number {
    const keys = [documentsKey(session, 0), documentsKey(session, 1)]
    const rows = this.#documents_to.all(...keys) as { next: number }[] // By its column.
    return Math.max(0, ...rows.map(({ next }) => next))
  }

  plan(plans: readonly Plan[]): void {
    this.#together(() => {
      for (const { key, kind, subject, first, next, sha256, bytes, ...plan } of plans) {
        const days = plan.retain_days ?? null
        const secret = plan.secret ?? null
        const logged = isLogged(kind) ? 0 : 1
        this.#insert.run(key, kind, subject, first, next, sha256, bytes, days, logged, secret)
      }
    })
  }

  received(versions: ReadonlyMap<string, string>): void {
    this.#together(() => {
      for (const [key, version] of versions) this.#receive.run(version, key)
    })
  }

  advance(to: Partial<Place>): void {
    const place = { ...this.#place, ...to }
    this.#together(() => {
      const { chunk_no, log_size, checkpoint_size, watermark_lsn, at_ms } = place
      this.#advance.run(chunk_no, log_size, checkpoint_size, watermark_lsn, at_ms)
    })
    this.#place = place
  }

  /** Planned, and not known to have arrived. */
  planned(): readonly Plan[] {
    const rows = this.#planned.all() as (Omit<Plan, 'retain_days' | 'secret'> & {
      retain_days: number | null
      secret: ArrayBuffer | null
    })[] // By its columns.
    return rows.map(({ retain_days, secret, ...plan }) => ({
      ...plan,
      ...(retain_days === null ? {} : { retain_days }),
      ...(secret === null ? {} : { secret: new Uint8Array(secret) }),
    }))
  }

  /** It was not sent, and will not be: its session was erased. */
  drop(key: string): void {
    this.#together(() => this.#drop.run(key))
  }

  /** The entry of the log says that these sessions were erased. */
  shred(sessions: readonly Shredded[], entry: number): void {
    this.keys.shred(sessions, entry, (run) => this.#together(run))
  }

  /** Receipts that the log does not have yet. */
  unlogged(count_max: number): readonly Receipt[] {
    return (this.#unlogged.all(count_max) as Receipt[]).map((row) => ({ ...row })) // By its columns.
  }

  logged(receipts: readonly Receipt[]): void {
    this.#together(() => {
      for (const { key } of receipts) this.#mark.run(key)
    })
  }

  /** Objects of sessions behind this one, in the order in which they were planned. */
  placeable(after_no: number, count_max: number): readonly PlaceableObject[] {
    return this.#placeable.all(after_no, count_max) as PlaceableObject[] // By its columns.
  }

  /** The bucket has it under a legal hold now, or no longer. */
  placed(no: number, is_held: boolean): void {
    this.#together(() => this.#placed.run(is_held, no))
  }

  close(): void {
    this.#connection.close()
  }

  #together(run: () => void): void {
    try {
      this.#connection.exec('BEGIN IMMEDIATE')
      run()
      this.#connection.exec('COMMIT')
    } catch (error) {
      if (this.#connection.in_transaction) this.#connection.exec('ROLLBACK')
      throw asStoreError(error, 'cannot keep receipts')
    }
  }
}

/** The log's own objects have no receipt in the log: each would need another. */
const isLogged = (kind: Plan['kind']): boolean =>
  kind !== 'entries' && kind !== 'tile' && kind !== 'checkpoint'
