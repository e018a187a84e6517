/**
 * What the main thread has for the recorder, and when it goes there. All that waits goes together, as each sending costs
 * both threads more than what a query says, and each commit the disk.
 *
 * @module
 */
import { unawaited_ms_max } from '../core/limits.ts'
import { type Batch, BatchWriter } from './batch.ts'

export class Outbox {
  readonly batch: BatchWriter
  readonly #post: (batch: Batch, transfer: ArrayBuffer[]) => void
  readonly #now_ms: () => number
  #is_sending = false
  #is_gathering = false
  /** When the first of those that nobody waits for came; undefined where there is none. */
  #unawaited_ms: number | undefined
  #is_timed = false
  /** Something to be shown waits here ... */
  #is_due = false
  /** ... or was sent, and nothing is known to be durable since. */
  #is_committing = false

  /** `now_ms`: monotonic. */
  constructor(
    post: (batch: Batch, transfer: ArrayBuffer[]) => void,
    now_ms: () => number = () => performance.now(),
  ) {
    this.batch = new BatchWriter(now_ms)
    this.#post = post
    this.#now_ms = now_ms
  }

  /** Somebody waits for an answer: with all that this turn has for the recorder so far. */
  soon(): void {
    if (this.#is_sending) return
    this.#is_sending = true
    queueMicrotask(() => {
      this.#is_sending = false
      this.#flush()
    })
  }

  /**
   * It is shown once it is durable: with what all sockets bring that are read in this turn. While the recorder commits, it
   * waits here for the end of that, before which its own commit could not begin.
   */
  gather(): void {
    this.#is_due = true
    if (this.#is_committing) {
      this.sometime()
      return
    }
    if (this.#is_gathering) return
    this.#is_gathering = true
    setImmediate(() => {
      this.#is_gathering = false
      if (!this.#is_committing) this.#flush()
    })
  }

  /** Nobody waits: with what comes next, such as what it is answered. */
  sometime(): void {
    if (this.batch.isLarge) {
      this.#flush()
      return
    }
    this.#unawaited_ms ??= this.#now_ms()
    if (!this.#is_timed) this.#time(unawaited_ms_max)
  }

  /** Something became durable. */
  committed(): void {
    this.#is_committing = false
    if (this.#is_due) this.#flush()
  }

  /** One timer after the other: what was sent meanwhile needs none. */
  #time(delay_ms: number): void {
    this.#is_timed = true
    setTimeout(() => {
      this.#is_timed = false
      if (this.#unawaited_ms === undefined) return
      const left_ms = this.#unawaited_ms + unawaited_ms_max - this.#now_ms()
      if (left_ms < 1) this.#flush()
      else this.#time(left_ms)
    }, delay_ms)
  }

  #flush(): void {
    if (this.batch.isEmpty) return
    const { batch, transfer } = this.batch.take()
    this.#is_committing ||= this.#is_due
    this.#is_due = false
    this.#unawaited_ms = undefined
    this.#post(batch, transfer)
  }
}
