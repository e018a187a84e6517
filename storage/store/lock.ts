/**
 * One process per data directory. SQLite's lock on a file of its own is held for the process's life; the
 * kernel drops it with the process, however that ends.
 *
 * @module
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { asStoreError } from './errors.ts'
import { lock_name } from './layout.ts'
import type { Connection } from './libsql.ts'
import { connect } from './libsql.ts'

export type DataLock =
  | { readonly ok: true; release(): void }
  | { readonly ok: false; readonly code: 'data_locked'; readonly reason: string }

/** Connections of held locks: one that nothing refers to is collected, and its lock with it. */
const held = new Set<Connection>()

/** Makes the directory when it is missing. Throws `StoreError` `store_io` when it cannot. */
export function lockDataDirectory(data: string): DataLock {
  try {
    mkdirSync(data, { recursive: true, mode: 0o700 })
    const connection = connect(join(data, lock_name))
    try {
      connection.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      connection.close()
      throw error
    }
    held.add(connection)
    return {
      ok: true,
      release() {
        held.delete(connection)
        connection.exec('ROLLBACK')
        connection.close()
      },
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY')
      return {
        ok: false,
        code: 'data_locked',
        reason: `${data} is in use: another gateway is running on it`,
      }
    throw asStoreError(error, `cannot lock ${data}`)
  }
}
