/**
 * After an erasure: the full-text index still has words of what is gone, beside a mark that says so, and the write-ahead log has
 * pages as they were. The index is merged, a little at a time, until no mark is left, and the log is emptied. What was
 * deleted is overwritten (`secure_delete`), and so is what the index gives back.
 *
 * @module
 */
import type { Database } from './database.ts'
import type { Statement } from './libsql.ts'
import { scrub_pages } from './limits.ts'

export class Scrub {
  readonly #database: Database
  readonly #merge: Statement
  readonly #newest: Statement
  readonly #unscrubbed: Statement
  readonly #mark: Statement
  /** Rows of `erased` up to here are what the merge under way is for. */
  #merging_to: number | undefined
  #is_merged = false
  /** A process that was killed may have left it to the next. */
  #is_due: boolean

  constructor(database: Database) {
    const { connection } = database
    this.#database = database
    this.#merge = connection.prepare(
      "INSERT INTO command_text (command_text, rank) VALUES ('merge', ?)",
    )
    this.#newest = connection.prepare('SELECT max(rowid) FROM erased').raw()
    this.#unscrubbed = connection.prepare('SELECT 1 FROM erased WHERE scrubbed = 0 LIMIT 1').raw()
    this.#mark = connection.prepare(
      'UPDATE erased SET scrubbed = 1 WHERE scrubbed = 0 AND rowid <= ?',
    )
    this.#is_due = this.#isLeft()
  }

  get is_due(): boolean {
    return this.#is_due
  }

  want(): void {
    this.#is_due = true
  }

  /**
   * A part of it, for some milliseconds. False when nothing more can be done now: all is, or somebody reads the log. Throws
   * what the driver throws.
   */
  step(): boolean {
    if (!this.#is_due) return false
    const before = this.#changes()
    if (this.#merging_to === undefined) {
      this.#merging_to = (this.#newest.get() as [number | null])[0] ?? 0
      // Below zero: all that the index consists of is merged into one, and not as much as is worth it.
      this.#merge.run(-scrub_pages)
      this.#is_merged = false
    } else if (!this.#is_merged) {
      this.#merge.run(scrub_pages)
      // As SQLite's text on FTS5 tells a merge that has nothing left to do.
      this.#is_merged = this.#changes() - before < 2
    }
    if (!this.#is_merged) return true
    if (!this.#emptyLog()) return false
    this.#mark.run(this.#merging_to)
    this.#merging_to = undefined
    this.#is_due = this.#isLeft()
    return this.#is_due
  }

  #isLeft(): boolean {
    return this.#unscrubbed.all().length > 0
  }

  #changes(): number {
    const { connection } = this.#database
    return (connection.prepare('SELECT total_changes()').raw().get() as [number])[0]
  }

  /** False while somebody reads it. */
  #emptyLog(): boolean {
    const { connection } = this.#database
    connection.prepare('PRAGMA busy_timeout = 100').all()
    const row = connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').raw().get() as [number]
    connection.prepare('PRAGMA busy_timeout = 5000').all()
    return row[0] === 0
  }
}
