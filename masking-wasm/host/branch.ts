/**
 * A reading of the stream with something left out: a stream of the module for what is left, and where each of
 * its bytes stands in the whole.
 *
 * @module
 */
import { line_bytes_max, piece_bytes_max } from './limits.ts'
import { Marks } from './marks.ts'
import type { Pending } from './pending.ts'
import type { Masked, Stream } from './stream.ts'

/** A piece, and what an edit or the end of a line adds to it. */
const bytes_max = piece_bytes_max + line_bytes_max + 8

export class Branch {
  readonly stream: Stream
  readonly #found: Pending
  /** Among the readings. */
  readonly #number: number
  /** Nothing is masked before it: it has left. */
  readonly #floor: number
  /** Runs of bytes that stand together in the whole: where each begins here, and where it stands there. */
  #begins: number[]
  #places: number[]
  /** Runs before it are settled. */
  #first = 0
  #bytes: Uint8Array
  #length = 0
  readonly #marks = new Marks()
  /** Something was left out before the next byte. */
  #is_boundary = false
  /** Where the next byte would stand if nothing is left out. */
  #next_place = -1

  constructor(stream: Stream, found: Pending, number: number, floor: number) {
    this.stream = stream
    this.#found = found
    this.#number = number
    this.#floor = floor
    this.#begins = []
    this.#places = []
    this.#bytes = new Uint8Array(128)
  }

  /** Another that has read the same; `stream` is a twin of this one's. */
  fork(stream: Stream, number: number): Branch {
    const twin = new Branch(stream, this.#found, number, this.#floor)
    twin.#begins = this.#begins.slice(this.#first)
    twin.#places = this.#places.slice(this.#first)
    twin.#next_place = this.#next_place
    twin.#is_boundary = this.#is_boundary
    return twin
  }

  /** The stream began as a twin of `whole`: what that holds stands where it does. */
  know(whole: Stream, of_terminal: boolean): void {
    const bytes = whole.held_bytes
    for (let at = 0; at < bytes.length; at++) {
      // The end of a line stands where its line feed does, as in `screen.ts`.
      const shift = of_terminal && bytes[at] === 0x0d && bytes[at + 1] === 0x0a ? 1 : 0
      this.#run(whole.settled + at, whole.settled + at + shift, 1)
    }
  }

  /** Something is left out here. */
  interrupt(): void {
    this.#is_boundary = true
  }

  add(byte: number, place: number): void {
    this.#prepare(place, 1)
    this.#bytes[this.#length++] = byte
  }

  /** Adds [from, to) of `bytes`, of which the first stands at `place`. */
  addRun(bytes: Uint8Array, from: number, to: number, place: number): void {
    this.#prepare(place, to - from)
    const target = this.#bytes
    let length = this.#length
    if (to - from > 64) target.set(bytes.subarray(from, to), length)
    else for (let at = from; at < to; at++) target[length++] = bytes[at] ?? 0
    this.#length += to - from
  }

  /** Reads what was added. */
  read(): void {
    if (this.#length === 0) return
    const masked = this.stream.pushMarked(this.#bytes.subarray(0, this.#length), this.#marks)
    this.#length = 0
    this.#marks.length = 0
    this.take(masked)
  }

  /** Reports the spans of a result of its stream. */
  take(masked: Masked): void {
    for (const { raw_offset, raw_length, rule } of masked.spans) {
      const start = Math.max(this.#floor, this.#placeOf(raw_offset))
      const end = this.#placeOf(raw_offset + raw_length - 1) + 1
      if (end > start) this.#found.found(start, end, rule, this.#number)
    }
    const settled = masked.raw_offset + masked.raw_length
    const begins = this.#begins
    while (this.#first + 1 < begins.length && (begins[this.#first + 1] ?? 0) <= settled)
      this.#first++
    if (this.#first > 1024) {
      this.#begins = begins.slice(this.#first)
      this.#places = this.#places.slice(this.#first)
      this.#first = 0
    }
  }

  /** The first place that cannot leave yet, Infinity when all can. */
  get hold(): number {
    return this.stream.held === 0
      ? Number.POSITIVE_INFINITY
      : Math.max(this.#floor, this.#placeOf(this.stream.settled))
  }

  /** The byte before when nothing else is known, else -1. */
  get quiet(): number {
    return this.#is_boundary ? -1 : this.stream.quiet
  }

  #prepare(place: number, count: number): void {
    const needed = this.#length + count
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(bytes_max, Math.max(2 * this.#bytes.length, needed)))
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    if (this.#is_boundary) this.#marks.add(this.#length)
    this.#is_boundary = false
    this.#run(this.stream.settled + this.stream.held + this.#length, place, count)
  }

  #run(at: number, place: number, count: number): void {
    if (place !== this.#next_place) {
      this.#begins.push(at)
      this.#places.push(place)
    }
    this.#next_place = place + count
  }

  /** Where the byte at `at` of this reading stands in the whole: in the last run that begins no later. */
  #placeOf(at: number): number {
    const begins = this.#begins
    let low = this.#first
    let high = begins.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((begins[middle] ?? 0) <= at) low = middle
      else high = middle - 1
    }
    return (this.#places[low] ?? 0) + at - (begins[low] ?? 0)
  }
}
