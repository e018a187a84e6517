/**
 * One direction of a channel whose messages a codec found: of each message only its text is masked, each text
 * for itself and to its own length, so that everything around it stays true. Nothing is held back.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { MaskStream } from '../../masking-wasm/host/engine.ts'
import type { RecordSpan } from '../../storage/evidence/record.ts'
import type { Field } from '../core/connector.ts'
import { type MaskerSource, recordSpans, type TapSink } from './sink.ts'

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
    for (const { start, end } of fields)
      if (end > start) this.#mask(bytes.subarray(start, end), start, offset, spans)
    const common = { channel: this.#channel, offset, length, spans }
    if (this.#stream === 0) {
      this.#sink.record({ kind: 'stdin', ...common, held: 0 }, bytes)
      return
    }
    const stored = this.#sink.record({ kind: 'output', stream: 1, ...common }, bytes)
    // The record's own copy is what is shown: released and recorded bytes cannot differ.
    this.#sink.release(1, stored.subarray(stored.length - length), length)
  }

  /** SHA-256 of all messages before they were masked, as hex, and closes the tap. Only ever stored sealed. */
  close(): string {
    this.#masker.close()
    return this.#digest.digest('hex')
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
