/**
 * The raw bytes of a stream again: what records show of it, and what they hide where that is kept sealed. Each byte is
 * written to its place as it comes; nothing is gathered.
 *
 * @module
 */

import { factsOf } from '../evidence/exchange.ts'
import { decodeHidden } from '../evidence/raw.ts'
import { decodeRecord, type RecordHeader, type RecordSpan } from '../evidence/record.ts'
import { openValue } from '../evidence/seal.ts'
import { shownRanges } from './streams.ts'

export interface RestoreParts {
  /** Of the envelope. */
  readonly sealing_key: Uint8Array
  /** The stored records, in order. */
  readonly records: AsyncIterable<Uint8Array>
  /** Writes bytes of a stream to their place; undefined for a stream that nobody wants. */
  readonly writer: (
    channel: number,
    stream: number,
  ) => ((offset: number, bytes: Uint8Array) => void) | undefined
}

export interface RestoredStream {
  readonly channel: number
  readonly stream: number
  /** Raw bytes that records speak of. */
  readonly length: number
  /** Of those, how many are neither shown nor kept. */
  readonly missing: number
}

interface Restoring {
  readonly channel: number
  readonly stream: number
  end: number
  written: number
  /** Records speak of the stream, and do not just hide a line that was typed. */
  is_recorded: boolean
}

/** What was typed into a terminal is on record in part only, and cannot be made again. */
export async function restore(parts: RestoreParts): Promise<readonly RestoredStream[]> {
  const found = new Map<string, Restoring>()
  const of = (channel: number, stream: number): Restoring => {
    const key = `${channel}/${stream}`
    const one = found.get(key) ?? { channel, stream, end: 0, written: 0, is_recorded: false }
    found.set(key, one)
    return one
  }
  const write = (channel: number, stream: number, offset: number, bytes: Uint8Array): void => {
    const to = parts.writer(channel, stream)
    if (to === undefined) return
    of(channel, stream).written += bytes.length
    to(offset, bytes)
  }
  for await (const stored of parts.records) {
    const decoded = decodeRecord(stored)
    // What is damaged is told by the verification that follows: its bytes are missing.
    if (!decoded.ok) continue
    for (const { header, payload } of factsOf(decoded)) {
      if (header.kind === 'sealed' && header.what === 'raw') {
        const value = openValue(parts.sealing_key, header.seq, payload)
        for (const { stream, offset, bytes } of (value && decodeHidden(value)) ?? [])
          write(header.channel, stream, offset, bytes)
      }
      const range = rangeOf(header)
      if (range === undefined) continue
      const one = of(header.channel, range.stream)
      one.end = range.offset + range.length
      one.is_recorded = true
      for (const { at, n, offset } of shownRanges(range, payload))
        write(header.channel, range.stream, offset, payload.subarray(at, at + n))
    }
  }
  return [...found.values()]
    .filter(({ is_recorded }) => is_recorded)
    .map(({ channel, stream, end: length, written }) => ({
      ...{ channel, stream, length },
      missing: length - written,
    }))
}

interface Shown {
  readonly stream: number
  readonly offset: number
  readonly length: number
  readonly spans: readonly RecordSpan[]
}

function rangeOf(header: RecordHeader): Shown | undefined {
  switch (header.kind) {
    case 'output':
    case 'echo_text':
      return header
    case 'left_out':
      return { ...header, spans: [] }
    case 'stdin':
      return { ...header, stream: 0 }
    default:
      return undefined
  }
}
