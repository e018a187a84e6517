/**
 * Buffers that travel between the main thread and the recorder and are used again. Each side has a pool. The main
 * thread's go out with raw output, and the recorder stores records in them, which come back to be shown: a circle in
 * which each is filled where it was read last.
 *
 * @module
 */
import { output_record_bytes_max, pooled_buffers_max } from '../core/limits.ts'

/** Every pooled buffer has this size: a full output record, and room for its header and spans. */
export const pooled_bytes: number = output_record_bytes_max + 32 * 1024

/** Below this a fresh buffer is cheaper, and keystrokes must not keep large ones busy. */
const pooled_bytes_min = 8 * 1024

export class BufferPool {
  readonly #free: ArrayBuffer[] = []

  /** Not zeroed when it was used before: the caller fills all of it. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length < pooled_bytes_min || length > pooled_bytes) return new Uint8Array(length)
    const buffer = this.#free.pop() ?? new ArrayBuffer(pooled_bytes)
    return new Uint8Array(buffer, 0, length)
  }

  /** One of the pool's. False when there are enough. */
  give(buffer: ArrayBuffer): boolean {
    if (this.#free.length >= pooled_buffers_max) return false
    this.#free.push(buffer)
    return true
  }
}

export const isPooled = (buffer: ArrayBufferLike): buffer is ArrayBuffer =>
  buffer.byteLength === pooled_bytes
