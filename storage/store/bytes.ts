/**
 * A growing buffer of length-prefixed records: what a chunk row holds.
 *
 * @module
 */
import { chunk_bytes_max } from './limits.ts'

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
  #buffer: Buffer = Buffer.allocUnsafeSlow(4096)
  #length = 0

  static take(): Bytes {
    return Bytes.#free.pop() ?? new Bytes()
  }

  /** Only large ones are worth keeping, and only a few. */
  static giveBack(bytes: Bytes): void {
    bytes.#length = 0
    if (Bytes.#free.length < 4 && bytes.#buffer.length > chunk_bytes_max / 2)
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
