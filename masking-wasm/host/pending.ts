/**
 * Bytes that have not left, what each of them is, and what was found in them: joined, masked and let go of.
 *
 * @module
 */

import type { Fates } from './fates.ts'
import { held_bytes_max, piece_bytes_max } from './limits.ts'
import type { Masked, MaskedSpan } from './stream.ts'

/** Spans of several readings, joined. The one that begins first gives the name, then the longest, then the first reading's. */
interface Found {
  readonly start: number
  end: number
  readonly rule: string
  readonly rule_end: number
  readonly reading: number
}

const STAR = 0x2a
const CR = 0x0d
const LF = 0x0a

/** Behind all readings. */
const repeated = 9

/**
 * A mask covers text, whether it is still there or was `overwritten`. A `control` stays in it; a `payload` too, unless it is
 * part of what was found as it stands.
 */
export type Kind = 'text' | 'overwritten' | 'control' | 'payload'

const kinds: Readonly<Record<Kind, number>> = { text: 0, overwritten: 1, control: 2, payload: 3 }

export class Pending {
  /** Place of the first byte in the stream. */
  start: number
  #bytes: Uint8Array
  #kinds: Uint8Array
  length = 0
  /** Bytes behind those. */
  #loaded = 0
  #found: Found[] = []
  /** What has left since it was taken. */
  #out: Uint8Array
  #out_length = 0
  #spans: MaskedSpan[] = []
  #taken: number
  readonly #fates: Fates
  /** Characters that were written again: where they stood before, and where they stand now. */
  #again: { readonly before: number; readonly place: number }[] = []

  constructor(start: number, held: Uint8Array, fates: Fates) {
    this.#fates = fates
    this.start = start
    this.#taken = start
    this.#bytes = new Uint8Array(Math.max(256, 2 * held.length))
    this.#kinds = new Uint8Array(this.#bytes.length)
    this.#out = new Uint8Array(256)
    this.#bytes.set(held)
    this.length = held.length
  }

  get end(): number {
    return this.start + this.length
  }

  /** Makes [from, to) of `bytes` ready behind the others, as text; {@link keep} tells how much of it counts. */
  load(bytes: Uint8Array, from: number, to: number): void {
    const needed = this.length + to - from
    if (needed > this.#bytes.length) {
      const grown = Math.max(needed, Math.min(2 * this.length, held_bytes_max + piece_bytes_max))
      this.#bytes = enlarged(this.#bytes, grown)
      this.#kinds = enlarged(this.#kinds, grown)
    }
    this.#bytes.set(bytes.subarray(from, to), this.length)
    this.#kinds.fill(kinds.text, this.length, needed)
    this.#loaded = to - from
  }

  keep(count: number): void {
    this.length += count
    this.#loaded = 0
  }

  /** The byte at `place` is no text. */
  set(place: number, kind: Kind): void {
    this.#kinds[place - this.start] = kinds[kind]
  }

  setRun(from: number, to: number, kind: Kind): void {
    const all = this.#kinds
    const number = kinds[kind]
    for (let at = from - this.start; at < to - this.start; at++) all[at] = number
  }

  /** What has left is no longer marked. */
  mark(from: number, to: number, kind: Kind): void {
    if (to > this.start)
      this.#kinds.fill(kinds[kind], Math.max(0, from - this.start), to - this.start)
  }

  /** Something in [from, to) was found as it stands: what escape sequences carry there is covered. */
  bare(from: number, to: number): void {
    let shows = false
    // What begins amidst an escape sequence is text to whoever reads it so.
    for (let at = from - this.start; at < to - this.start && this.#isWithin(at); at++)
      this.#kinds[at] = kinds.overwritten
    for (let at = from - this.start; at < to - this.start; at++) {
      if (this.#kinds[at] === kinds.payload) this.#kinds[at] = kinds.overwritten
      if ((this.#kinds[at] ?? 0) < kinds.control) shows = true
    }
    if (!shows) this.mark(from, to, 'overwritten')
  }

  /** A byte of an escape sequence that does not begin one. */
  #isWithin(at: number): boolean {
    const byte = this.#bytes[at] ?? 0
    return this.#kinds[at] === kinds.control && byte >= 0x20 && byte < 0x7f
  }

  /** The reading of that number found `rule` in [from, end). What has left at a flush cannot be masked any more. */
  found(from: number, end: number, rule: string, reading: number): void {
    const start = Math.max(from, this.start)
    if (end > start) this.#found.push({ start, end, rule, rule_end: end, reading })
  }

  /** The byte at `place` is what stood there before, at `before`: it is masked if that is. */
  again(before: number, place: number): void {
    this.mark(place, place + 1, 'overwritten')
    this.#again.push({ before, place })
  }

  /** Lets go of what is before `limit`, or before the span that `limit` is within. */
  release(wanted: number, cover: (raw: Uint8Array) => Uint8Array): void {
    // A byte that was unsure at a flush is read when it has left.
    const limit = Math.max(wanted, this.start)
    if (this.#found.length > 1) this.#join()
    if (this.#again.length > 0) this.#repeat(limit)
    const until = this.#open(limit)
    let at = this.start
    let done = 0
    for (const span of this.#found) {
      if (span.start >= until) break
      this.#put(this.#part(at, span.start))
      const offset = this.#out_length
      this.#cover(span, cover)
      this.#spans.push({
        offset,
        length: this.#out_length - offset,
        raw_offset: span.start,
        raw_length: span.end - span.start,
        rule: span.rule,
        raw: this.#part(span.start, span.end).slice(),
      })
      this.#fates.note(span.start, span.end, span.rule)
      at = span.end
      done++
    }
    this.#put(this.#part(at, until))
    if (done > 0) this.#found.splice(0, done)
    const gone = until - this.start
    if (gone === 0) return
    const end = this.length + this.#loaded
    this.#bytes.copyWithin(0, gone, end)
    this.#kinds.copyWithin(0, gone, end)
    this.length -= gone
    this.start = until
  }

  /** What has left since the last time. Owned. */
  take(): Masked {
    const taken: Masked = {
      bytes: this.#out.slice(0, this.#out_length),
      raw_offset: this.#taken,
      raw_length: this.start - this.#taken,
      spans: this.#spans,
    }
    this.#taken = this.start
    this.#out_length = 0
    this.#spans = []
    return taken
  }

  /** Where what leaves up to `limit` ends: no span is cut. */
  #open(limit: number): number {
    return this.#found.find((span) => span.start < limit && span.end > limit)?.start ?? limit
  }

  /** What was written again has the fate of what is about to leave, or has left. */
  #repeat(limit: number): void {
    const until = this.#open(limit)
    const decided = this.#again.filter(({ before }) => before < until)
    if (decided.length === 0) return
    this.#again = this.#again.filter(({ before }) => before >= until)
    for (const { before, place } of decided) {
      const rule =
        before < this.start
          ? this.#fates.at(before)
          : this.#found.find(({ start, end }) => start <= before && before < end)?.rule
      if (rule !== undefined) this.found(place, place + 1, rule, repeated)
    }
    this.#join()
  }

  #part(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from - this.start, to - this.start)
  }

  #join(): void {
    const all = this.#found.sort(
      (a, b) => a.start - b.start || b.rule_end - a.rule_end || a.reading - b.reading,
    )
    const joined: Found[] = []
    for (const span of all) {
      const last = joined.at(-1)
      if (last === undefined || span.start >= last.end) joined.push(span)
      else last.end = Math.max(last.end, span.end)
    }
    this.#found = joined
  }

  /** Text is covered, controls stay where they are. A mask is never longer than what it covers. */
  #cover({ start, end }: Found, cover: (raw: Uint8Array) => Uint8Array): void {
    this.#reserve(end - start)
    const out = this.#out
    for (let place = start; place < end; ) {
      const byte = this.#bytes[place - this.start] ?? 0
      if (!this.#isCovered(place) || byte === CR || byte === LF) out[this.#out_length++] = byte
      else if (byte < 0x80) out[this.#out_length++] = STAR
      else {
        let to = place + 1
        while (to < end && this.#isCovered(to)) to++
        this.#put(cover(this.#part(place, to)))
        place = to
        continue
      }
      place++
    }
  }

  #isCovered(place: number): boolean {
    return (this.#kinds[place - this.start] ?? 0) < kinds.control
  }

  #put(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#reserve(bytes.length)
    this.#out.set(bytes, this.#out_length)
    this.#out_length += bytes.length
  }

  #reserve(bytes: number): void {
    const length = this.#out_length + bytes
    if (length > this.#out.length) this.#out = enlarged(this.#out, 2 * length)
  }
}

function enlarged(bytes: Uint8Array, length: number): Uint8Array {
  const grown = new Uint8Array(length)
  grown.set(bytes)
  return grown
}
