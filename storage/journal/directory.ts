/**
 * The files of a journal's directory: `GENERATION.segment` in use, `spare-UUID.segment` that was used, `empty-UUID.segment`
 * ready for use, `spare.partial` that will be one.
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
} from 'node:fs'
import { join } from 'node:path'
import { systemCode } from './errors.ts'
import type { SegmentHeader } from './segment.ts'
import { decodeHeader, header_bytes } from './segment.ts'

export interface SegmentFile {
  readonly path: string
  readonly header: SegmentHeader
}

export const partial_name = 'spare.partial'

export function segmentPath(dir: string, generation: number): string {
  return join(dir, `${String(generation).padStart(10, '0')}.segment`)
}

/** A new name each time, so that nothing is ever renamed over a file that is still needed. */
export function sparePath(dir: string, is_empty: boolean): string {
  return join(dir, `${is_empty ? 'empty' : 'spare'}-${randomUUID()}.segment`)
}

/**
 * Segments in use, oldest first. A file whose header does not carry its name's generation is not
 * one: it was on its way to another use when the machine stopped. Those are in `strays`, damaged
 * headers in `damaged`.
 */
export function listSegments(dir: string): {
  readonly segments: readonly SegmentFile[]
  readonly spares: readonly string[]
  readonly empties: readonly string[]
  readonly strays: readonly string[]
  readonly damaged: readonly string[]
} {
  const segments: SegmentFile[] = []
  const spares: string[] = []
  const empties: string[] = []
  const strays: string[] = []
  const damaged: string[] = []
  for (const name of namesIn(dir).toSorted()) {
    const path = join(dir, name)
    if (/^spare-[\w-]+\.segment$/.test(name)) spares.push(path)
    if (/^empty-[\w-]+\.segment$/.test(name)) empties.push(path)
    const generation = /^(\d+)\.segment$/.exec(name)?.[1]
    if (generation === undefined) continue
    const read = readHeader(path)
    if (read === 'gone') continue
    if (read === undefined) damaged.push(path)
    else if (read.generation === Number(generation)) segments.push({ path, header: read })
    else strays.push(path)
  }
  return { segments, spares, empties, strays, damaged }
}

/** Makes renames in a directory durable. */
export function syncDirectory(dir: string): void {
  const fd = openSync(dir, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Opens a segment to read it. Of a directory that somebody else gave: it waits for no pipe. */
export function openSegment(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
}

/** Reads `into` from `at` on as far as the file goes; returns how many bytes. */
export function readFully(fd: number, into: Uint8Array, at: number): number {
  let done = 0
  while (done < into.length) {
    const count = readSync(fd, into, done, into.length - done, at + done)
    if (count === 0) break
    done += count
  }
  return done
}

/** The header of an open segment; undefined when it is damaged. */
export function headerOf(fd: number): SegmentHeader | undefined {
  if (!fstatSync(fd).isFile()) return undefined
  const bytes = new Uint8Array(header_bytes)
  return decodeHeader(bytes.subarray(0, readFully(fd, bytes, 0)))
}

/** A journal that was never begun is an empty one. */
function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

function readHeader(path: string): SegmentHeader | undefined | 'gone' {
  let fd: number
  try {
    fd = openSegment(path)
  } catch (error) {
    // A live writer renames segments between our listing and our opening.
    if (systemCode(error) === 'ENOENT') return 'gone'
    throw error
  }
  try {
    return headerOf(fd)
  } finally {
    closeSync(fd)
  }
}
