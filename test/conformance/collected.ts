/**
 * Bytes as they arrive, to be waited for.
 *
 * @module
 */

import { AsyncLocalStorage } from 'node:async_hooks'

export class Collected {
  #chunks: Uint8Array[] = []
  #length = 0
  #isEnded = false
  #wake = Promise.withResolvers<void>()

  get length(): number {
    return this.#length
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  push(bytes: Uint8Array): void {
    this.#chunks.push(bytes)
    this.#length += bytes.length
    this.#wakeUp()
  }

  end(): void {
    this.#isEnded = true
    this.#wakeUp()
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  text(): string {
    return this.bytes().toString()
  }

  /** Resolves once there are so many, or at the end. */
  async until(length: number): Promise<void> {
    while (this.#length < length && !this.#isEnded) await this.#wake.promise
  }

  async ended(): Promise<void> {
    while (!this.#isEnded) await this.#wake.promise
  }

  #wakeUp(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}

/** How long to wait for what should happen, in milliseconds; see {@link withPatience}. */
const patience_ms = new AsyncLocalStorage<number>()
const patience_ms_default = 25_000

/** A hang becomes a failure that says what did not happen. Not a measure of speed. */
export async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  // Made here: the stack is that of who waits.
  const error = new Error(`never: ${what}`)
  const timer = setTimeout(() => reject(error), patience_ms.getStore() ?? patience_ms_default)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** For a run that is expected to fail: a hang is noticed sooner. */
export function withPatience<T>(ms: number, run: () => Promise<T>): Promise<T> {
  return patience_ms.run(ms, run)
}

/** Resolves when the value has not changed for a while: what was on its way has arrived. */
export async function settled(value: () => number): Promise<number> {
  let last = value()
  for (let calm = 0; calm < 6; calm++) {
    await Bun.sleep(50)
    if (value() !== last) calm = 0
    last = value()
  }
  return last
}

/** For what must not happen: long enough that it would have. */
export const chance_ms = 100
