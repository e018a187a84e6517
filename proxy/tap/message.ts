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
import type { MaskerSource, TapSink } from './sink.ts'

const star = 0x2a
const newline = 0x0a
const copied_bytes_max = 4 * 1024
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
    const texts: Field[] = []
    for (const field of fields) {
      const { start, end, rule } = field
      if (end <= start) continue
      if (rule === undefined) texts.push(field)
      else this.#cover(bytes.subarray(start, end), rule, start, offset, spans)
    }
    const covered = spans.length
    if (texts.length > 0) this.#mask(bytes, texts, offset, spans)
    if (covered > 0 && spans.length > covered) spans.sort((one, other) => one.at - other.at)
    if (length <= message_record_bytes_max) this.#record(bytes, offset, spans)
    else this.#recordParts(bytes, offset, spans)
  }

  /** SHA-256 of all messages before they were masked, as hex, and closes the tap. Only ever stored sealed. */
  close(): string {
    this.#masker.close()
    return this.#digest.digest('hex')
  }

  #record(bytes: Uint8Array, offset: number, spans: readonly RecordSpan[]): void {
    const channel = this.#channel
    const { length } = bytes
    if (this.#stream === 0) {
      this.#sink.record({ kind: 'stdin', channel, offset, length, spans, held: 0 }, bytes)
      return
    }
    const facts = { kind: 'output', stream: 1, channel, offset, length, spans } as const
    const stored = this.#sink.record(facts, bytes)
    // Of the record's own: released and recorded bytes cannot differ. A view of few bytes costs more than they do.
    const from = stored.length - length
    const shown = length <= copied_bytes_max ? stored.slice(from) : stored.subarray(from)
    this.#sink.release(1, shown, length)
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
      const commitment = this.#sink.hide(this.#channel, this.#stream, raw_offset, part)
      spans.push({ at: at + from, n, offset: raw_offset, length: n, rule, commitment })
      part.fill(star)
    }
  }

  /**
   * All texts in one go, a newline between each and the next: what is found in one of them alone is found, and what
   * reaches over their border is masked on both sides of it.
   */
  #mask(bytes: Uint8Array, texts: readonly Field[], offset: number, spans: RecordSpan[]): void {
    let length = texts.length - 1
    for (const { start, end } of texts) length += end - start
    const joined = new Uint8Array(length)
    let to = 0
    for (const { start, end } of texts) {
      if (to > 0) joined[to++] = newline
      joined.set(bytes.subarray(start, end), to)
      to += end - start
    }
    const base = this.#masked_bytes
    this.#masked_bytes += length
    /** The text that is looked at, and where it stands in the joined ones. */
    let index = 0
    let text_at = 0
    // One after the other: a result is borrowed until the next call.
    for (const step of ['push', 'end'] as const) {
      const masked = step === 'push' ? this.#masker.push(joined) : this.#masker.flush('end')
      for (const { raw_offset, raw_length, rule } of masked.spans) {
        const from = raw_offset - base
        const until = from + raw_length
        for (let text = texts[index]; text !== undefined && text_at < until; text = texts[index]) {
          const text_end = text_at + text.end - text.start
          const part_from = Math.max(from, text_at)
          const part_until = Math.min(until, text_end)
          if (part_from < part_until) {
            const at = text.start + part_from - text_at
            const part = bytes.subarray(at, at + part_until - part_from)
            this.#cover(part, rule, at, offset, spans)
          }
          if (until < text_end) break
          text_at = text_end + 1
          index += 1
        }
      }
    }
  }
}
