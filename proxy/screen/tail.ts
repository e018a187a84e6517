/**
 * The end of what was printed since somebody last looked, in one piece of memory: a program that prints byte by byte costs no
 * object for each.
 *
 * @module
 */

/** Of a prompt. */
const first_bytes = 256

export class Tail {
  readonly #bytes_max: number
  #memory: Uint8Array = new Uint8Array()
  #used = 0
  /** Something before it was lost. */
  has_gap = false

  constructor(bytes_max: number) {
    this.#bytes_max = bytes_max
  }

  get isEmpty(): boolean {
    return this.#used === 0
  }

  /** Copies. */
  push(bytes: Uint8Array): void {
    const last = bytes.subarray(-this.#bytes_max)
    this.has_gap ||= last.length < bytes.length
    this.#reserve(last.length)
    this.#memory.set(last, this.#used)
    this.#used += last.length
  }

  /** What is there, the caller's own. Nothing of it is here afterwards. */
  take(): Uint8Array {
    if (this.#used > this.#bytes_max) this.has_gap = true
    const taken = this.#memory.subarray(Math.max(0, this.#used - this.#bytes_max), this.#used)
    this.#memory = new Uint8Array()
    this.#used = 0
    return taken
  }

  /** At twice of what is kept it is moved to the front: each byte is moved once. */
  #reserve(more: number): void {
    if (this.#used + more <= this.#memory.length) return
    const most = 2 * this.#bytes_max
    const is_full = this.#used + more > most
    const kept = is_full
      ? this.#memory.subarray(Math.max(0, this.#used - this.#bytes_max), this.#used)
      : this.#memory.subarray(0, this.#used)
    this.has_gap ||= kept.length < this.#used
    if (this.#memory.length === most) {
      this.#memory.set(kept)
    } else {
      const wanted = Math.max(first_bytes, 2 * this.#memory.length, kept.length + more)
      const larger = new Uint8Array(Math.min(most, wanted))
      larger.set(kept)
      this.#memory = larger
    }
    this.#used = kept.length
  }
}
