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
  /** Once it is as large as it gets, what is pushed goes round in it. */
  #memory: Uint8Array = new Uint8Array()
  #place = 0

  constructor(bytes_max: number) {
    this.#bytes_max = bytes_max
  }

  get isEmpty(): boolean {
    return this.#place === 0
  }

  get length(): number {
    return this.#place - this.#from
  }

  /** The place of what is pushed next: so many bytes came since it was empty. */
  get place(): number {
    return this.#place
  }

  /** Copies. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const last = bytes.subarray(-this.#bytes_max)
    this.#reserve(last.length)
    const memory = this.#memory
    this.#place += bytes.length
    const at = (this.#place - last.length) % memory.length
    const room = memory.length - at
    memory.set(last.subarray(0, room), at)
    if (last.length > room) memory.set(last.subarray(room))
  }

  /** Whether exactly this was pushed from that place on. */
  isSince(place: number, bytes: Uint8Array): boolean {
    return this.#place - place === bytes.length && this.beginsSince(place, bytes)
  }

  /** Whether what was pushed from that place on is how this begins. */
  beginsSince(place: number, bytes: Uint8Array): boolean {
    const length = this.#place - place
    if (place < this.#from || length > bytes.length) return false
    for (let at = 0; at < length; at++)
      if (this.#memory[(place + at) % this.#memory.length] !== bytes[at]) return false
    return true
  }

  /** What is there, the caller's own, and at which place it begins: 0 where nothing was lost. Nothing of it is here afterwards. */
  take(): { readonly bytes: Uint8Array; readonly from: number } {
    const from = this.#from
    const memory = this.#memory
    const begin = from === 0 ? 0 : from % memory.length
    const end = begin + this.#place - from
    const bytes =
      end <= memory.length
        ? memory.subarray(begin, end)
        : Buffer.concat([memory.subarray(begin), memory.subarray(0, end - memory.length)])
    this.#memory = new Uint8Array()
    this.#place = 0
    return { bytes, from }
  }

  /** The first place that is still there. */
  get #from(): number {
    return Math.max(0, this.#place - this.#bytes_max)
  }

  #reserve(more: number): void {
    const size = this.#memory.length
    const wanted = Math.min(this.#bytes_max, this.#place + more)
    if (wanted <= size) return
    const larger = new Uint8Array(
      Math.min(this.#bytes_max, Math.max(first_bytes, 2 * size, wanted)),
    )
    larger.set(this.#memory)
    this.#memory = larger
  }
}
