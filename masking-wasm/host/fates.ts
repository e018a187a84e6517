/**
 * What of the last bytes was masked: a character that is written again where it stands, as by a cursor that moves
 * right, is masked if it was.
 *
 * @module
 */
import { line_bytes_max } from './limits.ts'

interface Fate {
  readonly start: number
  readonly end: number
  readonly rule: string
}

export class Fates {
  #masked: Fate[] = []
  /** Answers: what has left is not changed any more. */
  readonly #known = new Map<number, string | undefined>()

  /** [start, end) was masked, behind all that was before. */
  note(start: number, end: number, rule: string): void {
    this.#masked.push({ start, end, rule })
    // Each span has a byte of the line at least.
    if (this.#masked.length > 2 * line_bytes_max) this.#masked = this.#masked.slice(-line_bytes_max)
  }

  /** The rule by which `place` was masked, which has left. */
  at(place: number): string | undefined {
    if (this.#known.has(place)) return this.#known.get(place)
    if (this.#known.size > line_bytes_max) this.#known.clear()
    const rule = this.#masked.findLast(({ start, end }) => start <= place && place < end)?.rule
    this.#known.set(place, rule)
    return rule
  }
}
