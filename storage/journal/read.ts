/**
 * Reads a journal: for recovery, for the projection, for verification. Never writes, needs no lock,
 * and tolerates a writer in another thread or process.
 *
 * @module
 */
import { closeSync } from 'node:fs'
import { headerOf, listSegments, openSegment, readFully } from './directory.ts'
import { JournalError, systemCode } from './errors.ts'
import { frame_bytes_max, read_bytes } from './limits.ts'
import { Opener } from './seal.ts'
import type { Entry, PlainFrame, SealedFrame, SegmentHeader } from './segment.ts'
import { decodeFrame, header_bytes, unsealedEntries } from './segment.ts'

export interface Numbered {
  readonly lsn: number
  readonly entry: Entry
}

/**
 * All entries behind `after_lsn` that are still there, in order. Bytes are borrowed until the next
 * step. Ends at the first place that holds no entry: with a live writer, what comes later is not
 * seen. Throws `JournalError` `journal_damaged` when entries are missing in the middle.
 */
export function* readJournal(dir: string, after_lsn: number): Generator<Numbered, void, undefined> {
  const reader = new JournalReader(dir, after_lsn)
  try {
    for (let next = reader.next(); next !== undefined; next = reader.next()) yield next
  } finally {
    reader.close()
  }
}

interface OpenSegment {
  readonly fd: number
  readonly header: SegmentHeader
}

/** A place in a journal that can be asked again when the writer went on. */
export class JournalReader {
  readonly #dir: string
  readonly #after_lsn: number
  readonly #opener: Opener
  #lsn: number
  #gap = false
  #segment: OpenSegment | undefined
  #crc = 0
  /** Last entry of this segment that counts; set once a following segment is known. */
  #last_lsn = Number.POSITIVE_INFINITY
  /** File offset of `#window[0]`, and of the next frame. */
  #window_at = 0
  #at = 0
  #window: Uint8Array = new Uint8Array(0)
  /** The limit when the window was read: entries behind it were not final then. */
  #window_limit = 0
  /** What was read and not given yet: the first of them has the number behind `#lsn`. */
  #entries: readonly Entry[] = []
  #given = 0
  #first_lsn = 0
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(read_bytes)

  /** @param key of a store that is encrypted at rest, 32 bytes */
  constructor(dir: string, after_lsn: number, key?: Uint8Array) {
    this.#dir = dir
    this.#opener = new Opener(key)
    this.#after_lsn = after_lsn
    this.#lsn = after_lsn
  }

  /** Whether entries behind `after_lsn` were recycled before they were read here. */
  get gap(): boolean {
    return this.#gap
  }

  /** Number of the last entry read, or what the reader began with. */
  get lsn(): number {
    return Math.max(this.#lsn, this.#after_lsn)
  }

  /** Behind the last frame read: where a writer goes on, and the CRC that its next frame continues. */
  get place(): { readonly at: number; readonly crc: number } {
    return { at: this.#at, crc: this.#crc }
  }

  /**
   * The next entry up to `limit_lsn`, or undefined when there is none now: ask again later. The
   * entry's bytes are borrowed until the next call.
   */
  next(limit_lsn: number = Number.POSITIVE_INFINITY): Numbered | undefined {
    for (;;) {
      if (this.lsn >= limit_lsn) return undefined
      const entry = this.#entries[this.#given]
      if (entry !== undefined) {
        const lsn = this.#first_lsn + this.#given
        if (lsn > limit_lsn) return undefined
        this.#given += 1
        this.#lsn = lsn
        if (lsn > this.#after_lsn) return { lsn, entry }
        continue
      }
      if (this.#segment === undefined && !this.#enter()) return undefined
      const read = this.#frame(limit_lsn)
      if (read === undefined) {
        if (!this.#advance()) return undefined
        continue
      }
      if (read.frame.first_lsn > limit_lsn) return undefined
      this.#at = read.end
      this.#crc = read.crc
      this.#entries = this.#opened(read.frame)
      this.#given = 0
      this.#first_lsn = read.frame.first_lsn
    }
  }

  #opened(frame: PlainFrame | SealedFrame): readonly Entry[] {
    if (frame.kind === 'plain') return frame.entries
    const opened = unsealedEntries(frame, this.#opener.open(frame))
    if (opened !== undefined) return opened
    throw new JournalError(
      'journal_damaged',
      `entry ${frame.lsn} of the journal is of no known kind`,
    )
  }

  close(): void {
    if (this.#segment !== undefined) closeSync(this.#segment.fd)
    this.#segment = undefined
  }

  /** The frame at `#at`, from what was read before or, when that does not hold it, from the disk. */
  #frame(
    limit_lsn: number,
  ): { frame: PlainFrame | SealedFrame; crc: number; end: number } | undefined {
    const segment = this.#segment
    if (segment === undefined) return undefined
    const expected = {
      generation: segment.header.generation,
      previous_crc: this.#crc,
      previous_lsn: this.#lsn,
    }
    let wanted = 0
    for (let fresh = false; ; fresh = true) {
      const at = this.#at - this.#window_at
      const decoded = decodeFrame(this.#window, at, frame_bytes_max, expected)
      // A commit under way may yet fail, and its bytes be replaced: what was read ahead of the
      // limit is only good for a look. A group is of one commit: with its first entry all of it is there.
      const final = fresh || (decoded.ok && decoded.frame.first_lsn <= this.#window_limit)
      if (decoded.ok && final) {
        if (decoded.frame.lsn > this.#last_lsn) return undefined
        return { ...decoded, end: this.#window_at + decoded.end }
      }
      const bytes = decoded.ok ? 0 : (decoded.bytes ?? 0)
      // What was read ahead of the writer is stale: only fresh bytes can say that nothing is here.
      if (fresh && bytes <= wanted) return undefined
      wanted = Math.max(bytes, wanted + 1)
      this.#window_limit = limit_lsn
      this.#fill(segment.fd, bytes)
    }
  }

  #fill(fd: number, bytes: number): void {
    if (bytes > this.#buffer.length) this.#buffer = new Uint8Array(frame_bytes_max)
    this.#window_at = this.#at
    this.#window = this.#buffer.subarray(0, readFully(fd, this.#buffer, this.#at))
  }

  /** Opens the segment that holds the entry behind `#lsn`. False when there is none. */
  #enter(): boolean {
    const { segments } = listSegments(this.#dir)
    const wanted = segments.findLastIndex((each) => each.header.previous_lsn <= this.lsn)
    const next = segments[Math.max(wanted, 0)]
    if (next === undefined) return false
    return this.#open(next.path, segments[Math.max(wanted, 0) + 1]?.header.previous_lsn)
  }

  #open(path: string, last_lsn: number | undefined): boolean {
    let fd: number
    try {
      fd = openSegment(path)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false
      throw new JournalError('journal_io', `cannot open ${path}`, { cause: error })
    }
    const header = headerOf(fd)
    if (header === undefined) {
      closeSync(fd)
      return false
    }
    this.close()
    if (header.previous_lsn > this.lsn) this.#gap = true
    this.#segment = { fd, header }
    this.#crc = header.crc
    this.#lsn = header.previous_lsn
    this.#entries = []
    this.#last_lsn = last_lsn ?? Number.POSITIVE_INFINITY
    this.#at = header_bytes
    this.#window_at = header_bytes
    this.#window = this.#buffer.subarray(0, 0)
    return true
  }

  /**
   * No frame here. Goes on to the next segment if there is one, and says whether it is worth
   * trying again.
   */
  #advance(): boolean {
    const segment = this.#segment
    if (segment === undefined) return false
    const { generation } = segment.header
    const { segments, damaged } = listSegments(this.#dir)
    const next = segments.find((each) => each.header.generation > generation)
    if (next === undefined) {
      const last = damaged.at(-1)
      if (last !== undefined) throw new JournalError('journal_damaged', `no header in ${last}`)
      return false
    }
    const recycled = headerOf(segment.fd)?.generation !== generation
    if (!recycled && this.#lsn < next.header.previous_lsn) {
      // The writer may have gone on between our read and our look at the directory: read again,
      // now knowing where this segment ends. Nothing more then means that entries are missing.
      if (this.#last_lsn !== next.header.previous_lsn) {
        this.#last_lsn = next.header.previous_lsn
        this.#window_at = this.#at
        this.#window = this.#buffer.subarray(0, 0)
        return true
      }
      throw new JournalError(
        'journal_damaged',
        `segment ${generation} ends at entry ${this.#lsn}, the next begins after ${next.header.previous_lsn}`,
      )
    }
    const following = segments.find((each) => each.header.generation > next.header.generation)
    return this.#open(next.path, following?.header.previous_lsn)
  }
}

/** Where the newest segment's entries end. */
export function endOf(
  dir: string,
  header: SegmentHeader | undefined,
  key: Uint8Array | undefined,
): { readonly lsn: number; readonly at: number; readonly crc: number } {
  if (header === undefined) return { lsn: 0, at: header_bytes, crc: 0 }
  const reader = new JournalReader(dir, header.previous_lsn, key)
  try {
    while (reader.next() !== undefined);
    return { lsn: reader.lsn, ...reader.place }
  } finally {
    reader.close()
  }
}
