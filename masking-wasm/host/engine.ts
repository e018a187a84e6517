/**
 * The masking core as the gateway sees it, and the only user of the module's memory.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Ruleset } from '../compile/compile.ts'
import { type Exports, fail, instantiate, MaskingError, Memory, moduleOnce } from './module.ts'

export { MaskingError }

/** One per thread; many streams. */
export interface MaskStream {
  /** Masks the next bytes of the stream. Borrows `bytes` for the call. */
  push(bytes: Uint8Array): Masked
  /**
   * `idle` and `echo` let everything out that is held, what looks like a secret masked but for its
   * allowance. `end`: nothing follows; afterwards the stream begins anew.
   */
  flush(event: FlushEvent): Masked
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

export interface HashStream {
  update(bytes: Uint8Array): void
  /** Once; owned. */
  digest(): Uint8Array
}

export class MaskingEngine {
  /** SHA-256 of the module, hex. */
  readonly module_hash: string
  readonly #memory: Memory
  readonly #names: readonly string[]

  private constructor(memory: Memory, module_hash: string, names: readonly string[]) {
    this.#memory = memory
    this.module_hash = module_hash
    this.#names = names
  }

  /** Synchronous, some milliseconds. Throws {@link MaskingError} when the module fails its self-test. */
  static load(ruleset: Ruleset): MaskingEngine {
    const { module, hash } = moduleOnce()
    return MaskingEngine.over(instantiate(module), hash, ruleset)
  }

  /** Over an instance that somebody else made of the module with that hash, such as the component's. */
  static over(exports: Exports, module_hash: string, ruleset: Ruleset): MaskingEngine {
    const engine = new MaskingEngine(
      new Memory(exports, ruleset.tables),
      module_hash,
      ruleset.names,
    )
    engine.#selfTest()
    return engine
  }

  /** One per byte stream and direction. Throws {@link MaskingError} when memory is used up. */
  open(unit: MaskUnit): MaskStream {
    return new Stream(this.#memory, this.#names, unit)
  }

  /** Owned, 32 bytes. */
  sha256(bytes: Uint8Array): Uint8Array {
    const hash = this.hash()
    hash.update(bytes)
    return hash.digest()
  }

  /**
   * Of four messages of one length, one behind the other, 64 KiB at most together: their digests, likewise. Owned, 128
   * bytes.
   */
  sha256Four(messages: Uint8Array): Uint8Array {
    const memory = this.#memory
    if (messages.length % 4 !== 0 || messages.length > memory.input_bytes)
      throw new Error('four messages of one length')
    memory.bytes().set(messages, memory.input)
    if (memory.exports.hashFour(messages.length / 4) === 0)
      fail('masking_module', 'the masking module does not take four messages')
    return memory.view(memory.input, 128).slice()
  }

  hash(): HashStream {
    return new Hash(this.#memory)
  }

  /** Masking without the filter, slowly: the tests compare. It holds for all streams of this engine. */
  useFilter(on: boolean): void {
    this.#memory.exports.useFilter(on ? 1 : 0)
  }

  /** Bytes of the module's memory now. */
  get memory_bytes(): number {
    return this.#memory.bytes().length
  }

  /**
   * Everything here is hashed natively, which is faster; a browser hashes with the module. So both must agree before a
   * byte passes, one message at a time and four.
   */
  #selfTest(): void {
    const bytes = Uint8Array.from({ length: 4000 }, (_, index) => (index * 131) & 255)
    for (const length of [0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 1000]) {
      const native = Buffer.concat(
        [0, 1, 2, 3].map((lane) =>
          createHash('sha256')
            .update(bytes.subarray(lane * length, (lane + 1) * length))
            .digest(),
        ),
      )
      const one = this.sha256(bytes.subarray(0, length))
      const four = this.sha256Four(bytes.subarray(0, 4 * length))
      if (!native.equals(four) || !native.subarray(0, 32).equals(one))
        fail('masking_module', 'self-test: SHA-256 of the masking module is wrong')
    }
  }
}

const events: Readonly<Record<FlushEvent, number>> = { idle: 0, echo: 1, end: 2 }
const empty = new Uint8Array(0)
const no_spans: readonly MaskedSpan[] = []
/** What the module's `push` returns when the bytes leave as they came. */
const as_given = 2

class Stream implements MaskStream {
  readonly #memory: Memory
  readonly #names: readonly string[]
  #address: number
  #held = 0
  /** Raw bytes settled so far. */
  #offset = 0

  constructor(memory: Memory, names: readonly string[], unit: MaskUnit) {
    this.#memory = memory
    this.#names = names
    this.#address = memory.exports.open(unit === 'width' ? 1 : 0)
    if (this.#address === 0) fail('masking_memory', 'no memory for another stream')
  }

  get held(): number {
    return this.#held
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
    const outcome = memory.exports.push(this.#address, part.length)
    if (outcome === 0) fail('masking_memory', 'no memory for what a stream holds')
    if (outcome === as_given) {
      const raw_offset = this.#offset
      this.#offset += part.length
      return { bytes: part, raw_offset, raw_length: part.length, spans: no_spans }
    }
    return this.#take(this.#held === 0 ? part : undefined)
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

class Hash implements HashStream {
  readonly #memory: Memory
  #address: number

  constructor(memory: Memory) {
    this.#memory = memory
    this.#address = memory.exports.hashOpen()
    if (this.#address === 0) fail('masking_memory', 'no memory for a hash')
  }

  update(bytes: Uint8Array): void {
    const memory = this.#memory
    if (this.#address === 0) throw new Error('update after digest')
    for (let at = 0; at < bytes.length; at += memory.input_bytes) {
      const part = bytes.subarray(at, at + memory.input_bytes)
      memory.bytes().set(part, memory.input)
      if (memory.exports.hashUpdate(this.#address, part.length) === 0)
        fail('masking_module', 'the masking module does not take so much at once')
    }
  }

  digest(): Uint8Array {
    const memory = this.#memory
    if (this.#address === 0) throw new Error('digest after digest')
    memory.exports.hashFinish(this.#address)
    memory.exports.hashClose(this.#address)
    this.#address = 0
    return memory.view(memory.input, 32).slice()
  }
}

/** A copy that outlives the next call. */
function owned(masked: Masked): Masked {
  return {
    ...masked,
    bytes: masked.bytes.slice(),
    spans: masked.spans.map(({ offset, length, raw_offset, raw_length, rule, raw }) => ({
      ...{ offset, length, raw_offset, raw_length, rule },
      raw: raw.slice(),
    })),
  }
}

function joined(parts: readonly Masked[]): Masked {
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
