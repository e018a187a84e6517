/**
 * Objects that follow each other: each begins where the one before ended. One that begins inside another is nobody's evidence,
 * whatever is in it: somebody put it there beside.
 *
 * @module
 */

export interface Link {
  readonly first: number
  readonly count: number
}

export class Chain {
  readonly #firsts: readonly number[]
  readonly #links: Link[] = []
  #at = 0
  #end = 0

  /** @param firsts ascending */
  constructor(firsts: readonly number[]) {
    this.#firsts = firsts
  }

  get links(): readonly Link[] {
    return this.#links
  }

  /** Behind the last that was added. */
  get end(): number {
    return this.#end
  }

  /** Where the next one begins, a gap before it or not; undefined when there is none. */
  get next(): number | undefined {
    while ((this.#firsts[this.#at] ?? Infinity) < this.#end) this.#at++
    return this.#firsts[this.#at]
  }

  /** {@link next} was read, and has so many. */
  add(count: number): void {
    const first = this.next
    if (first === undefined) return
    this.#links.push({ first, count })
    this.#end = first + count
    this.#at++
  }
}
