/**
 * Segments prepared in advance: written full of zeros, so that their blocks exist and a later
 * write into them cannot run out of space. One that was used is filled again, so that nothing of what it had is left
 * behind what is written next.
 *
 * @module
 */
import assert from 'node:assert/strict'
import {
  closeSync,
  fsyncSync,
  readdirSync,
  renameSync,
  statfsSync,
  statSync,
  unlinkSync,
  write,
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
  /** Not wanted any more, while another thread writes to it. */
  is_dropped?: true
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
  /** Another thread writes a slice of this one: until that is over nobody else does, or closes it. */
  #writing: Partial | undefined

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
    this.#dropWriting()
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
    return this.#ready.length + this.#used.length + (this.#begun === undefined ? 0 : 1)
  }

  /** Fewer are ready than should be. */
  get areFew(): boolean {
    return this.count < this.#wanted
  }

  /** How much of the one that is being prepared is done, from 0 to 1. */
  get progress(): number {
    return (this.#begun?.bytes ?? 0) / this.#segment_bytes
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
    // It goes on when that is over.
    if (this.#writing !== undefined) return true
    return this.#slice(bytes_max) && this.#hasWork
  }

  /** The same, with its zeros written by another thread: `done` is told when they are. */
  stepLater(bytes_max: number, done: (more: boolean) => void): void {
    const partial = this.#nextToFill()
    const bytes = partial === undefined ? 0 : this.#sliceOf(partial, bytes_max)
    if (partial === undefined || bytes === 0) {
      done(this.step(bytes_max))
      return
    }
    this.#partial = undefined
    this.#writing = partial
    write(partial.fd, zeros, 0, bytes, partial.bytes, (error, written) => {
      this.#writing = undefined
      assert(this.#partial === undefined, 'one segment is prepared at a time')
      this.#partial = partial
      partial.bytes += written
      if (error !== null || written === 0 || partial.is_dropped === true) this.#dropPartial()
      done(error === null && written > 0 && this.#hasWork)
    })
  }

  close(): void {
    this.#dropPartial()
    this.#dropWriting()
  }

  get #hasWork(): boolean {
    return this.areFew || this.#used.length > 0 || this.#begun !== undefined
  }

  get #begun(): Partial | undefined {
    return this.#partial ?? this.#writing
  }

  /** Undefined where there is none, or none can be begun, or another thread is at it. */
  #nextToFill(): Partial | undefined {
    if (!this.#hasWork || this.#writing !== undefined) return undefined
    try {
      this.#partial ??= this.#begin()
    } catch {
      // The step that follows tries it again, and tells.
    }
    return this.#partial
  }

  #sliceOf({ bytes }: Partial, bytes_max: number): number {
    return Math.min(zeros.length, bytes_max, this.#segment_bytes - bytes)
  }

  /** False when there is no room, or the disk failed: then nothing of it is kept. */
  #slice(bytes_max: number): boolean {
    try {
      this.#partial ??= this.#begin()
      const partial = this.#partial
      if (partial === undefined) return false
      const bytes = this.#sliceOf(partial, bytes_max)
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
    // Of a name that is taken, a start finds one that was used, of another size.
    const path =
      this.#writing === undefined ? join(this.#dir, partial_name) : sparePath(this.#dir, false)
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

  /** No segment any more, and closed once the other thread is done with it. */
  #dropWriting(): void {
    const writing = this.#writing
    if (writing === undefined) return
    writing.is_dropped = true
    try {
      unlinkSync(writing.path)
    } catch {
      // Tried again when it is closed.
    }
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
