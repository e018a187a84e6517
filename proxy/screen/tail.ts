/**
 * The end of what was printed since somebody last looked, in one piece of memory, with places in it: a program that prints byte by
 * byte costs no object for each.
 *
 * @module
 */

/** Of a prompt. */
const first_bytes = 256

export class Tail {
  readonly #bytes_max: number
  #memory: Uint8Array = new Uint8Array()
  #used = 0
  /** Bytes that were there and were moved out, since it was last empty. */
  #lost = 0

  constructor(bytes_max: number) {
    this.#bytes_max = bytes_max
  }

  get isEmpty(): boolean {
    return this.#used === 0
  }

  get length(): number {
    return this.#used
  }

  /** The place of what is pushed next. */
  get place(): number {
    return this.#lost + this.#used
  }

  /** Copies. */
  push(bytes: Uint8Array): void {
    const last = bytes.subarray(-this.#bytes_max)
    if (last.length < bytes.length) {
      this.#lost += this.#used + bytes.length - last.length
      this.#used = 0
    }
    this.#reserve(last.length)
    this.#memory.set(last, this.#used)
    this.#used += last.length
  }

  /** Whether exactly this was pushed from that place on. */
  isSince(place: number, bytes: Uint8Array): boolean {
    return this.place - place === bytes.length && this.beginsSince(place, bytes)
  }

  /** Whether what was pushed from that place on is how this begins. */
  beginsSince(place: number, bytes: Uint8Array): boolean {
    const start = place - this.#lost
    const length = this.#used - start
    if (start < 0 || length > bytes.length) return false
    for (let at = 0; at < length; at++) if (this.#memory[start + at] !== bytes[at]) return false
    return true
  }

  /** What is there, the caller's own, and at which place it begins: 0 where nothing was lost. Nothing of it is here afterwards. */
  take(): { readonly bytes: Uint8Array; readonly from: number } {
    const from = Math.max(0, this.#used - this.#bytes_max)
    const taken = { bytes: this.#memory.subarray(from, this.#used), from: this.#lost + from }
    this.#memory = new Uint8Array()
    this.#used = 0
    this.#lost = 0
    return taken
  }

  /** At twice of what is kept it is moved to the front: each byte is moved once. */
  #reserve(more: number): void {
    if (this.#used + more <= this.#memory.length) return
    const most = 2 * this.#bytes_max
    const excess = this.#used + more > most ? Math.max(0, this.#used - this.#bytes_max) : 0
    const kept = this.#memory.subarray(excess, this.#used)
    if (this.#memory.length === most) {
      this.#memory.set(kept)
    } else {
      const wanted = Math.max(first_bytes, 2 * this.#memory.length, kept.length + more)
      const larger = new Uint8Array(Math.min(most, wanted))
      larger.set(kept)
      this.#memory = larger
    }
    this.#used = kept.length
    this.#lost += excess
  }
}
