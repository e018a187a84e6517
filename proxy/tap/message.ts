/**
 * One direction of a channel whose messages a codec found: of each message only its text is masked, each text
 * for itself and to its own length, so that everything around it stays true. Nothing is held back. A message that is
 * larger than a record may be is several. Of rows that are left out of the record there is a running digest, as they are shown.
 *
 * @module
 */
import { createHash, type Hash } from 'node:crypto'
import type { MaskStream } from '../../masking-wasm/host/engine.ts'
import type { LeftOutRows, RecordSpan } from '../../storage/evidence/record.ts'
import type { Field } from '../core/connector.ts'
import { exchanged_bytes_max, message_record_bytes_max } from '../core/limits.ts'
import type { LeftOut } from '../core/statement.ts'
import type { MaskerSource, TapSink } from './sink.ts'

const star = 0x2a
const newline = 0x0a
/** As long as the masker's own masks. */
const cover_bytes_max = 4096

/** What the masker takes at once: of more it makes copies. */
const window_bytes: number = 64 * 1024

/** Masks all that stands there. */
type Cover = (start: number, end: number, rule: string) => void

export class MessageTap {
  readonly #channel: number
  readonly #stream: 0 | 1
  readonly #sink: TapSink
  readonly #masker: MaskStream
  readonly #digest = createHash('sha256')
  #offset = 0
  /** What was left out of the result that comes. */
  #rows: { readonly digest: Hash; rows: number; length: number } | undefined
  /** The masker's own count: of text alone. */
  #masked_bytes = 0

  constructor(channel: number, stream: 0 | 1, maskers: MaskerSource, sink: TapSink) {
    this.#channel = channel
    this.#stream = stream
    this.#sink = sink
    this.#masker = maskers.open('length')
  }

  /** Whole messages. They are masked where they lie; what comes from the target is released. */
  push(bytes: Uint8Array, fields: readonly Field[], left_out?: LeftOut): void {
    this.#digest.update(bytes)
    const offset = this.#offset
    const length = bytes.length
    this.#offset += length
    const spans: RecordSpan[] = []
    const texts: Field[] = []
    // What no record shows, none hides either: its masks are counted.
    const masks = left_out === undefined ? undefined : new Map<string, number>()
    const cover: Cover = (start, end, rule) => {
      if (masks === undefined) this.#cover(bytes.subarray(start, end), rule, start, offset, spans)
      else {
        bytes.fill(star, start, end)
        masks.set(rule, (masks.get(rule) ?? 0) + 1)
      }
    }
    for (const field of fields) {
      const { start, end, rule } = field
      if (end <= start) continue
      if (rule === undefined) texts.push(field)
      else cover(start, end, rule)
    }
    const covered = spans.length
    if (texts.length > 0) this.#mask(bytes, texts, cover)
    if (left_out !== undefined && masks !== undefined) {
      this.#leaveOut(bytes, offset, left_out, Object.fromEntries(masks))
      return
    }
    if (covered > 0 && spans.length > covered) spans.sort((one, other) => one.at - other.at)
    if (length <= message_record_bytes_max) this.#record(bytes, offset, spans)
    else this.#recordParts(bytes, offset, spans)
  }

  /** A result is over: what was left out of it, if anything was. */
  endRows(): LeftOutRows | undefined {
    const rows = this.#rows
    this.#rows = undefined
    if (rows === undefined) return undefined
    return { rows: rows.rows, length: rows.length, digest: rows.digest.digest('hex') }
  }

  /** SHA-256 of all messages before they were masked, as hex, and closes the tap. Only ever stored sealed. */
  close(): string {
    this.#masker.close()
    return this.#digest.digest('hex')
  }

  /** What is shown is fixed by the digest before it is: there is as much of that as of rows. */
  #leaveOut(
    bytes: Uint8Array,
    offset: number,
    { statement, run, rows }: LeftOut,
    masks: Readonly<Record<string, number>>,
  ): void {
    const { length } = bytes
    this.#rows ??= { digest: createHash('sha256'), rows: 0, length: 0 }
    this.#rows.digest.update(bytes)
    this.#rows.rows += rows
    this.#rows.length += length
    const digest = this.#rows.digest.copy().digest('hex')
    const range = { stream: 1, channel: this.#channel, offset, length } as const
    this.#sink.record({ kind: 'left_out', ...range, statement, run, rows, digest, masks })
    // In memory of its own, which travels.
    this.#sink.release(1, new Uint8Array(bytes), length)
  }

  #record(bytes: Uint8Array, offset: number, spans: readonly RecordSpan[]): void {
    const channel = this.#channel
    const { length } = bytes
    if (this.#stream === 0) {
      this.#sink.gather({ kind: 'stdin', channel, offset, length, spans, held: 0 }, bytes)
      return
    }
    const facts = { kind: 'output', stream: 1, channel, offset, length, spans } as const
    // What is shown is the very memory that is recorded: they cannot differ.
    if (length <= exchanged_bytes_max) {
      const own = new Uint8Array(bytes)
      this.#sink.gather(facts, own)
      this.#sink.release(1, own, length)
      return
    }
    const stored = this.#sink.record(facts, bytes)
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
      const commitment = this.#sink.hide(this.#channel, this.#stream, raw_offset, part)
      spans.push({ at: at + from, n, offset: raw_offset, length: n, rule, commitment })
      part.fill(star)
    }
  }

  /**
   * All texts in one go, a newline between each and the next: what is found in one of them alone is found, and what
   * reaches over their border is masked on both sides of it.
   */
  #mask(bytes: Uint8Array, texts: readonly Field[], cover: Cover): void {
    let length = texts.length - 1
    for (const { start, end } of texts) length += end - start
    const [first] = texts
    const joined =
      first !== undefined && texts.length === 1
        ? bytes.subarray(first.start, first.end)
        : joinTexts(bytes, texts, length)
    const base = this.#masked_bytes
    this.#masked_bytes += length
    /** The text that is looked at, and where it stands in the joined ones. */
    let index = 0
    let text_at = 0
    // One after the other: a result is borrowed until the next call. What is masked in it lies before what is pushed next.
    for (let next = 0, is_over = false; !is_over; next += window_bytes) {
      is_over = next >= length
      const masked = is_over
        ? this.#masker.flush('end')
        : this.#masker.push(
            length <= window_bytes ? joined : joined.subarray(next, next + window_bytes),
          )
      for (const { raw_offset, raw_length, rule } of masked.spans) {
        const from = raw_offset - base
        const until = from + raw_length
        for (let text = texts[index]; text !== undefined && text_at < until; text = texts[index]) {
          const text_end = text_at + text.end - text.start
          const part_from = Math.max(from, text_at)
          const part_until = Math.min(until, text_end)
          if (part_from < part_until) {
            const at = text.start + part_from - text_at
            cover(at, at + part_until - part_from, rule)
          }
          if (until < text_end) break
          text_at = text_end + 1
          index += 1
        }
      }
    }
  }
}

/** What is joined is masked at once, and looked at by nobody later. */
let scratch = new Uint8Array()
/** A record and its texts; for larger ones memory is not kept. */
const scratch_bytes_max: number = 2 * message_record_bytes_max

/** By moves inside of one piece of memory: a view of each text would cost more than most texts do. */
function joinTexts(bytes: Uint8Array, texts: readonly Field[], length: number): Uint8Array {
  const wanted = length + bytes.length
  const memory = scratch.length < wanted ? new Uint8Array(wanted) : scratch
  if (wanted <= scratch_bytes_max) scratch = memory
  memory.set(bytes, length)
  let to = 0
  for (const { start, end } of texts) {
    if (to > 0) memory[to++] = newline
    memory.copyWithin(to, length + start, length + end)
    to += end - start
  }
  return memory.subarray(0, length)
}
