/**
 * How long the oldest thing has been durable that is not in the bucket yet. Pure; time comes from outside.
 *
 * @module
 */

interface Mark {
  /** Everything up to this journal entry ... */
  lsn: number
  /** ... was durable no earlier than this, UTC in milliseconds. */
  readonly ms: number
}

/** Marks closer than this are one. */
const apart_ms = 250
/** Beyond this, neighbours are joined: the lag is then told too large, never too small. */
const marks_max = 2048

export class Lag {
  #marks: Mark[] = []
  #done_lsn = 0

  /** Entries up to `lsn` are on the disk. */
  durable(lsn: number, now_ms: number): void {
    if (lsn <= this.#done_lsn) return
    const last = this.#marks.at(-1)
    if (last !== undefined && (lsn <= last.lsn || now_ms - last.ms < apart_ms)) {
      last.lsn = Math.max(last.lsn, lsn)
      return
    }
    this.#marks.push({ lsn, ms: now_ms })
    if (this.#marks.length > marks_max) this.#thin()
  }

  /** Entries up to `lsn` are in the bucket. */
  replicated(lsn: number): void {
    this.#done_lsn = Math.max(this.#done_lsn, lsn)
    this.#marks = this.#marks.filter((mark) => mark.lsn > this.#done_lsn)
  }

  /** Joins neighbours, so that half as many marks are spread over the same time. */
  #thin(): void {
    const first_ms = this.#marks[0]?.ms ?? 0
    const step_ms = ((this.#marks.at(-1)?.ms ?? 0) - first_ms) / (marks_max / 2)
    const kept: Mark[] = []
    for (const mark of this.#marks) {
      const last = kept.at(-1)
      if (last !== undefined && mark.ms - last.ms < step_ms) last.lsn = mark.lsn
      else kept.push(mark)
    }
    this.#marks = kept
  }

  /** When the oldest of what is not replicated became durable; undefined when everything is. */
  get since_ms(): number | undefined {
    return this.#marks[0]?.ms
  }
}
