/**
 * Segments prepared in advance: written full of zeros, so that their blocks exist and a later
 * write into them cannot run out of space. One that was used is filled again, so that nothing of what it had is left
 * behind what is written next.
 *
 * @module
 */
import {
  closeSync,
  fsyncSync,
  readdirSync,
  renameSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { listSegments, partial_name, sparePath, syncDirectory } from './directory.ts'
import { openBlockFile, stagingArea } from './durable-file.ts'
import { prepare_slice_bytes } from './limits.ts'

interface Partial {
  readonly fd: number
  readonly path: string
  bytes: number
}

const zeros = stagingArea(prepare_slice_bytes)

export class Spares {
  readonly #dir: string
  readonly #segment_bytes: number
  readonly #wanted: number
  readonly #ready: string[] = []
  /** Those of before, with their content. */
  readonly #used: string[] = []
  #partial: Partial | undefined

  /** Takes over what an earlier process left; with `is_fresh` no used ones. Files of another size are removed. */
  constructor(dir: string, segment_bytes: number, wanted: number, is_fresh = false) {
    this.#dir = dir
    this.#segment_bytes = segment_bytes
    this.#wanted = wanted
    const { spares, empties, strays } = listSegments(dir)
    if (readdirSync(dir).includes(partial_name)) unlinkSync(join(dir, partial_name))
    for (const path of [...empties, ...spares, ...strays]) {
      const is_empty = empties.includes(path)
      if (statSync(path).size !== segment_bytes || (is_fresh && !is_empty)) unlinkSync(path)
      else if (is_empty) this.#ready.push(path)
      else this.add(path)
    }
  }

  /** Removes those that were used and are not filled with zeros yet; others are made in slices. */
  renew(): void {
    this.#dropPartial()
    for (const path of this.#used.splice(0))
      try {
        unlinkSync(path)
      } catch {
        // The next start finds it, and does this again.
      }
  }

  /** Those that are ready. */
  get count(): number {
    return this.#ready.length
  }

  /** ... and those that will be, without another file. */
  get kept(): number {
    return this.#ready.length + this.#used.length + (this.#partial === undefined ? 0 : 1)
  }

  /** Fewer are ready than should be. */
  get areFew(): boolean {
    return this.count < this.#wanted
  }

  /** How much of the one that is being prepared is done, from 0 to 1. */
  get progress(): number {
    return (this.#partial?.bytes ?? 0) / this.#segment_bytes
  }

  take(): string | undefined {
    if (this.count === 0) this.tryPrepareOne()
    return this.#ready.shift()
  }

  /** A used segment, to be filled with zeros. No frame of it would continue a new header: this is for who reads the disk. */
  add(path: string): void {
    const to = sparePath(this.#dir, false)
    renameSync(path, to)
    this.#used.push(to)
  }

  /** Prepares one whole segment now; false when there is no room. */
  tryPrepareOne(): boolean {
    const before = this.count
    while (this.count === before) {
      if (!this.#slice(zeros.length)) return false
    }
    return true
  }

  /** One slice of work, of so many bytes at most; returns whether more is to do and can be done. */
  step(bytes_max: number): boolean {
    if (!this.#hasWork) return false
    return this.#slice(bytes_max) && this.#hasWork
  }

  close(): void {
    this.#dropPartial()
  }

  get #hasWork(): boolean {
    return this.areFew || this.#used.length > 0 || this.#partial !== undefined
  }

  /** False when there is no room, or the disk failed: then nothing of it is kept. */
  #slice(bytes_max: number): boolean {
    try {
      this.#partial ??= this.#begin()
      const partial = this.#partial
      if (partial === undefined) return false
      const bytes = Math.min(zeros.length, bytes_max, this.#segment_bytes - partial.bytes)
      if (bytes > 0) {
        const written = writeSync(partial.fd, zeros, 0, bytes, partial.bytes)
        partial.bytes += written
        if (written > 0) return true
        this.#dropPartial()
        return false
      }
      this.#finish(partial)
      return true
    } catch {
      // Whatever it was, no spare: the caller sees `ready` false and the next attempt may do better.
      this.#dropPartial()
      return false
    }
  }

  #begin(): Partial | undefined {
    const used = this.#used.shift()
    // From its header on: a reader that has it open sees at once that it is no more.
    if (used !== undefined) return { fd: openBlockFile(used, false), path: used, bytes: 0 }
    // Trying on a disk that is nearly full would take the store's last bytes each time.
    const { bavail, bsize } = statfsSync(this.#dir)
    if (bavail * bsize < this.#segment_bytes) return undefined
    const path = join(this.#dir, partial_name)
    return { fd: openBlockFile(path, true), path, bytes: 0 }
  }

  #finish(partial: Partial): void {
    fsyncSync(partial.fd)
    closeSync(partial.fd)
    this.#partial = undefined
    const to = sparePath(this.#dir, true)
    renameSync(partial.path, to)
    this.#ready.push(to)
    syncDirectory(this.#dir)
  }

  #dropPartial(): void {
    const partial = this.#partial
    if (partial === undefined) return
    this.#partial = undefined
    try {
      closeSync(partial.fd)
      unlinkSync(partial.path)
    } catch {
      // A file that cannot be removed is removed by the next start.
    }
  }
}
