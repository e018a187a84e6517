/**
 * A growing buffer of length-prefixed records: what a chunk row holds.
 *
 * @module
 */
import { kept_bytes_max } from './limits.ts'

/**
 * Splits a chunk that should hold `count` records. Stops at a length that cannot be: `damaged`. The
 * records are borrowed from `chunk`.
 */
export function decodeChunk(
  chunk: Uint8Array,
  count: number,
): { readonly whole: Uint8Array[]; readonly damaged: boolean } {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  const whole: Uint8Array[] = []
  let at = 0
  while (at + 4 <= chunk.length && whole.length < count) {
    const end = at + 4 + view.getUint32(at)
    if (end > chunk.length) break
    whole.push(chunk.subarray(at + 4, end))
    at = end
  }
  return { whole, damaged: at !== chunk.length || whole.length !== count }
}

export class Bytes {
  static readonly #free: Bytes[] = []
  static #free_bytes = 0
  #buffer: Buffer = Buffer.allocUnsafeSlow(4096)
  #length = 0

  static take(): Bytes {
    const free = Bytes.#free.pop()
    if (free === undefined) return new Bytes()
    Bytes.#free_bytes -= free.#buffer.length
    return free
  }

  /** As much as a batch of many sessions takes: to let go of memory and ask for it again costs as much as to fill it. */
  static giveBack(bytes: Bytes): void {
    bytes.#length = 0
    if (Bytes.#free_bytes + bytes.#buffer.length > kept_bytes_max) return
    Bytes.#free_bytes += bytes.#buffer.length
    Bytes.#free.push(bytes)
  }

  get length(): number {
    return this.#length
  }

  /** Borrowed until the next change. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  push(stored: Uint8Array): void {
    const end = this.#length + 4 + stored.length
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, this.#buffer.length * 4))
      larger.set(this.#buffer.subarray(0, this.#length))
      this.#buffer = larger
    }
    this.#buffer.writeUInt32BE(stored.length, this.#length)
    this.#buffer.set(stored, this.#length + 4)
    this.#length = end
  }
}
