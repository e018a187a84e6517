/**
 * The write-ahead journal: what {@link Journal.commit} returned from is on the disk. One writer,
 * synchronous, made for a Worker of its own.
 *
 * A commit is a run of groups in a preallocated segment, so it changes no metadata and costs one
 * `fdatasync`. A full disk shows when the next segment is prepared, ahead of the session that would
 * need it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdirSync, renameSync } from 'node:fs'
import { ClosedSegments } from './closed.ts'
import { listSegments, segmentPath, syncDirectory } from './directory.ts'
import { block_bytes, DurableFile, stagingArea } from './durable-file.ts'
import { asJournalError, JournalError } from './errors.ts'
import { entryBytes, Groups, record_header_bytes } from './group.ts'
import {
  ending_share,
  prepare_slice_bytes,
  quiet_slice_bytes,
  segment_bytes_max,
  segment_bytes_min,
} from './limits.ts'
import { endOf } from './read.ts'
import { Sealer } from './seal.ts'
import type { Entry, SegmentHeader, SegmentVersion } from './segment.ts'
import { encodeHeader, header_bytes, isPlain } from './segment.ts'
import { Spares } from './spares.ts'

export interface JournalOptions {
  /** Made when it is missing. */
  readonly dir: string
  readonly segment_bytes: number
  /** Segments kept ready; at least 1. */
  readonly spare_segments: number
  /** So many segments may wait for {@link Journal.recycle}; further commits are `journal_full`. */
  readonly backlog_segments_max: number
  /** The first entry's number at least: what the store has seen, plus one. */
  readonly next_lsn: bigint | number
  /** Encrypts what is written from now on: 32 bytes. */
  readonly key?: Uint8Array | undefined
}

interface ActiveSegment {
  /** Its place is behind the last durable frame. */
  readonly file: DurableFile
  readonly path: string
  readonly header: SegmentHeader
  crc: number
}

export type { Entry } from './segment.ts'

export class Journal {
  readonly #options: JournalOptions
  readonly #staging: Uint8Array = stagingArea()
  readonly #spares: Spares
  readonly #version: SegmentVersion
  readonly #pending: Groups
  readonly #closed: ClosedSegments
  #active: ActiveSegment
  #durable_lsn: number
  #next_lsn: number
  /** A {@link commitLater} is under way. */
  #is_writing = false
  /**
   * Nothing more is written there: a write or sync failed, and what the kernel did with the pages is unknown, or
   * its successor could not be put in place.
   */
  #abandon_active = false
  /** It has room, and what is in it is to be forgotten: another one takes its place when there is one. */
  #is_left_early = false

  /**
   * Opens or makes the journal in `options.dir`; scans for its end, and continues behind it.
   * Throws `JournalError`.
   */
  static open(options: JournalOptions): Journal {
    return new Journal(options)
  }

  private constructor(options: JournalOptions) {
    const { dir, segment_bytes, spare_segments } = options
    assert(segment_bytes >= segment_bytes_min && segment_bytes <= segment_bytes_max)
    assert(spare_segments >= 1, 'without a spare segment no session could start')
    assert(segment_bytes % block_bytes === 0, 'a segment is a whole number of blocks')
    this.#options = options
    const is_sealed = options.key !== undefined
    this.#version = is_sealed ? 4 : 3
    this.#pending = new Groups(options.key === undefined ? undefined : new Sealer(options.key))
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 })
      const { segments, damaged } = listSegments(dir)
      if (damaged[0] !== undefined)
        throw new JournalError('journal_damaged', `no header in ${damaged[0]}`)
      // What was never encrypted is not kept for reuse: it would lie there until then.
      const is_fresh = is_sealed && segments.some(({ header }) => isPlain(header))
      this.#spares = new Spares(dir, segment_bytes, spare_segments, is_fresh)
      this.#closed = new ClosedSegments(this.#spares, segment_bytes, is_sealed)
      const end = endOf(dir, segments.at(-1)?.header, options.key)
      this.#durable_lsn = Math.max(end.lsn, Number(options.next_lsn) - 1)
      this.#next_lsn = this.#durable_lsn + 1
      for (const [index, { path, header }] of segments.slice(0, -1).entries()) {
        this.#closed.push({
          path,
          header,
          last_lsn: segments[index + 1]?.header.previous_lsn ?? 0,
          used_bytes: header.segment_bytes,
        })
      }
      const last = segments.at(-1)
      if (last === undefined) {
        this.#active = this.#activate(1, this.#takeSpare())
      } else {
        // Entries that a killed process wrote and did not sync are taken over: now they are durable.
        const file = DurableFile.open(last.path, end.at, this.#staging)
        this.#active = { file, path: last.path, header: last.header, crc: end.crc }
        // Who reads another version does not look for what is written from now on.
        this.#abandon_active = last.header.version !== this.#version
      }
      // A first spare at once, so that a gateway that just started can take sessions.
      if (this.#spares.count === 0) this.#spares.tryPrepareOne()
    } catch (error) {
      throw asJournalError(error, 'cannot open the journal')
    }
  }

  /**
   * Takes an entry for the next {@link commit} and returns its number. A body above 4 KiB is borrowed
   * until then: do not change it. An entry of 4 MiB, or a commit larger than a segment, is a fault
   * of the caller: watch {@link pending_bytes}.
   */
  append(entry: Entry): number {
    this.#reserve(entryBytes(entry))
    this.#pending.add(entry)
    return this.#next_lsn++
  }

  /** The same of a record, for which no object has to be made. */
  appendRecord(session: string, seq: number, bytes: Uint8Array): number {
    this.#reserve(record_header_bytes + bytes.length)
    this.#pending.addRecord(session, seq, bytes)
    return this.#next_lsn++
  }

  /**
   * Makes everything durable that was appended since the last commit. Throws `JournalError`
   * `journal_full` or `journal_io`: then none of those entries counts, their numbers are not used
   * again, and a later commit of new ones may succeed.
   */
  commit(): void {
    assert(!this.#is_writing, 'one commit at a time')
    if (this.#pending.isEmpty) return
    try {
      const { parts, crc } = this.#seal()
      try {
        this.#active.file.append(parts)
      } catch (error) {
        throw this.#failed(error)
      }
      this.#written(crc, this.#next_lsn - 1)
    } finally {
      this.#clear()
    }
  }

  /**
   * The same in another thread: this one may go on to {@link append} for the next commit, which has to wait for
   * `done`. Throws what fails before the write; a commit that is too large for one write is made at once.
   */
  commitLater(done: (error: JournalError | undefined) => void): void {
    assert(!this.#is_writing, 'one commit at a time')
    if (!this.#active.file.fits(this.#pending.bytes)) {
      this.commit()
      done(undefined)
      return
    }
    try {
      const { parts, crc } = this.#seal()
      const last_lsn = this.#next_lsn - 1
      this.#is_writing = true
      this.#active.file.appendLater(parts, (error) => {
        this.#is_writing = false
        if (error === null) {
          this.#written(crc, last_lsn)
          done(undefined)
          return
        }
        // What was appended since stands on what is not there.
        this.#clear()
        done(this.#failed(error))
      })
    } finally {
      this.#clear()
    }
  }

  /** What {@link commit} would write. */
  get pending_bytes(): number {
    return this.#pending.bytes
  }

  /**
   * Whether {@link maintain} is urgent: what it prepares gets ready more slowly than the segment in use is filled, or the next one has
   * to take its place before a commit needs it.
   */
  get isShort(): boolean {
    const { count, areFew, progress } = this.#spares
    if (count === 0 || this.isEnding) return true
    return areFew && progress < this.#active.file.at / this.#options.segment_bytes
  }

  /** Whether so little is left of the segment in use that {@link maintain} puts the next one in its place. */
  get isEnding(): boolean {
    const { file, header } = this.#active
    return header.segment_bytes - file.at < header.segment_bytes / ending_share
  }

  /** Whether new sessions may start: a spare segment exists and the backlog leaves room for it. */
  get ready(): boolean {
    return this.#spares.count > 0 && this.#closed.length + 1 < this.#options.backlog_segments_max
  }

  /** Bytes in segments that may not be reused yet; slow output down as it nears the limit. */
  get backlog_bytes(): number {
    return this.#closed.used_bytes + this.#active.file.at
  }

  /** Bytes of backlog at which commits fail. */
  get backlog_bytes_max(): number {
    return this.#options.backlog_segments_max * this.#options.segment_bytes
  }

  /** Number of the last entry that is on the disk; 0 when there was never one. */
  get durable_lsn(): number {
    return this.#durable_lsn
  }

  /** Segments that end at or below `projected_lsn` may be reused. */
  recycle(projected_lsn: number): void {
    this.#closed.recycle(projected_lsn)
    this.#is_left_early = this.#closed.isForgettable(this.#active.header, projected_lsn)
  }

  /**
   * Something was erased. What was written so far is in no file any more once {@link recycle} has come behind it: the
   * next commit goes to another segment, and those of before are removed rather than reused.
   */
  forget(): void {
    this.#closed.forget(this.#durable_lsn)
  }

  /**
   * Does one slice of what commits should not wait for: of preparing spare segments, at most 2 MiB of zeros or one sync, and less
   * while there is time; or the next segment takes the place of one that is nearly full. Returns whether more is to do now.
   * Never throws for a full disk: {@link ready} tells.
   */
  maintain(): boolean {
    if (!this.#canSwitch) return this.#spares.step(this.#slice_bytes)
    try {
      this.#switch()
      return true
    } catch {
      // The commit that needs it tries again, and says why it cannot be.
      return false
    }
  }

  /** The same, but zeros are written by another thread, and commits go on meanwhile: `done` is told when they are. */
  maintainLater(done: (more: boolean) => void): void {
    if (this.#canSwitch) done(this.maintain())
    else this.#spares.stepLater(this.#slice_bytes, done)
  }

  get #canSwitch(): boolean {
    return this.isEnding && !this.#is_writing && this.ready
  }

  get #slice_bytes(): number {
    return this.isShort ? prepare_slice_bytes : quiet_slice_bytes
  }

  /** Gives the files back. What was appended and not committed is lost. */
  close(): void {
    this.#active.file.close()
    this.#spares.close()
  }

  /** Puts the next spare in the active segment's place. */
  #switch(): void {
    const { backlog_segments_max } = this.#options
    if (this.#closed.length + 1 >= backlog_segments_max)
      throw new JournalError(
        'journal_full',
        `${this.#closed.length + 1} segments wait for the store, which is the limit`,
      )
    const previous = this.#active
    const spare = this.#takeSpare()
    // The staging area does not hold the end of the previous segment any more, also when this fails.
    this.#abandon_active = true
    this.#active = this.#activate(previous.header.generation + 1, spare)
    this.#abandon_active = false
    this.#is_left_early = false
    previous.file.close()
    this.#closed.push({
      path: previous.path,
      header: previous.header,
      last_lsn: this.#active.header.previous_lsn,
      used_bytes: previous.file.at,
    })
  }

  #takeSpare(): string {
    const spare = this.#spares.take()
    if (spare === undefined) throw new JournalError('journal_full', 'no room for a journal segment')
    return spare
  }

  #activate(generation: number, spare: string): ActiveSegment {
    const { dir, segment_bytes } = this.#options
    const fields = {
      ...{ generation, previous_lsn: this.#durable_lsn, segment_bytes },
      version: this.#version,
    }
    const bytes = encodeHeader(fields)
    const path = segmentPath(dir, generation)
    try {
      const file = DurableFile.open(spare, 0, this.#staging)
      try {
        // The header first, then the name: a named segment always has one.
        file.append([bytes])
        renameSync(spare, path)
        syncDirectory(dir)
      } catch (error) {
        file.close()
        throw error
      }
      const crc = new DataView(bytes.buffer).getUint32(36, true)
      return { file, path, header: { ...fields, crc }, crc }
    } catch (error) {
      throw asJournalError(error, `cannot start segment ${generation}`)
    }
  }

  /** What is pending as it follows the active segment's last frame, in a segment that has room for it. */
  #seal(): { readonly parts: readonly Uint8Array[]; readonly crc: number } {
    const { file, header } = this.#active
    const is_left = this.#abandon_active || (this.#is_left_early && this.ready)
    if (is_left || file.at + this.#pending.bytes > header.segment_bytes) this.#switch()
    return this.#pending.seal(this.#next_lsn - 1, this.#active.header.generation, this.#active.crc)
  }

  #written(crc: number, last_lsn: number): void {
    this.#active.crc = crc
    this.#durable_lsn = last_lsn
  }

  #reserve(bytes: number): void {
    const room = this.#options.segment_bytes - header_bytes
    assert(this.#pending.fits(bytes, room), 'a commit fits into a segment')
  }

  #clear(): void {
    this.#pending.clear()
  }

  #failed(error: unknown): JournalError {
    this.#undo()
    const failure = asJournalError(error, `cannot write to ${this.#active.path}`)
    this.#abandon_active = failure.code !== 'journal_full'
    return failure
  }

  /**
   * Ends the segment again behind its last durable frame, so that a restart does not find part of
   * a commit that failed. Best effort: the same disk just failed, and the next commit goes over it.
   */
  #undo(): void {
    try {
      this.#active.file.erase()
    } catch {
      // Those frames then count as written and never acknowledged, as after a crash.
    }
  }
}
