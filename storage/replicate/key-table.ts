/**
 * The keys of sessions on this machine, beside the receipts: each is on the disk before an object under it is sent, and is gone
 * from it when the log says that its session was erased. What is still to be erased in the bucket outlasts a crash here.
 *
 * @module
 */
import type { Connection, Statement } from '../store/libsql.ts'
import { sessionKey } from './keys.ts'

export interface Shredded {
  readonly session: string
  readonly keeps_start: boolean
}

/** Methods throw what the driver throws. */
export class KeyTable {
  readonly #connection: Connection
  readonly #key: Statement
  readonly #any: Statement
  readonly #is_shredded: Statement
  readonly #insert: Statement
  readonly #forget: Statement
  readonly #drop: Statement
  readonly #open: Statement
  readonly #over: Statement

  /** @param connection of the receipts, which have the tables */
  constructor(connection: Connection) {
    this.#connection = connection
    this.#key = connection.prepare('SELECT secret FROM object WHERE key = ?')
    this.#any = connection.prepare('SELECT 1 FROM object WHERE key > ? AND key < ? LIMIT 1')
    this.#is_shredded = connection.prepare('SELECT 1 FROM shredding WHERE session = ?')
    this.#insert = connection.prepare('INSERT OR IGNORE INTO shredding VALUES (?, ?, ?, ?)')
    this.#forget = connection.prepare(
      'UPDATE object SET secret = NULL WHERE key > ? AND key < ? AND secret IS NOT NULL',
    )
    this.#drop = connection.prepare(
      'DELETE FROM object WHERE key > ? AND key < ? AND version IS NULL',
    )
    this.#open = connection.prepare(
      'SELECT session, keeps_start FROM shredding WHERE is_over = 0 AND entry < ? ORDER BY entry LIMIT ?',
    )
    this.#over = connection.prepare('UPDATE shredding SET is_over = 1 WHERE session = ?')
  }

  /** Undefined where none was made, or it is gone. */
  key(session: string): Uint8Array | undefined {
    const row = this.#key.get(sessionKey(session, 'key')) as
      | { secret: Uint8Array | ArrayBuffer | null }
      | undefined // By its columns.
    const secret = row?.secret
    return secret === null || secret === undefined ? undefined : new Uint8Array(secret)
  }

  /** Nothing under its key is sent any more. */
  isShredded(session: string): boolean {
    return this.#is_shredded.get(session) !== undefined
  }

  /**
   * The entry of the log says that these sessions were erased: their keys are on this disk no more when this returns, and what
   * was not sent yet never is. In the transaction of `together`.
   */
  shred(sessions: readonly Shredded[], entry: number, together: (run: () => void) => void): void {
    let had_keys = false
    together(() => {
      for (const { session, keeps_start } of sessions) {
        const [from, to] = [`session/${session}/`, `session/${session}0`]
        const has_key = this.#key.get(sessionKey(session, 'key')) !== undefined
        // What is there without a key is readable until its lock ends.
        const is_plain = !has_key && this.#any.get(from, to) !== undefined
        this.#drop.run(from, to)
        this.#forget.run(from, to)
        if (!is_plain) this.#insert.run(session, entry, keeps_start ? 1 : 0, has_key ? 0 : 1)
        had_keys ||= has_key
      }
    })
    // The write-ahead log has them as they were.
    if (had_keys) this.#connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
  }

  /** Keys that are to be erased in the bucket, by entries of the log below this one. */
  open(below_entry: number, count_max: number): readonly Shredded[] {
    const rows = this.#open.all(below_entry, count_max) as {
      session: string
      keeps_start: number
    }[] // By its columns.
    return rows.map(({ session, keeps_start }) => ({ session, keeps_start: keeps_start === 1 }))
  }

  /** The bucket has it no more. */
  over(session: string): void {
    this.#over.run(session)
  }
}
