/**
 * Segments prepared in advance: written full of zeros, so that their blocks exist and a later
 * write into them cannot run out of space.
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
import { createBlockFile, stagingArea } from './durable-file.ts'
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
  #partial: Partial | undefined

  /** Takes over what an earlier process left, unless all are to be made anew; files of another size are removed. */
  constructor(dir: string, segment_bytes: number, wanted: number, is_fresh = false) {
    this.#dir = dir
    this.#segment_bytes = segment_bytes
    this.#wanted = wanted
    const { spares, strays } = listSegments(dir)
    if (readdirSync(dir).includes(partial_name)) unlinkSync(join(dir, partial_name))
    for (const path of [...spares, ...strays]) {
      if (statSync(path).size === segment_bytes && !is_fresh) this.add(path)
      else unlinkSync(path)
    }
  }

  /** Removes those that there are, which may have been used before; others are made in slices. */
  renew(): void {
    for (const path of this.#ready.splice(0))
      try {
        unlinkSync(path)
      } catch {
        // The next start finds it, and does this again.
      }
  }

  get count(): number {
    return this.#ready.length
  }

  take(): string | undefined {
    if (this.count === 0) this.tryPrepareOne()
    return this.#ready.shift()
  }

  /** A used segment. Its old content needs no zeros: no frame of it continues a new header. */
  add(path: string): void {
    const to = sparePath(this.#dir)
    renameSync(path, to)
    this.#ready.push(to)
  }

  /** Prepares one whole segment now; false when there is no room. */
  tryPrepareOne(): boolean {
    const before = this.count
    while (this.count === before) {
      if (!this.#slice()) return false
    }
    return true
  }

  /** One slice of work; returns whether more is to do and can be done. */
  step(): boolean {
    if (this.count >= this.#wanted) return false
    return this.#slice() && this.count < this.#wanted
  }

  close(): void {
    this.#dropPartial()
  }

  /** False when there is no room, or the disk failed: then nothing of it is kept. */
  #slice(): boolean {
    try {
      this.#partial ??= this.#begin()
      const partial = this.#partial
      if (partial === undefined) return false
      const bytes = Math.min(zeros.length, this.#segment_bytes - partial.bytes)
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
    // Trying on a disk that is nearly full would take the store's last bytes each time.
    const { bavail, bsize } = statfsSync(this.#dir)
    if (bavail * bsize < this.#segment_bytes) return undefined
    const path = join(this.#dir, partial_name)
    return { fd: createBlockFile(path), path, bytes: 0 }
  }

  #finish(partial: Partial): void {
    fsyncSync(partial.fd)
    closeSync(partial.fd)
    this.#partial = undefined
    this.add(partial.path)
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
