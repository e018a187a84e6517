/**
 * How far the journal may forget: what the store has, and where evidence is replicated, what the bucket has too.
 *
 * @module
 */
import type { ReleaseTerms } from '../../storage/evidence/release.ts'
import type { RetentionRule } from '../../storage/evidence/retention.ts'
import type { Journal } from '../../storage/journal/journal.ts'
import { replica_backlog_part } from '../core/limits.ts'

/** For how long what is recorded is kept, and where. */
export interface Keeping {
  readonly is_replicated: boolean
  /** Absent: for ever. */
  readonly retention?: readonly RetentionRule[] | undefined
  /** Who agrees before a hold is lifted, or a session shredded. */
  readonly release?: ReleaseTerms | undefined
  /** Sessions that begin have keys of their own in the bucket. */
  readonly is_keyed?: boolean
}

export interface Recycling {
  projected(lsn: number): void
  replicated(lsn: number): void
}

/**
 * A bucket that is away for long must not fill the journal, which would end every session: beyond a part of the
 * journal's limit the store alone decides, and what waits for the bucket waits there.
 */
export function createRecycling(journal: Journal, is_replicated: boolean): Recycling {
  let projected_lsn = 0
  let replicated_lsn = 0
  const recycle = (): void => {
    const both = is_replicated ? Math.min(projected_lsn, replicated_lsn) : projected_lsn
    journal.recycle(both)
    if (journal.backlog_bytes > journal.backlog_bytes_max * replica_backlog_part)
      journal.recycle(projected_lsn)
  }
  return {
    projected(lsn) {
      projected_lsn = Math.max(projected_lsn, lsn)
      recycle()
    },
    replicated(lsn) {
      replicated_lsn = Math.max(replicated_lsn, lsn)
      recycle()
    },
  }
}
