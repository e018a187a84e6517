/**
 * A database of the store: opened, set up, migrated, and given to Drizzle.
 *
 * @module
 */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { BetterSQLiteSession } from 'drizzle-orm/better-sqlite3/session'
import type { TablesRelationalConfig } from 'drizzle-orm/relations'
import { BaseSQLiteDatabase, SQLiteSyncDialect } from 'drizzle-orm/sqlite-core'
import { asStoreError, StoreError } from './errors.ts'
import type { Connection } from './libsql.ts'
import { connect, encryptDatabase } from './libsql.ts'
import { cache_kib, page_bytes } from './limits.ts'
import { migrations } from './migration/index.ts'

/** What the driver says of a statement that returns no rows. */
interface Changed {
  readonly changes: number
}

export type Drizzle = BaseSQLiteDatabase<
  'sync',
  Changed,
  Record<string, unknown>,
  TablesRelationalConfig
>

export interface Database {
  readonly connection: Connection
  readonly drizzle: Drizzle
}

/**
 * Opens the store's database for writing; makes and migrates it. `:memory:` is one too. Throws
 * `StoreError` `store_damaged`, `store_version`, `store_locked`, `store_full` or `store_io`.
 *
 * @param key of a store that is encrypted at rest; one that is not yet is encrypted now
 */
export function openDatabase(path: string, key?: Uint8Array): Database {
  return opened({ path, file: path, key, is_converted: true }, (connection) => {
    for (const pragma of [
      // First: what follows may meet whoever just closes it, or reads what a crash left.
      'busy_timeout = 5000',
      `page_size = ${page_bytes}`,
      'journal_mode = WAL',
      // The journal is the truth: a commit here needs no sync of its own, a checkpoint has one.
      'synchronous = NORMAL',
      'wal_autocheckpoint = 0',
      `journal_size_limit = ${64 * 1024 * 1024}`,
      `cache_size = -${cache_kib}`,
      'trusted_schema = OFF',
      // What is deleted is overwritten, and what an index gives back while it is reordered.
      'secure_delete = ON',
    ])
      connection.prepare(`PRAGMA ${pragma}`).all()
    checkVersion(connection)
    const { dialect, session, drizzle } = bind(connection)
    dialect.migrate(migrations, session)
    return { connection, drizzle }
  })
}

/**
 * Opens an existing database to read it, beside a running gateway, after a crash, or from a copy on
 * a medium that cannot be written. Undefined when there is none.
 */
export function openDatabaseReadOnly(path: string, key?: Uint8Array): Database | undefined {
  if (!existsSync(path)) return undefined
  refuseSpecialFiles(path)
  const uri = `file:${encodeURI(resolve(path)).replaceAll('?', '%3F').replaceAll('#', '%23')}`
  const open = (mode: string): Database =>
    opened({ path: `${uri}?${mode}`, file: path, key }, (connection) => {
      connection.prepare('PRAGMA busy_timeout = 5000').all()
      connection.prepare('PRAGMA trusted_schema = OFF').all()
      checkVersion(connection)
      checkSchema(connection)
      return databaseOf(connection)
    })
  if (existsSync(`${path}-wal`)) return open('mode=ro')
  try {
    return open('mode=ro')
  } catch (error) {
    // Without its WAL beside it nothing can change it, and SQLite may not be able to make one.
    if (error instanceof StoreError && error.code === 'store_io') return open('immutable=1')
    throw error
  }
}

interface Opening {
  readonly path: string
  /** The path without what a URI adds. */
  readonly file: string
  readonly key: Uint8Array | undefined
  /** Whether a file that is not encrypted yet is. */
  readonly is_converted?: true
}

function opened(opening: Opening, setUp: (connection: Connection) => Database): Database {
  const { path, file } = opening
  let connection: Connection | undefined
  try {
    connection = connectKeyed(opening)
    return setUp(connection)
  } catch (error) {
    connection?.close()
    throw lockedOr(asStoreError(error, `cannot open the store ${path}`), file, opening.key)
  }
}

/** Throws what the driver throws, and `StoreError` `store_locked`. */
export function connectKeyed({ path, file, key, is_converted }: Opening): Connection {
  const is_plain = isPlain(file)
  if (key !== undefined && is_plain === true) {
    if (is_converted !== true)
      throw new StoreError('store_locked', `${file} is not encrypted yet: its gateway does that`)
    encryptDatabase(file, key)
  }
  const connection = connect(path, key)
  // What a large sort puts aside would lie there as it is.
  if (key !== undefined) connection.exec('PRAGMA temp_store = MEMORY')
  return connection
}

/** What a file that is not a database to SQLite means, where it has one of ours. */
function lockedOr(error: StoreError, file: string, key: Uint8Array | undefined): StoreError {
  if (error.code !== 'store_damaged' || isPlain(file) !== false) return error
  if (key !== undefined)
    return new StoreError('store_locked', `${file} is encrypted with another key, or damaged`, {
      cause: error,
    })
  return new StoreError(
    'store_damaged',
    `${file} is encrypted, or damaged: give its key (encryption in the configuration, --key-file)`,
    { cause: error },
  )
}

/** Whether the file begins as every database does that is not encrypted; undefined when there is no such file. */
function isPlain(file: string): boolean | undefined {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0) return undefined
  const head = Buffer.alloc(magic.length)
  const fd = openSync(file, 'r')
  try {
    readSync(fd, head, 0, magic.length, 0)
  } finally {
    closeSync(fd)
  }
  return head.toString('latin1') === magic
}

const magic = 'SQLite format 3\0'

/** Gives an open connection to Drizzle. */
export function databaseOf(connection: Connection): Database {
  return { connection, drizzle: bind(connection).drizzle }
}

function bind(connection: Connection): {
  readonly dialect: SQLiteSyncDialect
  readonly session: BetterSQLiteSession<Record<string, unknown>, TablesRelationalConfig>
  readonly drizzle: Drizzle
} {
  const dialect = new SQLiteSyncDialect()
  const session = new BetterSQLiteSession<Record<string, unknown>, TablesRelationalConfig>(
    connection,
    dialect,
    undefined,
  )
  return { dialect, session, drizzle: new BaseSQLiteDatabase('sync', dialect, session, undefined) }
}

/** Who reads a directory that somebody else gave waits for no pipe. */
function refuseSpecialFiles(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    const found = statSync(`${path}${suffix}`, { throwIfNoEntry: false })
    if (found !== undefined && !found.isFile())
      throw new StoreError('store_damaged', `${path}${suffix} is not a file`)
  }
}

/**
 * Tables and indexes are those that a store makes. In their place a file of unknown origin could have views, whose
 * rows never end.
 */
function checkSchema(connection: Connection): void {
  const made = openDatabase(':memory:')
  try {
    const ours = new Set(schemaOf(made.connection))
    if (schemaOf(connection).some((item) => !ours.has(item)))
      throw new StoreError('store_damaged', "the store's tables are not those that were made")
  } finally {
    made.connection.close()
  }
}

const schemaOf = (connection: Connection): string[] =>
  connection
    .prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema')
    .raw()
    .all()
    .map((item) => JSON.stringify(item))

function checkVersion(connection: Connection): void {
  const made = connection
    .prepare("SELECT name FROM sqlite_schema WHERE name = '__drizzle_migrations'")
    .raw()
    .all()
  if (made.length === 0) return
  const [newest] = connection
    .prepare('SELECT max(created_at) FROM __drizzle_migrations')
    .raw()
    .all() as [[number | null]]
  const known = Math.max(...migrations.map(({ folderMillis }) => folderMillis))
  if ((newest[0] ?? 0) > known)
    throw new StoreError('store_version', 'the store was made by a newer version')
}
