/**
 * Operating failures of the journal. Messages name files and numbers, never payload.
 *
 * @module
 */

export type JournalErrorCode =
  /** No room: no spare segment can be made, or too many wait for the store. Comes back with space. */
  | 'journal_full'
  /** The disk refused a write or a sync. Nothing of that commit counts. */
  | 'journal_io'
  /** A segment is not what was written: a bad header, or entries missing between two segments. */
  | 'journal_damaged'
  /** It is encrypted, with another key than was given, or none was. */
  | 'journal_locked'

export class JournalError extends Error {
  override readonly name = 'JournalError'
  readonly code: JournalErrorCode
  constructor(code: JournalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The code of a failed system call (`ENOSPC`), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Turns what the system threw into a {@link JournalError}; others pass. */
export function asJournalError(error: unknown, message: string): JournalError {
  if (error instanceof JournalError) return error
  const code = systemCode(error)
  const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
  return new JournalError(full ? 'journal_full' : 'journal_io', `${message} (${code})`, {
    cause: error,
  })
}
