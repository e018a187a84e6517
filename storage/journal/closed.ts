/**
 * Segments that are full and may still be needed: what the store does not have yet is in them. Each becomes a spare once it
 * has, or is removed where its content must not stay.
 *
 * @module
 */
import { unlinkSync } from 'node:fs'
import { asJournalError } from './errors.ts'
import { spare_segments_kept } from './limits.ts'
import { isPlain, type SegmentHeader } from './segment.ts'
import type { Spares } from './spares.ts'

export interface ClosedSegment {
  readonly path: string
  readonly header: SegmentHeader
  readonly last_lsn: number
  readonly used_bytes: number
}

export class ClosedSegments {
  readonly #spares: Spares
  readonly #segment_bytes: number
  readonly #is_sealed: boolean
  readonly #segments: ClosedSegment[] = []
  /** Entries up to here are not to be found in any file once they may be forgotten. */
  #forgotten_lsn = 0

  constructor(spares: Spares, segment_bytes: number, is_sealed: boolean) {
    this.#spares = spares
    this.#segment_bytes = segment_bytes
    this.#is_sealed = is_sealed
  }

  get length(): number {
    return this.#segments.length
  }

  get used_bytes(): number {
    return this.#segments.reduce((sum, each) => sum + each.used_bytes, 0)
  }

  push(segment: ClosedSegment): void {
    this.#segments.push(segment)
  }

  /** Lets those go that end at or below `projected_lsn`. Throws `JournalError`. */
  recycle(projected_lsn: number): void {
    for (let first = this.#segments[0]; first !== undefined; first = this.#segments[0]) {
      if (first.last_lsn > projected_lsn) return
      const { path, header } = first
      try {
        if (this.#isReusable(header) && this.#spares.kept < spare_segments_kept)
          this.#spares.add(path)
        else unlinkSync(path)
      } catch (error) {
        throw asJournalError(error, `cannot recycle ${path}`)
      }
      this.#segments.shift()
    }
  }

  forget(lsn: number): void {
    this.#forgotten_lsn = lsn
    this.#spares.renew()
  }

  /** Whether the segment may be closed because the store has all that is to be forgotten, some of it in there. */
  isForgettable({ previous_lsn }: SegmentHeader, projected_lsn: number): boolean {
    return previous_lsn < this.#forgotten_lsn && projected_lsn >= this.#forgotten_lsn
  }

  #isReusable(header: SegmentHeader): boolean {
    const { segment_bytes, previous_lsn } = header
    const is_kept_plain = this.#is_sealed && isPlain(header)
    const is_forgotten = previous_lsn < this.#forgotten_lsn
    return segment_bytes === this.#segment_bytes && !is_kept_plain && !is_forgotten
  }
}
