/**
 * What the taps write to, and what they need of a masker: ports, so that a tap is tested without WASM or disk.
 *
 * @module
 */

import type { Masked, MaskedSpan, MaskStream } from '../../masking-wasm/host/engine.ts'
import { command_stream } from '../../storage/evidence/commitment.ts'
import type { RecordFacts, RecordSpan } from '../../storage/evidence/record.ts'
import type { MaskedCommand } from '../core/approval.ts'

export interface TapSink {
  /** Appends a record of this session; returns its stored bytes, whose end is the payload. */
  record(facts: RecordFacts, payload?: Uint8Array): Uint8Array
  /** The same of what may be one record with others that become durable together. Keeps the payload until then. */
  gather(facts: RecordFacts, payload?: Uint8Array): void
  /** Releases masked bytes to the client once what was recorded so far is durable. Takes ownership. */
  release(stream: 1 | 2, bytes: Uint8Array, raw_length: number): void
  /** Hiding commitment to raw bytes at an offset of a stream, as hex. */
  commit(channel: number, stream: number, raw_offset: number, raw: Uint8Array): string
  /** ... to bytes that the next record hides: kept sealed besides, where raw streams are. They are borrowed. */
  hide(channel: number, stream: number, raw_offset: number, raw: Uint8Array): string
  /** Calls back once, unless cancelled. */
  after(delay_ms: number, run: () => void): () => void
}

/** Opens a masker for one stream; `scratch` masks a whole text at once. */
export interface MaskerSource {
  /** `reading`: a terminal's bytes, which is usual where masks keep the `width`, or a program's. */
  open(unit: 'width' | 'length', reading?: 'terminal' | 'bytes'): MaskStream
}

/**
 * Spans as a record carries them. `at_base` is where the masked bytes begin in the payload,
 * `raw_base` is added to raw offsets that are relative to a text of its own.
 */
export function recordSpans(
  sink: TapSink,
  channel: number,
  stream: number,
  spans: readonly MaskedSpan[],
  at_base = 0,
  raw_base = 0,
): RecordSpan[] {
  return spans.map((span) => ({
    at: at_base + span.offset,
    n: span.length,
    offset: raw_base + span.raw_offset,
    length: span.raw_length,
    rule: span.rule,
    commitment: sink.hide(channel, stream, raw_base + span.raw_offset, span.raw),
  }))
}

/** Masked bytes and the record's spans, gathered over several results of a masker, which are borrowed. */
export class Gathered {
  readonly #parts: Uint8Array[] = []
  readonly spans: RecordSpan[] = []
  raw_offset = -1
  raw_length = 0
  length = 0

  add(sink: TapSink, channel: number, stream: number, masked: Masked, raw_base = 0): void {
    if (masked.spans.length > 0)
      this.spans.push(...recordSpans(sink, channel, stream, masked.spans, this.length, raw_base))
    this.show(masked, raw_base)
  }

  /** Bytes alone, where another record tells of the spans. */
  show(masked: Masked, raw_base = 0): void {
    if (this.raw_offset < 0) this.raw_offset = raw_base + masked.raw_offset
    this.raw_length += masked.raw_length
    if (masked.bytes.length > 0) this.#parts.push(new Uint8Array(masked.bytes))
    this.length += masked.bytes.length
  }

  get bytes(): Uint8Array {
    if (this.#parts.length === 1 && this.#parts[0] !== undefined) return this.#parts[0]
    const all = new Uint8Array(this.length)
    let at = 0
    for (const part of this.#parts) {
      all.set(part, at)
      at += part.length
    }
    return all
  }
}

/** A short text beside the streams, such as a name or a reason: masked, without a commitment. */
export function maskPlain(maskers: MaskerSource, text: string): string {
  const masker = maskers.open('length')
  try {
    const decoder = new TextDecoder()
    // One after the other: a result is borrowed until the next call.
    const begun = decoder.decode(masker.push(new TextEncoder().encode(text)).bytes, {
      stream: true,
    })
    return begun + decoder.decode(masker.flush('end').bytes)
  } finally {
    masker.close()
  }
}

/** Masks a whole text at once. `final` says whether it is complete (`end`) or was cut (`idle`). */
export function maskText(
  sink: TapSink,
  maskers: MaskerSource,
  unit: 'width' | 'length',
  channel: number,
  stream: number,
  text: Uint8Array,
  raw_base: number,
  final: 'end' | 'idle',
): Gathered {
  const gathered = new Gathered()
  const masker = maskers.open(unit)
  try {
    gathered.add(sink, channel, stream, masker.push(text), raw_base)
    gathered.add(sink, channel, stream, masker.flush(final), raw_base)
  } finally {
    masker.close()
  }
  return gathered
}

/** Masks a command line; `shown` is the same as a text, with the rules that masked a part of it. */
export function maskCommand(
  sink: TapSink,
  maskers: MaskerSource,
  channel: number,
  command: Uint8Array,
  /** Where it stands in the command stream. */
  offset = 0,
): Pick<Gathered, 'bytes' | 'spans'> & { readonly shown: MaskedCommand } {
  const { bytes, spans } = maskText(
    sink,
    maskers,
    'length',
    channel,
    command_stream,
    command,
    offset,
    'end',
  )
  const rules = [...new Set(spans.map(({ rule }) => rule))]
  return { bytes, spans, shown: { ...asText(bytes, spans), rules } }
}

/** A text as people may see it, of which no record tells. */
export function shownText(maskers: MaskerSource, text: Uint8Array): MaskedCommand {
  return maskCommand(no_sink, maskers, 0, text).shown
}

const no_sink: TapSink = {
  record: () => new Uint8Array(),
  gather() {},
  release() {},
  commit: () => '',
  hide: () => '',
  after: () => () => {},
}

/** Spans in bytes of UTF-8 become spans in a text, in one pass. */
function asText(
  bytes: Uint8Array,
  spans: readonly RecordSpan[],
): Required<Pick<MaskedCommand, 'text' | 'spans'>> {
  const decoder = new TextDecoder()
  let text = ''
  let done = 0
  const textTo = (end: number): number => {
    text += decoder.decode(bytes.subarray(done, end), { stream: true })
    done = end
    return text.length
  }
  const shown = spans.map(({ at, n, rule }) => {
    const begin = textTo(at)
    return { at: begin, length: textTo(at + n) - begin, rule }
  })
  textTo(bytes.length)
  return { text: text + decoder.decode(), spans: shown }
}

/** Between two keys a shell wraps its line, or paints it anew; more is a program's. */
const passed_bytes_max = 1024

/**
 * Masks the pieces of one line on a terminal, which was cut because it took too long: a secret over a cut is still recognised
 * behind it. Each piece comes out whole.
 */
export class LineMask {
  readonly #maskers: MaskerSource
  readonly #unit: 'width' | 'length'
  #masker: MaskStream | undefined
  /** Of the pieces before. */
  #bytes = 0

  constructor(maskers: MaskerSource, unit: 'width' | 'length') {
    this.#maskers = maskers
    this.#unit = unit
  }

  /** `offset` is the piece's own in its stream; `final` is `idle` when the line goes on. */
  mask(
    sink: TapSink,
    channel: number,
    stream: number,
    piece: Uint8Array,
    offset: number,
    final: 'end' | 'idle',
  ): Gathered {
    const gathered = new Gathered()
    this.#masker ??= this.#maskers.open(this.#unit, 'terminal')
    const raw_base = offset - this.#bytes
    gathered.add(sink, channel, stream, this.#masker.push(piece), raw_base)
    gathered.add(sink, channel, stream, this.#masker.flush(final), raw_base)
    this.#bytes += piece.length
    if (final === 'end') this.close()
    return gathered
  }

  /** What came between the pieces and is recorded elsewhere: the line goes on behind it, unless it ends in it. */
  pass(between: Uint8Array): void {
    if (this.#masker === undefined) return
    if (between.length > passed_bytes_max || between.includes(0x0a)) {
      this.close()
      return
    }
    this.#masker.push(between)
    this.#masker.flush('idle')
    this.#bytes += between.length
  }

  close(): void {
    this.#masker?.close()
    this.#masker = undefined
    this.#bytes = 0
  }
}
