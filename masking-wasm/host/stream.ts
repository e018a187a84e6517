/**
 * A byte stream that the module masks.
 *
 * @module
 */
import { fail, type Memory, span_words } from './module.ts'

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

/** Whose bytes: `terminal`, where all controls count, or `bytes`, where only whole escape sequences do. */
export type Reading = 'terminal' | 'bytes'

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
const columns_max = 65_535

export class Stream implements MaskStream {
  readonly #memory: Memory
  readonly #names: readonly string[]
  readonly #unit: number
  readonly #reading: number
  /** In the module; 0 before the first bytes, as most streams of most channels never have any, and once closed. */
  #address = 0
  #columns = 0
  #isClosed = false
  #held = 0
  /** Raw bytes settled so far. */
  #offset = 0

  constructor(memory: Memory, names: readonly string[], unit: MaskUnit, reading: Reading) {
    this.#memory = memory
    this.#names = names
    this.#unit = unit === 'width' ? 1 : 0
    this.#reading = reading === 'terminal' ? 1 : 0
  }

  get held(): number {
    return this.#held
  }

  resize(columns: number): void {
    const known = columns >= 1 && columns <= columns_max ? Math.floor(columns) : 0
    this.#columns = known
    if (this.#address !== 0) this.#memory.exports.resize(this.#address, known)
  }

  push(bytes: Uint8Array): Masked {
    if (this.#address === 0) this.#open()
    const memory = this.#memory
    const fits = bytes.length <= memory.input_bytes
    const first = this.#window(fits ? bytes : bytes.subarray(0, memory.input_bytes))
    // On the way of most small chunks this is all: no result to be read, no view to be made.
    if (fits && first.bytes === bytes) return first
    const read = memory.result(5)
    return read === bytes.length ? first : this.#rest(bytes, first, read)
  }

  flush(event: FlushEvent): Masked {
    if (this.#isClosed) throw new Error('flush on a closed stream')
    if (this.#address === 0) return { bytes: empty, raw_offset: 0, raw_length: 0, spans: no_spans }
    if (this.#memory.exports.flush(this.#address, events[event]) === 0)
      fail('masking_memory', 'no memory for what a stream holds')
    return this.#take(undefined)
  }

  close(): void {
    if (this.#address !== 0) this.#memory.exports.close(this.#address)
    this.#address = 0
    this.#isClosed = true
    this.#held = 0
  }

  #open(): void {
    if (this.#isClosed) throw new Error('push on a closed stream')
    const { exports } = this.#memory
    this.#address = exports.open(this.#unit, this.#reading)
    if (this.#address === 0) fail('masking_memory', 'no memory for another stream')
    if (this.#columns !== 0) exports.resize(this.#address, this.#columns)
  }

  /** Gives the module what it takes at once; it reads less when it finds very much. */
  #window(part: Uint8Array): Masked {
    const memory = this.#memory
    memory.bytes().set(part, memory.input)
    const outcome = memory.exports.push(this.#address, part.length)
    if (outcome === 0) fail('masking_memory', 'no memory for what a stream holds')
    if (outcome !== as_given) return this.#take(this.#held === 0 ? part : undefined)
    const raw_offset = this.#offset
    this.#offset += part.length
    return { bytes: part, raw_offset, raw_length: part.length, spans: no_spans }
  }

  /** What was not read yet, in as many windows as it takes. */
  #rest(bytes: Uint8Array, first: Masked, read: number): Masked {
    const { joined, input_bytes } = this.#memory
    joined.begin(bytes, first.raw_offset)
    joined.add(first, read)
    for (let at = read; at < bytes.length; ) {
      const masked = this.#window(bytes.subarray(at, at + input_bytes))
      const taken = this.#memory.result(5)
      joined.add(masked, taken)
      at += taken
    }
    return joined.end()
  }

  /** Reads a call's result. `given`: the bytes of the call, when nothing was held before it. */
  #take(given: Uint8Array | undefined): Masked {
    const memory = this.#memory
    const words = memory.words()
    const result = memory.result_at
    const raw_offset = this.#offset
    const raw_length = words[result + 2] ?? 0
    const count = words[result + 3] ?? 0
    this.#offset += raw_length
    this.#held = words[result + 4] ?? 0
    if (count === 0) {
      const bytes =
        raw_length === 0
          ? empty
          : given?.length === raw_length
            ? given
            : memory.view(words[result] ?? 0, raw_length)
      return { bytes, raw_offset, raw_length, spans: no_spans }
    }
    const origin: Origin = { memory, address: (words[result + 6] ?? 0) - raw_offset }
    const spans = new Array<MaskedSpan>(count)
    const names = this.#names
    for (let index = 0, at = memory.spans; index < count; index++, at += span_words)
      spans[index] = new FoundSpan(
        origin,
        names[words[at + 4] ?? 0] ?? '',
        words[at] ?? 0,
        words[at + 1] ?? 0,
        raw_offset + (words[at + 2] ?? 0),
        words[at + 3] ?? 0,
      )
    const bytes = memory.view(words[result] ?? 0, words[result + 1] ?? 0)
    return { bytes, raw_offset, raw_length, spans }
  }
}

/** Where the raw bytes of a call's spans stand: at this address and their offset in the stream. */
interface Origin {
  readonly memory: Memory
  readonly address: number
}

/** Makes the view of the raw bytes when it is asked for: a view costs more than all else of a span. Small, as there may be thousands. */
class FoundSpan implements MaskedSpan {
  readonly offset: number
  readonly length: number
  readonly raw_offset: number
  readonly raw_length: number
  readonly rule: string
  readonly #origin: Origin

  constructor(
    origin: Origin,
    rule: string,
    offset: number,
    length: number,
    raw_offset: number,
    raw_length: number,
  ) {
    this.offset = offset
    this.length = length
    this.raw_offset = raw_offset
    this.raw_length = raw_length
    this.rule = rule
    this.#origin = origin
  }

  get raw(): Uint8Array {
    const { memory, address } = this.#origin
    return memory.view(address + this.raw_offset, this.raw_length)
  }
}
