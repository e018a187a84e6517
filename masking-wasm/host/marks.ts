/**
 * Boundaries of a push, as the module takes them: places in what is pushed, ascending.
 *
 * @module
 */
import { piece_bytes_max } from './limits.ts'

export class Marks {
  /** The first {@link length} of it. */
  places: Uint32Array = new Uint32Array(8)
  length = 0

  /** More than one for each byte of a piece are not kept, and never come. */
  add(place: number): void {
    if (this.length === piece_bytes_max) return
    if (this.length === this.places.length) {
      const grown = new Uint32Array(Math.min(piece_bytes_max, 4 * this.length))
      grown.set(this.places)
      this.places = grown
    }
    this.places[this.length++] = place
  }
}
