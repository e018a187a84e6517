/**
 * A database of the store: opened, set up, migrated, and given to Drizzle.
 *
 * @module
 */
import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { BetterSQLiteSession } from 'drizzle-orm/better-sqlite3/session'
import type { TablesRelationalConfig } from 'drizzle-orm/relations'
import { BaseSQLiteDatabase, SQLiteSyncDialect } from 'drizzle-orm/sqlite-core'
import { asStoreError, StoreError } from './errors.ts'
import type { Connection } from './libsql.ts'
import { connect } from './libsql.ts'
import { cache_kib, page_bytes } from './limits.ts'
import { migrations } from './migration/index.ts'

export type Drizzle = BaseSQLiteDatabase<
  'sync',
  unknown,
  Record<string, unknown>,
  TablesRelationalConfig
>

export interface Database {
  readonly connection: Connection
  readonly drizzle: Drizzle
}

/**
 * Opens the store's database for writing; makes and migrates it. `:memory:` is one too. Throws
 * `StoreError` `store_damaged`, `store_version`, `store_full` or `store_io`.
 */
export function openDatabase(path: string): Database {
  return opened(path, (connection) => {
    for (const pragma of [
      `page_size = ${page_bytes}`,
      'journal_mode = WAL',
      // The journal is the truth: a commit here needs no sync of its own, a checkpoint has one.
      'synchronous = NORMAL',
      'wal_autocheckpoint = 0',
      `journal_size_limit = ${64 * 1024 * 1024}`,
      `cache_size = -${cache_kib}`,
      'busy_timeout = 5000',
      'trusted_schema = OFF',
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
export function openDatabaseReadOnly(path: string): Database | undefined {
  if (!existsSync(path)) return undefined
  refuseSpecialFiles(path)
  const uri = `file:${encodeURI(resolve(path)).replaceAll('?', '%3F').replaceAll('#', '%23')}`
  const open = (mode: string): Database =>
    opened(`${uri}?${mode}`, (connection) => {
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

function opened(path: string, setUp: (connection: Connection) => Database): Database {
  let connection: Connection | undefined
  try {
    connection = connect(path)
    return setUp(connection)
  } catch (error) {
    connection?.close()
    throw asStoreError(error, `cannot open the store ${path}`)
  }
}

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
