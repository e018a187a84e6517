/**
 * What the records of a session show of each raw stream, put beside what they commit to. Where nothing was
 * masked the recorded bytes are the raw ones, so that the sealed digest of the stream can be computed again;
 * where somebody brings the raw bytes, each mask can be checked as well.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { equalBytes } from '../evidence/bytes.ts'
import { command_stream, spanNonce, verifySpan } from '../evidence/commitment.ts'
import type { RecordHeader, RecordSpan } from '../evidence/record.ts'
import { followed_streams_max, waiting_echoes_max } from './limits.ts'

/** Raw bytes that somebody says a stream had. */
export interface ClaimedStream {
  readonly length: number
  /** Bytes `[offset, offset + length)`; fewer at the end. */
  read(offset: number, length: number): Uint8Array
  /** Of all of it, or from an offset on, hex. */
  sha256(from?: number): string
}

/** 3 is the command of the channel. */
export type ClaimedStreams = (channel: number, stream: number) => ClaimedStream | undefined

export interface StreamParts {
  readonly session: string
  /** Of the envelope. */
  readonly salt: Uint8Array
  readonly claimed: ClaimedStreams
  /** What a record says is not what its stream was. */
  readonly fail: (seq: number, message: string) => void
}

/** What the records say of a stream's digest: its value, or why they cannot say. */
export type RecordedDigest =
  | { readonly kind: 'whole'; readonly sha256: string }
  | { readonly kind: 'masked' | 'partial' }

/** A place in a raw stream whose bytes a record shows, or hides. */
interface Range {
  readonly offset: number
  readonly length: number
  readonly spans: readonly RecordSpan[]
}

interface Echo {
  readonly seq: number
  readonly offset: number
  readonly length: number
  readonly commitment: string
}

interface Followed {
  readonly digest: ReturnType<typeof createHash>
  /** Raw bytes so far. */
  offset: number
  state: 'whole' | 'masked' | 'partial'
  echoes: Echo[]
}

export class RecordedStreams {
  readonly #parts: StreamParts
  readonly #streams = new Map<string, Followed>()
  /** Channels of which the records cannot show everything. */
  readonly #terminals = new Set<number>()
  readonly #stopped = new Set<number>()
  /** Commitments seen, and those whose bytes are known and were found to be the committed ones. */
  committed = 0
  checked = 0

  constructor(parts: StreamParts) {
    this.#parts = parts
  }

  /** Takes the next record of the session. */
  push(header: RecordHeader, payload: Uint8Array): void {
    switch (header.kind) {
      case 'channel':
        if (header.pty !== undefined) this.#terminals.add(header.channel)
        return
      case 'failed':
        // What was held back then is in the digest, and in no record.
        if (header.code === 'transfer_stopped') this.#stopped.add(header.channel)
        return
      case 'command':
        this.#compare(
          header,
          command_stream,
          header.confidence === 'exact' ? wholeOf(header.spans, payload) : header,
          payload,
        )
        return
      case 'output':
        this.#show(header, header.stream, header, payload)
        return
      case 'left_out': {
        const followed = this.#follow(header.channel, header.stream)
        if (followed === undefined) return
        followed.offset = header.offset + header.length
        followed.state = 'partial'
        return
      }
      case 'stdin':
        this.#show(header, 0, header, payload)
        return
      case 'input_text':
        // Its offsets count recorded lines alone, so no file of typed bytes has them.
        this.committed += header.spans.length
        return
      case 'echo':
        this.#echo(header)
        return
      case 'echo_text':
        this.#echoText(header, payload)
        return
      default:
    }
  }

  /** What the records say of the digest of a stream that is over. */
  digest(channel: number, stream: number): RecordedDigest {
    // A line that was not echoed is in the digest, and in no record.
    if (stream === 0 && this.#terminals.has(channel)) return { kind: 'partial' }
    const followed = this.#streams.get(keyOf(channel, stream))
    if (this.#stopped.has(channel)) return { kind: 'partial' }
    if (followed === undefined)
      return this.#streams.size < followed_streams_max
        ? { kind: 'whole', sha256: createHash('sha256').digest('hex') }
        : { kind: 'partial' }
    if (followed.echoes.length > 0) return { kind: 'partial' }
    if (followed.state !== 'whole') return { kind: followed.state }
    return { kind: 'whole', sha256: followed.digest.copy().digest('hex') }
  }

  /** A session may have channels without end, one after the other. */
  forget(channel: number): void {
    for (const stream of [0, 1, 2, command_stream]) this.#streams.delete(keyOf(channel, stream))
    this.#terminals.delete(channel)
    this.#stopped.delete(channel)
  }

  #show(header: RecordHeader, stream: number, range: Range, payload: Uint8Array): void {
    this.#compare(header, stream, range, payload)
    const followed = this.#follow(header.channel, stream)
    if (followed === undefined) return
    // Text that never followed its echo: a crash came between the two.
    if (range.offset !== followed.offset || followed.echoes.length > 0) followed.state = 'partial'
    this.#advance(followed, range, payload)
  }

  #advance(followed: Followed, range: Range, payload: Uint8Array): void {
    followed.offset = range.offset + range.length
    if (followed.state !== 'whole') return
    if (range.spans.length > 0) followed.state = 'masked'
    else if (payload.length === range.length) followed.digest.update(payload)
    // Input that is held back follows in the next record.
    else followed.state = 'partial'
  }

  #echo(header: Extract<RecordHeader, { kind: 'echo' }>): void {
    this.committed++
    const { channel, stream, seq, offset, length, commitment } = header
    const followed = this.#follow(channel, stream)
    if (followed === undefined) return
    if (followed.echoes.length < waiting_echoes_max)
      followed.echoes.push({ seq, offset, length, commitment })
    else followed.state = 'partial'
  }

  /** An echo commits to what its text shows, where nothing of that was masked. */
  #echoText(header: Extract<RecordHeader, { kind: 'echo_text' }>, payload: Uint8Array): void {
    this.#compare(header, header.stream, header, payload)
    const followed = this.#follow(header.channel, header.stream)
    if (followed === undefined) return
    const { echoes } = followed
    followed.echoes = []
    for (const { seq, offset, length, commitment } of echoes) {
      const bytes = [
        shownBytes(header, payload, offset, length),
        this.#claim(header.channel, header.stream, offset, length),
      ].filter((raw) => raw !== undefined)
      const opened = bytes.every((raw) =>
        this.#opens(header, header.stream, { offset, commitment }, raw),
      )
      if (!opened) this.#parts.fail(seq, `does not commit to what was echoed at byte ${offset}`)
      else if (bytes.length > 0) this.checked++
    }
    if (header.offset !== followed.offset) followed.state = 'partial'
    this.#advance(followed, header, payload)
  }

  /** Puts a record beside the bytes that somebody says the stream had. */
  #compare(header: RecordHeader, stream: number, range: Range, payload: Uint8Array): void {
    const { channel, seq } = header
    this.committed += range.spans.length
    if (this.#parts.claimed(channel, stream) === undefined) return
    for (const { at, n, offset } of shownRanges(range, payload)) {
      const claimed = this.#claim(channel, stream, offset, n)
      if (claimed === undefined || !equalBytes(claimed, payload.subarray(at, at + n)))
        this.#parts.fail(
          seq,
          `shows other bytes at ${offset} of the stream than the file has there`,
        )
    }
    for (const span of range.spans) {
      const { offset, length } = span
      const claimed = this.#claim(channel, stream, offset, length)
      if (claimed === undefined)
        this.#parts.fail(seq, `hides bytes at ${offset} of the stream, where the file has ended`)
      else if (this.#opens(header, stream, span, claimed)) this.checked++
      else
        this.#parts.fail(
          seq,
          `hides other bytes at ${offset} of the stream than the file has there`,
        )
    }
  }

  #opens(
    { channel }: RecordHeader,
    stream: number,
    { offset, commitment }: { readonly offset: number; readonly commitment: string },
    raw: Uint8Array,
  ): boolean {
    const { salt, session } = this.#parts
    return verifySpan(commitment, spanNonce(salt, session, channel, stream, offset), raw)
  }

  #claim(channel: number, stream: number, offset: number, length: number): Uint8Array | undefined {
    const bytes = this.#parts.claimed(channel, stream)?.read(offset, length)
    return bytes?.length === length ? bytes : undefined
  }

  #follow(channel: number, stream: number): Followed | undefined {
    const key = keyOf(channel, stream)
    const known = this.#streams.get(key)
    if (known !== undefined || this.#streams.size >= followed_streams_max) return known
    const followed: Followed = {
      digest: createHash('sha256'),
      offset: 0,
      state: 'whole',
      echoes: [],
    }
    this.#streams.set(key, followed)
    return followed
  }
}

const keyOf = (channel: number, stream: number): string => `${channel}/${stream}`

/** A command is a stream of its own, whole in one record. */
function wholeOf(spans: readonly RecordSpan[], payload: Uint8Array): Range {
  const last = spans.at(-1)
  const length =
    last === undefined
      ? payload.length
      : last.offset + last.length + payload.length - (last.at + last.n)
  return { offset: 0, length, spans }
}

/** The parts of a payload that are raw bytes, and where in the stream they were. */
export function* shownRanges(
  { offset, spans }: Range,
  payload: Uint8Array,
): Generator<{ readonly at: number; readonly n: number; readonly offset: number }> {
  let at = 0
  let raw = offset
  for (const span of spans) {
    if (span.at > at) yield { at, n: span.at - at, offset: raw }
    at = span.at + span.n
    raw = span.offset + span.length
  }
  if (payload.length > at) yield { at, n: payload.length - at, offset: raw }
}

/** The payload's bytes for a range of the stream; undefined where a part of it is masked. */
function shownBytes(
  range: Range,
  payload: Uint8Array,
  offset: number,
  length: number,
): Uint8Array | undefined {
  for (const shown of shownRanges(range, payload))
    if (offset >= shown.offset && offset + length <= shown.offset + shown.n) {
      const at = shown.at + offset - shown.offset
      return payload.subarray(at, at + length)
    }
  return undefined
}
