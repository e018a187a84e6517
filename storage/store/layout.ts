/**
 * Names inside a data directory.
 *
 * @module
 */

/** The store's SQLite database; SQLite keeps `-wal` and `-shm` beside it. */
export const database_name = 'store.db'

/** An empty database; only its lock matters. */
export const lock_name = 'lock.db'

/** The directory of the journal's segments. */
export const journal_name = 'journal'

/** Checkpoints that witnesses cosigned. */
export const cosigned_name = 'cosigned'

/** Of a gateway with workers: a data directory for each, by number. */
export const workers_name = 'workers'

/** What the bucket answered, where evidence is replicated. */
export const receipts_name = 'receipts.db'

/** In a store that was made from a bucket: the origin of its log. */
export const origin_name = 'origin'
