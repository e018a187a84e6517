/**
 * Memory for the bodies of full objects, used again once one was sent: to ask for new memory for each costs as much as to copy all of it.
 *
 * @module
 */
import { object_bytes, sending_bytes_max } from './limits.ts'

/** A smaller one would waste too much of it. */
const bytes_min: number = (object_bytes * 3) / 4
/** As many as are on their way at once. */
const free_max: number = sending_bytes_max / object_bytes

export interface Filled {
  /** Valid until {@link release}. */
  readonly body: Uint8Array
  release(): void
}

export class BodyMemory {
  readonly #free: Uint8Array[] = []

  /** The parts, one after the other. */
  join(parts: readonly Uint8Array[]): Filled {
    const bytes = parts.reduce((sum, { length }) => sum + length, 0)
    if (bytes < bytes_min || bytes > object_bytes)
      return { body: Buffer.concat(parts), release: () => {} }
    const memory = this.#free.pop() ?? new Uint8Array(object_bytes)
    let at = 0
    for (const part of parts) {
      memory.set(part, at)
      at += part.length
    }
    const release = (): void => {
      if (this.#free.length < free_max) this.#free.push(memory)
    }
    return { body: memory.subarray(0, bytes), release }
  }
}
