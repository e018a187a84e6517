/**
 * Keeps the database behind the journal: projects what became durable in slices, so that queries come
 * in between, and tells how far the journal may forget.
 *
 * @module
 */
import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { JournalError, systemCode } from '../journal/errors.ts'
import { JournalReader } from '../journal/read.ts'
import type { Database } from './database.ts'
import { asStoreError, StoreError } from './errors.ts'
import { Batch } from './fold.ts'
import { database_name, journal_name } from './layout.ts'
import {
  batch_bytes_max,
  batch_entries_max,
  batch_ms,
  behind_bytes_max,
  bulk_behind_bytes,
  bulk_pause_factor,
  checkpoint_bytes,
  checkpoint_ms,
  quiet_ms,
  retry_ms,
  retry_ms_max,
  scrub_pause_ms,
} from './limits.ts'
import { Projector } from './project.ts'
import { Scrub } from './scrub.ts'

export interface ProjectionEvents {
  /** Everything up to here is in the database and on the disk. */
  projected(lsn: number): void
  /** A reason while nothing can be projected, undefined when it goes on. */
  lagging(reason: string | undefined): void
}

export class Projection {
  readonly #database: Database
  readonly #projector: Projector
  readonly #journal: JournalReader
  readonly #wal_path: string
  readonly #on: ProjectionEvents
  /** Read from the journal and not yet in the database; survives a failed try. */
  readonly #batch = new Batch()
  #wal: number | undefined
  #durable_lsn = 0
  #durable_ms = Number.NEGATIVE_INFINITY
  #last_step = { bytes: 0, lsns: 0, took_ms: 0 }
  #projected_lsn: number
  /** Written to the database since its last checkpoint. */
  #unsynced_bytes = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #checkpoint_timer: ReturnType<typeof setInterval>
  readonly #scrub: Scrub
  #scrub_timer: ReturnType<typeof setTimeout> | undefined
  #running = false
  #retry_ms = 0
  /**
   * A sync of the write-ahead log failed. The kernel tells that once, and what it could not write may be gone from its
   * cache: a second try would succeed and prove nothing. The journal keeps all of it for the next start.
   */
  #lost: StoreError | undefined
  #closed = false

  constructor(database: Database, data: string, on: ProjectionEvents, key?: Uint8Array) {
    this.#database = database
    this.#projector = new Projector(database)
    this.#journal = new JournalReader(join(data, journal_name), this.#projector.watermark_lsn, key)
    this.#wal_path = join(data, `${database_name}-wal`)
    this.#on = on
    this.#projected_lsn = 0
    this.#scrub = new Scrub(database)
    this.#checkpoint_timer = setInterval(() => this.#checkpointOr(), checkpoint_ms)
  }

  get watermark_lsn(): number {
    return this.#projector.watermark_lsn
  }

  /**
   * Projects all that a stopped gateway left in its journal: 4 to 11 s of computing for each GiB of it, and it has 4 at most by its
   * limit. Throws `StoreError`, `JournalError`. Call before the journal is opened for writing.
   *
   * @param on_progress called now and then with the bytes that were projected so far
   */
  recover(on_progress: (bytes: number) => void = () => {}): void {
    let bytes = 0
    while (this.#step(Number.POSITIVE_INFINITY)) {
      bytes += this.#last_step.bytes
      on_progress(bytes)
      if (this.#due()) this.checkpoint()
    }
    this.#durable_lsn = this.#journal.lsn
    this.checkpoint()
  }

  /** Journal entries up to `lsn` are on the disk. */
  durable(lsn: number): void {
    this.#durable_lsn = Math.max(this.#durable_lsn, lsn)
    this.#durable_ms = performance.now()
    if (!this.#running) this.#later(batch_ms)
  }

  /** Projects what is durable now, for at most about `budget_ms`. Never throws. */
  catchUp(budget_ms: number): void {
    if (this.#retry_ms > 0) return
    const until = performance.now() + budget_ms
    while (!this.#due() && this.#stepOr() && performance.now() < until);
  }

  /** Moves the database's write-ahead log into it, and tells what is now on the disk. */
  checkpoint(): void {
    const lsn = this.#projector.watermark_lsn
    if (lsn === this.#projected_lsn && !this.#scrub.is_due) return
    try {
      // A reader elsewhere can keep SQLite from copying, and then it does not sync either. Synced here,
      // every commit so far is on the disk whatever the checkpoint does.
      this.#sync(this.#walFd())
      this.#database.connection.prepare('PRAGMA wal_checkpoint(PASSIVE)').all()
      this.#scrub.step()
      this.#scrubOn()
    } catch (error) {
      throw asStoreError(error, 'cannot checkpoint the store')
    }
    this.#unsynced_bytes = 0
    this.#projected_lsn = lsn
    this.#on.projected(lsn)
  }

  /** Queries come between two parts of it. */
  #scrubOn(): void {
    if (this.#closed || !this.#scrub.is_due) return
    this.#scrub_timer ??= setTimeout(() => {
      this.#scrub_timer = undefined
      this.#checkpointOr()
    }, scrub_pause_ms)
  }

  /** Projects the rest that is durable, as far as it can. */
  close(): void {
    while (this.#stepOr()) if (this.#due()) this.#checkpointOr()
    this.#checkpointOr()
    this.#closed = true
    clearTimeout(this.#timer)
    clearTimeout(this.#scrub_timer)
    clearInterval(this.#checkpoint_timer)
    this.#journal.close()
    if (this.#wal !== undefined) closeSync(this.#wal)
  }

  #later(delay_ms: number): void {
    if (this.#closed) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#run()
    }, delay_ms)
  }

  /** One slice, then whoever waits has a turn. */
  #run(): void {
    this.#running = false
    if (this.#closed || !this.#stepOr()) return
    this.#running = true
    if (!this.#due()) {
      const pause_ms = this.#pauseBehindBulk()
      if (pause_ms === 0) setImmediate(() => this.#run())
      else setTimeout(() => this.#run(), pause_ms)
      return
    }
    // Most of a checkpoint's time is this sync: done aside, no query has to wait for it. The
    // checkpoint then finds little left to sync.
    this.#syncAside((error) => {
      if (error !== null) this.#lose(error)
      if (this.#closed) return
      this.#checkpointOr()
      this.#run()
    })
  }

  /**
   * While output pours in, projecting it at once only slows it down: then most of the time is left to it.
   * What waits is bounded, and made up for when it is quiet again.
   */
  #pauseBehindBulk(): number {
    const { bytes, lsns, took_ms } = this.#last_step
    if (lsns === 0 || performance.now() - this.#durable_ms > quiet_ms) return 0
    const behind_bytes = ((this.#durable_lsn - this.#journal.lsn) * bytes) / lsns
    const is_bulk = behind_bytes > bulk_behind_bytes && behind_bytes < behind_bytes_max
    return is_bulk ? took_ms * bulk_pause_factor : 0
  }

  #syncAside(done: (error: unknown) => void): void {
    try {
      fdatasync(this.#walFd(), done)
    } catch {
      // It cannot be opened: the checkpoint says so.
      setImmediate(done, null)
    }
  }

  #sync(wal: number): void {
    if (this.#lost === undefined) {
      try {
        fdatasyncSync(wal)
        return
      } catch (error) {
        this.#lose(error)
      }
    }
    throw this.#lost
  }

  #lose(error: unknown): void {
    const code = systemCode(error) ?? 'unknown'
    this.#lost ??= new StoreError(
      'store_io',
      `the disk did not keep what the store wrote (${code}): nothing is projected until the gateway is started again`,
      { cause: error },
    )
  }

  #due(): boolean {
    return this.#unsynced_bytes >= checkpoint_bytes
  }

  #walFd(): number {
    this.#wal ??= openSync(this.#wal_path, 'r')
    return this.#wal
  }

  /** As {@link #step}; a failure is told, and tried again later. */
  #stepOr(): boolean {
    try {
      const more = this.#step(this.#durable_lsn)
      this.#recovered()
      return more
    } catch (error) {
      this.#failed(error)
      return false
    }
  }

  #checkpointOr(): void {
    if (this.#retry_ms > 0) return
    try {
      this.checkpoint()
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Writes one batch; returns whether there may be more. */
  #step(limit_lsn: number): boolean {
    if (this.#lost !== undefined) throw this.#lost
    const batch = this.#batch
    const begun_ms = performance.now()
    while (batch.bytes < batch_bytes_max && batch.entries < batch_entries_max) {
      const next = this.#journal.next(limit_lsn)
      if (next === undefined) break
      batch.add(next.lsn, next.entry)
    }
    if (this.#journal.gap)
      throw new StoreError(
        'store_gap',
        `the journal begins behind entry ${this.#projector.watermark_lsn}, where the store ends: ` +
          'the store was replaced, and cannot be rebuilt from what the journal still has',
      )
    if (batch.entries === 0) return false
    this.#projector.apply(batch)
    this.#unsynced_bytes += batch.bytes
    if (batch.erasures.length > 0) this.#scrub.want()
    this.#last_step = {
      bytes: batch.bytes,
      lsns: batch.entries,
      took_ms: performance.now() - begun_ms,
    }
    batch.clear()
    return this.#journal.lsn < limit_lsn
  }

  #failed(error: unknown): void {
    const known = error instanceof StoreError || error instanceof JournalError
    const reason = known ? `${error.code}: ${error.message}` : 'store_io: the projection failed'
    if (this.#retry_ms === 0) this.#on.lagging(reason)
    this.#retry_ms = Math.min(Math.max(this.#retry_ms * 2, retry_ms), retry_ms_max)
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#later(this.#retry_ms)
  }

  #recovered(): void {
    if (this.#retry_ms === 0) return
    this.#retry_ms = 0
    this.#on.lagging(undefined)
  }
}
