/**
 * What was read of a bucket and may be asked for again, up to so many bytes: what was not asked for longest goes first.
 *
 * @module
 */

export class ReadCache {
  readonly #bytes_max: number
  readonly #kept = new Map<string, { readonly bytes: number; readonly value: unknown }>()
  #bytes = 0

  constructor(bytes_max: number) {
    this.#bytes_max = bytes_max
  }

  /** @returns undefined when it is not there, or not any more */
  get(key: string): unknown {
    const known = this.#kept.get(key)
    if (known === undefined) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, known)
    return known.value
  }

  /** @param bytes that the value holds */
  set(key: string, value: unknown, bytes: number): void {
    this.#bytes += bytes - (this.#kept.get(key)?.bytes ?? 0)
    this.#kept.delete(key)
    this.#kept.set(key, { bytes, value })
    for (const [oldest, { bytes: freed }] of this.#kept) {
      if (this.#bytes <= this.#bytes_max || oldest === key) break
      this.#kept.delete(oldest)
      this.#bytes -= freed
    }
  }
}
