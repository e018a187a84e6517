/**
 * Numbers from a seed, the same on every machine: whoever reads a seed in a report gets the same streams.
 *
 * @module
 */

export class Random {
  #a: number
  #b: number
  #c = 0x9e3779b9
  #counter = 1

  /** `stream` tells apart the workers of one run. */
  constructor(seed: number, stream: number) {
    this.#a = seed | 0
    this.#b = (stream + 1) | 0
    for (let i = 0; i < 16; i++) this.word()
  }

  /** 32 bits, by sfc32. */
  word(): number {
    const result = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result
    return result >>> 0
  }

  /** From 0 to below `limit`, which is at least 1. */
  below(limit: number): number {
    return this.word() % limit
  }

  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)] ?? list[0]
  }
}
