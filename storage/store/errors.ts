/**
 * Operating failures of the store. Messages name files, tables and numbers, never payload.
 *
 * @module
 */

export type StoreErrorCode =
  /** The disk is full. What is stored stays readable; the journal keeps what is not. */
  | 'store_full'
  /** The disk failed, or the database cannot be opened. */
  | 'store_io'
  /** The database file, or what it holds, is not as it was written. */
  | 'store_damaged'
  /** Made by a newer version. */
  | 'store_version'
  /** It is encrypted with another key than was given, or none was. */
  | 'store_locked'
  /** The journal's entries behind the store's watermark are gone. */
  | 'store_gap'
  /** Another process works on this data directory. */
  | 'data_locked'
  | 'store_gone'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Turns what the driver threw into a {@link StoreError}; others pass. */
export function asStoreError(error: unknown, doing: string): StoreError {
  if (error instanceof StoreError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = `${doing}: ${code === '' ? nameOf(error) : code}`
  if (code === 'SQLITE_FULL') return new StoreError('store_full', message, { cause: error })
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code))
    return new StoreError('store_damaged', message, { cause: error })
  return new StoreError('store_io', message, { cause: error })
}

/** The driver's own messages can quote values, so only those of known form are repeated. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const opened = /^ConnectionFailed\(.*: (\d+)"\)$/.exec(error.message)
  return opened === null ? error.name : `the file cannot be opened (SQLite ${opened[1]})`
}
