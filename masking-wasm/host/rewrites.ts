/**
 * What reading a line again may cost: a rate, and a store for those who go back a lot on one line, such as someone
 * who corrects what they type. It counts bytes, so it is the same however the stream is cut.
 *
 * @module
 */
import { bytes_per_rewrite, cells_per_rewrite, rewrites_max, same_cost } from './limits.ts'

export class Rewrites {
  #owed = 0
  #at = 0
  #is_spent = false

  /** Something is overwritten at this place of the stream, or was about to be, on a line of which so much is read again. */
  note(place: number, cells = 0): void {
    this.#pay(place)
    this.#owed += 1 + cells / cells_per_rewrite
    if (this.#owed >= rewrites_max) this.#is_spent = true
  }

  /** The same was written again where it stood. */
  noteSame(place: number): void {
    this.#pay(place)
    this.#owed += same_cost
    if (this.#owed >= rewrites_max) this.#is_spent = true
  }

  /** Too many: no line is read again until half of them are paid for. */
  isSpent(place: number): boolean {
    this.#pay(place)
    return this.#is_spent
  }

  #pay(place: number): void {
    this.#owed = Math.max(0, this.#owed - (place - this.#at) / bytes_per_rewrite)
    this.#at = place
    if (this.#owed < rewrites_max / 2) this.#is_spent = false
  }
}
