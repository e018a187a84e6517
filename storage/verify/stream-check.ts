/**
 * Do the records of a session fit together? Their sequence, their times, and the raw offsets of each
 * stream, which have no gap. Looks at headers only: whether they are authentic is not asked here.
 *
 * @module
 */
import type { RecordHeader } from '../evidence/record.ts'
import { ApprovalCheck } from './approval-check.ts'
import { LeftOutCheck } from './left-out-check.ts'
import { followed_streams_max } from './limits.ts'

export interface Trouble {
  /** Where in the session, counted from 0. */
  readonly position: number
  readonly code: 'record_malformed' | 'time_went_back' | 'approval_not_signed'
  readonly reason: string
}

export class StreamCheck {
  readonly #session: string
  readonly #start: { readonly document: string; readonly envelope: string }
  /** Raw bytes so far, by channel and stream. */
  readonly #offsets = new Map<number, number>()
  /** Echo whose text has not followed yet. */
  readonly #echoes = new Map<number, { readonly offset: number; length: number }>()
  /** Transfers that have not ended, by channel and number: their names. */
  readonly #transfers = new Map<string, string>()
  /** More were open at once than are followed: what ends may be one of the others. */
  #has_lost_transfers = false
  readonly #left_out = new LeftOutCheck()
  readonly #approvals = new ApprovalCheck()
  #t_us = 0
  /** Reason of the last record, once it came. */
  end_reason: string | undefined

  constructor(session: string, start: { readonly document: string; readonly envelope: string }) {
    this.#session = session
    this.#start = start
  }

  /** What is wrong with the record at `position`, if anything. */
  check(header: RecordHeader, position: number): Trouble | undefined {
    const reason = this.#misplaced(header, position) ?? this.#discontinuous(header)
    if (header.kind === 'end') this.end_reason = header.reason
    if (reason !== undefined) return { position, code: 'record_malformed', reason }
    const unsigned = this.#approvals.check(header)
    if (unsigned !== undefined) return { position, code: 'approval_not_signed', reason: unsigned }
    const before_us = this.#t_us
    this.#t_us = Math.max(before_us, header.t_us)
    return header.t_us >= before_us
      ? undefined
      : { position, code: 'time_went_back', reason: 'it is dated before the one that it follows' }
  }

  #misplaced(header: RecordHeader, position: number): string | undefined {
    if (header.session !== this.#session) return 'it belongs to another session'
    if (header.seq !== position) return `it says that it is record ${header.seq}`
    if (this.end_reason !== undefined) return 'it follows the end of the session'
    if ((header.kind === 'start') !== (position === 0)) return 'only the first record is a start'
    if (header.kind !== 'start') return undefined
    if (header.document !== this.#start.document || header.envelope !== this.#start.envelope)
      return 'it names another start document or envelope than the log does'
    return undefined
  }

  #discontinuous(header: RecordHeader): string | undefined {
    const { kind, channel } = header
    if (kind === 'output') return this.#follow(channel, header.stream, header.offset, header.length)
    if (kind === 'result') return this.#left_out.check(header)
    if (kind === 'left_out') {
      const { stream, offset, length } = header
      return this.#left_out.check(header) ?? this.#follow(channel, stream, offset, length)
    }
    if (kind === 'stdin') return this.#follow(channel, 0, header.offset, header.length)
    if (kind === 'echo') {
      const { stream, offset, length } = header
      const echo = this.#echoes.get(keyOf(channel, stream))
      if (echo !== undefined) echo.length += length
      else if (this.#echoes.size < followed_streams_max)
        this.#echoes.set(keyOf(channel, stream), { offset, length })
      return this.#follow(channel, stream, offset, length)
    }
    if (kind === 'echo_text') {
      const key = keyOf(channel, header.stream)
      const echo = this.#echoes.get(key)
      this.#echoes.delete(key)
      return echo?.offset === header.offset && echo.length === header.length
        ? undefined
        : 'it is not the text of the echo before it'
    }
    if (kind === 'input_text') {
      // Lines that were not recorded may lie between.
      const key = keyOf(channel, 0)
      const overlaps = header.offset < (this.#offsets.get(key) ?? 0)
      this.#set(key, header.offset + header.length)
      return overlaps ? 'its text was recorded before' : undefined
    }
    if (kind === 'transfer_start' || kind === 'transfer') return this.#transfer(header)
    if (kind === 'channel_end') {
      const prefix = `${channel} `
      const is_open = [...this.#transfers.keys()].some((key) => key.startsWith(prefix))
      return is_open ? 'its channel ends with a transfer that has no end' : undefined
    }
    return undefined
  }

  /** Each transfer begins once and ends once, under the same names. */
  #transfer(
    header: Extract<RecordHeader, { kind: 'transfer_start' | 'transfer' }>,
  ): string | undefined {
    const { channel, transfer, tool, direction, path } = header
    const key = `${channel} ${transfer}`
    const names = JSON.stringify([tool, direction, path])
    const begun = this.#transfers.get(key)
    if (header.kind === 'transfer') {
      this.#transfers.delete(key)
      if (begun === undefined && this.#has_lost_transfers) return undefined
      return begun === names ? undefined : 'it ends a transfer that did not begin under its names'
    }
    if (begun !== undefined) return 'its transfer has begun already'
    if (this.#transfers.size < followed_streams_max) this.#transfers.set(key, names)
    else this.#has_lost_transfers = true
    return undefined
  }

  #follow(channel: number, stream: number, offset: number, length: number): string | undefined {
    const key = keyOf(channel, stream)
    const expected = this.#offsets.get(key) ?? 0
    this.#set(key, offset + length)
    if (offset === expected) return undefined
    // Streams beyond the limit are not followed.
    if (!this.#offsets.has(key)) return undefined
    return `its stream goes on at byte ${offset}, but ${expected} bytes came before`
  }

  #set(key: number, offset: number): void {
    if (this.#offsets.size < followed_streams_max || this.#offsets.has(key))
      this.#offsets.set(key, offset)
  }
}

/** Streams are 0 to 2. */
const keyOf = (channel: number, stream: number): number => channel * 4 + stream
