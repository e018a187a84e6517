/**
 * One reading of a byte stream by the module, and what every stream of the engine gives.
 *
 * @module
 */
import type { Marks } from './marks.ts'
import { fail, type Memory } from './module.ts'

export interface MaskStream {
  /** Masks the next bytes of the stream. Borrows `bytes` for the call. */
  push(bytes: Uint8Array): Masked
  /**
   * `idle` and `echo` let everything out that is held, what looks like a secret masked but for its
   * allowance. `end`: nothing follows; afterwards the stream begins anew.
   */
  flush(event: FlushEvent): Masked
  /** From here on the terminal has so many columns: 1 to 65,535; else they are not known. */
  resize(columns: number): void
  /** Bytes held back now, at most 4096. */
  readonly held: number
  /** Forgets what is held. Idempotent. */
  close(): void
}

export type FlushEvent = 'idle' | 'echo' | 'end'

/** Borrowed until the next call on the same engine, the given bytes among it when nothing was found. */
export interface Masked {
  readonly bytes: Uint8Array
  /** The raw bytes that are settled by this, [raw_offset, raw_offset + raw_length) of the stream. */
  readonly raw_offset: number
  readonly raw_length: number
  readonly spans: readonly MaskedSpan[]
}

export interface MaskedSpan {
  /** In {@link Masked.bytes}. */
  readonly offset: number
  readonly length: number
  /** In the stream. */
  readonly raw_offset: number
  readonly raw_length: number
  readonly rule: string
  /** What was masked. Borrowed like the rest. */
  readonly raw: Uint8Array
}

/** `length`: a star for each byte. `width`: a star for each column of a terminal. */
export type MaskUnit = 'width' | 'length'

const events: Readonly<Record<FlushEvent, number>> = { idle: 0, echo: 1, end: 2 }
const empty = new Uint8Array(0)
const no_spans: readonly MaskedSpan[] = []
/** What the module's `push` returns when the bytes leave as they came. */
const as_given = 2
/** ... and `pushPlain` when it read nothing. */
const not_plain = 3

export class Stream {
  readonly #memory: Memory
  readonly #names: readonly string[]
  #address: number
  #held = 0
  /** Raw bytes settled so far. */
  #offset = 0
  /** Of {@link pushPlain}. */
  unread = 0

  constructor(memory: Memory, names: readonly string[], unit: MaskUnit, twin?: Stream) {
    this.#memory = memory
    this.#names = names
    const { exports } = memory
    this.#address =
      twin === undefined ? exports.open(unit === 'width' ? 1 : 0) : exports.clone(twin.#address)
    if (this.#address === 0) fail('masking_memory', 'no memory for another stream')
    if (twin === undefined) return
    this.#held = twin.#held
    this.#offset = twin.#offset
  }

  /** The bytes that are held. Borrowed. */
  get held_bytes(): Uint8Array {
    return this.#memory.view(this.#memory.exports.heldAt(this.#address), this.#held)
  }

  /** Raw bytes settled so far. */
  get settled(): number {
    return this.#offset
  }

  /** The byte before (256: none) when nothing else is known of the stream, else -1. */
  get quiet(): number {
    return this.#memory.exports.quiet(this.#address)
  }

  get held(): number {
    return this.#held
  }

  /** Masks the next bytes, which stand at the module's input already: at most one window. */
  pushLoaded(bytes: Uint8Array): Masked {
    if (this.#address === 0) throw new Error('push on a closed stream')
    const first = this.#run(bytes)
    if (first.bytes === bytes) return first
    const read = this.#memory.result(5)
    return read === bytes.length ? first : this.#rest(bytes, first, read)
  }

  /**
   * The same if all are plain text, else nothing. A space at a terminal's end is not read when a would-be match is held
   * before it: then {@link unread} is 1.
   */
  pushPlain(
    bytes: Uint8Array,
    of_terminal: boolean,
    columns: number,
    line_before: number,
  ): Masked | undefined {
    const memory = this.#memory
    const outcome = memory.exports.pushPlain(
      this.#address,
      bytes.length,
      of_terminal ? 1 : 0,
      columns,
      line_before,
    )
    this.unread = 0
    if (outcome === as_given) return this.#given(bytes)
    if (outcome === not_plain) return undefined
    if (outcome === 0) fail('masking_memory', 'no memory for what a stream holds')
    const masked = this.#take(this.#held === 0 ? bytes : undefined)
    const read = memory.result(5)
    if (read === bytes.length) return masked
    if (!of_terminal || read < bytes.length - 1) return this.#rest(bytes, masked, read)
    this.unread = 1
    return masked
  }

  /** The same with boundaries. */
  pushMarked(bytes: Uint8Array, marks: Marks): Masked {
    const memory = this.#memory
    memory.bytes().set(bytes, memory.input)
    if (marks.length > 0) memory.mark(marks.places, marks.length)
    return this.pushLoaded(bytes)
  }

  /** Masks what is held and lets it go, as a piece of its own. */
  cut(): Masked {
    if (this.#memory.exports.cut(this.#address) === 0)
      fail('masking_memory', 'no memory for what a stream holds')
    return this.#take(undefined)
  }

  push(bytes: Uint8Array): Masked {
    if (this.#address === 0) throw new Error('push on a closed stream')
    const memory = this.#memory
    const fits = bytes.length <= memory.input_bytes
    const first = this.#window(fits ? bytes : bytes.subarray(0, memory.input_bytes))
    // On the way of most small chunks this is all: no result to be read, no view to be made.
    if (fits && first.bytes === bytes) return first
    const read = memory.result(5)
    return read === bytes.length ? first : this.#rest(bytes, first, read)
  }

  flush(event: FlushEvent): Masked {
    if (this.#address === 0) throw new Error('flush on a closed stream')
    const { exports } = this.#memory
    if (exports.flush(this.#address, events[event]) === 0)
      fail('masking_memory', 'no memory for what a stream holds')
    return this.#take(undefined)
  }

  close(): void {
    if (this.#address !== 0) this.#memory.exports.close(this.#address)
    this.#address = 0
    this.#held = 0
  }

  /** Gives the module what it takes at once; it reads less when it finds very much. */
  #window(part: Uint8Array): Masked {
    const memory = this.#memory
    memory.bytes().set(part, memory.input)
    return this.#run(part)
  }

  #run(part: Uint8Array): Masked {
    const outcome = this.#memory.exports.push(this.#address, part.length)
    if (outcome === 0) fail('masking_memory', 'no memory for what a stream holds')
    return outcome === as_given
      ? this.#given(part)
      : this.#take(this.#held === 0 ? part : undefined)
  }

  #given(part: Uint8Array): Masked {
    const raw_offset = this.#offset
    this.#offset += part.length
    return { bytes: part, raw_offset, raw_length: part.length, spans: no_spans }
  }

  /** What was not read yet, in as many windows as it takes. */
  #rest(bytes: Uint8Array, masked: Masked, read: number): Masked {
    const parts = [owned(masked)]
    for (let at = read; at < bytes.length; at += this.#memory.result(5))
      parts.push(owned(this.#window(bytes.subarray(at, at + this.#memory.input_bytes))))
    return joined(parts)
  }

  /** Reads a call's result. `given`: the bytes of the call, when nothing was held before it. */
  #take(given: Uint8Array | undefined): Masked {
    const memory = this.#memory
    const raw_offset = this.#offset
    const raw_length = memory.result(2)
    const count = memory.result(3)
    this.#offset += raw_length
    this.#held = memory.result(4)
    if (count === 0) {
      const bytes =
        raw_length === 0
          ? empty
          : given === undefined
            ? memory.view(memory.result(0), memory.result(1))
            : given.length === raw_length
              ? given
              : memory.view(memory.input, raw_length)
      return { bytes, raw_offset, raw_length, spans: no_spans }
    }
    const raw_address = memory.result(6)
    const spans: MaskedSpan[] = []
    for (let index = 0; index < count; index++)
      spans.push(new FoundSpan(memory, this.#names, index, raw_offset, raw_address))
    return { bytes: memory.view(memory.result(0), memory.result(1)), raw_offset, raw_length, spans }
  }
}

/** Makes the view of the raw bytes when it is asked for: a view costs more than all else of a span. */
class FoundSpan implements MaskedSpan {
  readonly offset: number
  readonly length: number
  readonly raw_offset: number
  readonly raw_length: number
  readonly rule: string
  readonly #memory: Memory
  readonly #raw_at: number

  constructor(
    memory: Memory,
    names: readonly string[],
    index: number,
    raw_offset: number,
    raw_address: number,
  ) {
    const from = memory.span(index, 2)
    this.offset = memory.span(index, 0)
    this.length = memory.span(index, 1)
    this.raw_offset = raw_offset + from
    this.raw_length = memory.span(index, 3)
    this.rule = names[memory.span(index, 4)] ?? ''
    this.#memory = memory
    this.#raw_at = raw_address + from
  }

  get raw(): Uint8Array {
    return this.#memory.view(this.#raw_at, this.raw_length)
  }
}

/** A copy that outlives the next call. */
export function owned(masked: Masked): Masked {
  return {
    ...masked,
    bytes: masked.bytes.slice(),
    spans: masked.spans.map(({ offset, length, raw_offset, raw_length, rule, raw }) => ({
      ...{ offset, length, raw_offset, raw_length, rule },
      raw: raw.slice(),
    })),
  }
}

export function joined(parts: readonly Masked[]): Masked {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.bytes.length, 0))
  const spans: MaskedSpan[] = []
  let at = 0
  let raw_length = 0
  for (const part of parts) {
    bytes.set(part.bytes, at)
    for (const span of part.spans) spans.push({ ...span, offset: at + span.offset })
    at += part.bytes.length
    raw_length += part.raw_length
  }
  return { bytes, raw_offset: parts[0]?.raw_offset ?? 0, raw_length, spans }
}
