/**
 * One direction of a channel whose messages a codec found: of each message only its text is masked, each text
 * for itself and to its own length, so that everything around it stays true. Nothing is held back. A message that is
 * larger than a record may be is several.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { MaskStream } from '../../masking-wasm/host/engine.ts'
import type { RecordSpan } from '../../storage/evidence/record.ts'
import type { Field } from '../core/connector.ts'
import { message_record_bytes_max } from '../core/limits.ts'
import { type MaskerSource, recordSpans, type TapSink } from './sink.ts'

const star = 0x2a
/** As long as the masker's own masks. */
const cover_bytes_max = 4096

export class MessageTap {
  readonly #channel: number
  readonly #stream: 0 | 1
  readonly #sink: TapSink
  readonly #masker: MaskStream
  readonly #digest = createHash('sha256')
  #offset = 0
  /** The masker's own count: of text alone. */
  #masked_bytes = 0

  constructor(channel: number, stream: 0 | 1, maskers: MaskerSource, sink: TapSink) {
    this.#channel = channel
    this.#stream = stream
    this.#sink = sink
    this.#masker = maskers.open('length')
  }

  /** Whole messages. They are masked where they lie; what comes from the target is released. */
  push(bytes: Uint8Array, fields: readonly Field[]): void {
    this.#digest.update(bytes)
    const offset = this.#offset
    const length = bytes.length
    this.#offset += length
    const spans: RecordSpan[] = []
    for (const { start, end, rule } of fields) {
      if (end <= start) continue
      if (rule !== undefined) this.#cover(bytes.subarray(start, end), rule, start, offset, spans)
      else this.#mask(bytes.subarray(start, end), start, offset, spans)
    }
    if (length <= message_record_bytes_max) this.#record(bytes, offset, spans)
    else this.#recordParts(bytes, offset, spans)
  }

  /** SHA-256 of all messages before they were masked, as hex, and closes the tap. Only ever stored sealed. */
  close(): string {
    this.#masker.close()
    return this.#digest.digest('hex')
  }

  #record(bytes: Uint8Array, offset: number, spans: readonly RecordSpan[]): void {
    const { length } = bytes
    const common = { channel: this.#channel, offset, length, spans }
    if (this.#stream === 0) {
      this.#sink.record({ kind: 'stdin', ...common, held: 0 }, bytes)
      return
    }
    const stored = this.#sink.record({ kind: 'output', stream: 1, ...common }, bytes)
    // The record's own copy is what is shown: released and recorded bytes cannot differ.
    this.#sink.release(1, stored.subarray(stored.length - length), length)
  }

  /** Cuts between masks, which are at most a few KiB long. */
  #recordParts(bytes: Uint8Array, offset: number, spans: readonly RecordSpan[]): void {
    let next = 0
    for (let from = 0; from < bytes.length; ) {
      let to = Math.min(from + message_record_bytes_max, bytes.length)
      const own: RecordSpan[] = []
      for (let span = spans[next]; span !== undefined && span.at < to; span = spans[++next]) {
        own.push({ ...span, at: span.at - from })
        to = Math.max(to, span.at + span.n)
      }
      this.#record(bytes.subarray(from, to), offset + from, own)
      from = to
    }
  }

  /** All of a text, in masks of a few KiB. */
  #cover(text: Uint8Array, rule: string, at: number, offset: number, spans: RecordSpan[]): void {
    for (let from = 0; from < text.length; from += cover_bytes_max) {
      const part = text.subarray(from, from + cover_bytes_max)
      const n = part.length
      const raw_offset = offset + at + from
      const commitment = this.#sink.commit(this.#channel, this.#stream, raw_offset, part)
      spans.push({ at: at + from, n, offset: raw_offset, length: n, rule, commitment })
      part.fill(star)
    }
  }

  #mask(text: Uint8Array, at: number, offset: number, spans: RecordSpan[]): void {
    const base = this.#masked_bytes
    const raw = text.slice()
    let done = 0
    // One after the other: a result is borrowed until the next call.
    for (const step of ['push', 'end'] as const) {
      const masked = step === 'push' ? this.#masker.push(raw) : this.#masker.flush('end')
      text.set(masked.bytes, done)
      // The masker counts text alone; a record counts the stream.
      // Its raw bytes are a getter, which a spread would leave behind.
      const moved = masked.spans.map((span) => ({
        ...span,
        raw: span.raw,
        raw_offset: span.raw_offset - base + offset + at,
      }))
      spans.push(...recordSpans(this.#sink, this.#channel, this.#stream, moved, at + done))
      done += masked.bytes.length
    }
    this.#masked_bytes += raw.length
  }
}
