/**
 * The tables of the store. `migration/` is generated from this file (see `migration/README.md`); every
 * table is STRICT, because the driver binds JavaScript numbers as REAL, and only a STRICT INTEGER
 * column turns them back or refuses them.
 *
 * @module
 */

import type { SQLiteColumn, SQLiteTableWithColumns } from 'drizzle-orm/sqlite-core'
import { customType, index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** A table by the rows that it holds. `Given` is what SQLite can fill in: an integer key. */
type TableOf<Name extends string, Row, Given extends keyof Row = never> = SQLiteTableWithColumns<{
  name: Name
  schema: undefined
  dialect: 'sqlite'
  columns: {
    [Key in keyof Row & string]: SQLiteColumn<{
      name: Key
      tableName: Name
      dataType: 'number' | 'string' | 'custom'
      columnType: string
      data: NonNullable<Row[Key]>
      driverParam: unknown
      notNull: null extends Row[Key] ? false : true
      hasDefault: Key extends Given ? true : false
      isPrimaryKey: boolean
      isAutoincrement: false
      hasRuntimeDefault: false
      enumValues: string extends NonNullable<Row[Key]> ? [string, ...string[]] : undefined
      generated: undefined
    }>
  }
}>

/** One row: the last journal entry that the other tables contain. */
export interface WatermarkRow {
  readonly id: number
  readonly lsn: number
}

export interface SessionTableRow {
  /** Order of starting; what other tables refer to. */
  readonly no: number
  readonly id: string
  readonly subject: string
  readonly issuer: string
  readonly method: string
  /** JSON array; `session_group` is for searching. */
  readonly groups: string
  readonly protocol: string
  readonly account: string
  readonly target: string
  readonly source: string
  /** JSON object. */
  readonly labels: string
  /** UTC, microseconds. */
  readonly started_us: number
  readonly ended_us: number | null
  readonly end_reason: string | null
  /** Records in the store: one more than the highest sequence. */
  readonly records: number
  readonly output_bytes: number
  readonly start_digest: string
  readonly envelope_digest: string
  readonly manifest_digest: string | null
  /** Days that the log promised to keep it for, after {@link closed_us}; null where it promised nothing. */
  readonly retain_days: number | null
  /** When the log had its end. */
  readonly closed_us: number | null
  /** 1 when the log says that its objects in a bucket are encrypted under a key of its own. */
  readonly keyed: number | null
}

/** A session that was erased, because its time had come or by order: what is left of it stands in the log. */
export interface ErasedRow {
  readonly id: string
  /** Digest of the `retention.applied` or `session.shredded` that says so. */
  readonly digest: string
  /** 1 once nothing of it is in a page or the write-ahead log any more. */
  readonly scrubbed: number
}

export interface SessionGroupRow {
  readonly name: string
  readonly started_us: number
  readonly session_no: number
}

/** One for each program of a session, in the order in which pages have sessions. */
export interface SessionProgramRow {
  readonly name: string
  readonly started_us: number
  readonly session_no: number
}

/**
 * One row: how far the order of numbers is from that of starting. No session started more than `behind_us` before one
 * with a lower number did: 0 unless a clock was set back, or two sessions overtook each other while they began.
 */
export interface SessionOrderRow {
  readonly id: number
  readonly started_us_max: number
  readonly behind_us: number
}

/** Consecutive stored records of one session: each u32be length, then the bytes. */
export interface ChunkRow {
  readonly no: number
  readonly session_no: number
  readonly first_seq: number
  /** How many records. */
  readonly count: number
  readonly bytes: Uint8Array
}

/** What was run, masked. */
export interface CommandRow {
  /**
   * `session_no << 32 | seq`: the full-text index then has the commands of a session side by side, the newest session last.
   * More than a number can hold exactly: computed by SQLite, and never read.
   */
  readonly no: number
  readonly session_no: number
  readonly seq: number
  readonly t_us: number
  /** First word of a command without its path; null for a line typed in a terminal. */
  readonly program: string | null
  /** `exact`, `shell` or `screen` as recorded, `typed` for the keys of a line typed in a terminal. */
  readonly confidence: string
  readonly text: string
}

export interface DocumentRow {
  /** SHA-256, hex. */
  readonly digest: string
  readonly type: string
  readonly bytes: Uint8Array
}

export interface LogEntryRow {
  /** Index in the log. */
  readonly no: number
  readonly bytes: Uint8Array
}

/** A hash of the log's tree, at the place that `storedHashIndex` gives it. */
export interface LogHashRow {
  readonly no: number
  readonly hash: Uint8Array
}

/** Signed notes; of several over one size, the newest. */
export interface CheckpointRow {
  readonly size: number
  readonly bytes: Uint8Array
}

/** The driver takes Uint8Array and gives ArrayBuffer or Buffer. */
const bytes = customType<{ data: Uint8Array; driverData: Uint8Array | ArrayBuffer }>({
  dataType: () => 'blob',
  toDriver: (value) => value,
  fromDriver: (value) => (value instanceof Uint8Array ? value : new Uint8Array(value)),
})

export const watermark: TableOf<'watermark', WatermarkRow, 'id'> = sqliteTable('watermark', {
  id: integer().primaryKey(),
  lsn: integer().notNull(),
})

export const session: TableOf<'session', SessionTableRow, 'no'> = sqliteTable(
  'session',
  {
    no: integer().primaryKey(),
    id: text().notNull().unique(),
    subject: text().notNull(),
    issuer: text().notNull(),
    method: text().notNull(),
    groups: text().notNull(),
    protocol: text().notNull(),
    account: text().notNull(),
    target: text().notNull(),
    source: text().notNull(),
    labels: text().notNull(),
    started_us: integer().notNull(),
    ended_us: integer(),
    end_reason: text(),
    records: integer().notNull(),
    output_bytes: integer().notNull(),
    start_digest: text().notNull(),
    envelope_digest: text().notNull(),
    manifest_digest: text(),
    retain_days: integer(),
    closed_us: integer(),
    keyed: integer(),
  },
  (table) => [
    index('session_closed').on(table.closed_us, table.retain_days),
    index('session_started').on(table.started_us, table.no),
    index('session_subject').on(table.subject, table.started_us, table.no),
    index('session_target').on(table.target, table.started_us, table.no),
    index('session_open').on(table.manifest_digest, table.no),
  ],
)

export const erased: TableOf<'erased', ErasedRow> = sqliteTable('erased', {
  id: text().primaryKey(),
  digest: text().notNull(),
  scrubbed: integer().notNull(),
})

export const session_group: TableOf<'session_group', SessionGroupRow> = sqliteTable(
  'session_group',
  {
    name: text().notNull(),
    started_us: integer().notNull(),
    session_no: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.name, table.started_us, table.session_no] })],
)

export const session_program: TableOf<'session_program', SessionProgramRow> = sqliteTable(
  'session_program',
  {
    name: text().notNull(),
    started_us: integer().notNull(),
    session_no: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.name, table.started_us, table.session_no] })],
)

export const session_order: TableOf<'session_order', SessionOrderRow, 'id'> = sqliteTable(
  'session_order',
  {
    id: integer().primaryKey(),
    started_us_max: integer().notNull(),
    behind_us: integer().notNull(),
  },
)

export const chunk: TableOf<'chunk', ChunkRow, 'no'> = sqliteTable(
  'chunk',
  {
    no: integer().primaryKey(),
    session_no: integer().notNull(),
    first_seq: integer().notNull(),
    count: integer().notNull(),
    bytes: bytes().notNull(),
  },
  (table) => [index('chunk_place').on(table.session_no, table.first_seq, table.count)],
)

export const command: TableOf<'command', CommandRow, 'no'> = sqliteTable('command', {
  no: integer().primaryKey(),
  session_no: integer().notNull(),
  seq: integer().notNull(),
  t_us: integer().notNull(),
  program: text(),
  confidence: text().notNull(),
  text: text().notNull(),
})

export const document: TableOf<'document', DocumentRow> = sqliteTable(
  'document',
  {
    digest: text().primaryKey(),
    type: text().notNull(),
    bytes: bytes().notNull(),
  },
  (table) => [index('document_type').on(table.type)],
)

export const log_entry: TableOf<'log_entry', LogEntryRow, 'no'> = sqliteTable('log_entry', {
  no: integer().primaryKey(),
  bytes: bytes().notNull(),
})

export const log_hash: TableOf<'log_hash', LogHashRow, 'no'> = sqliteTable('log_hash', {
  no: integer().primaryKey(),
  hash: bytes().notNull(),
})

export const checkpoint: TableOf<'checkpoint', CheckpointRow, 'size'> = sqliteTable('checkpoint', {
  size: integer().primaryKey(),
  bytes: bytes().notNull(),
})
