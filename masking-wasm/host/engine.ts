/**
 * The masking core as the gateway sees it, and the only user of the module's memory.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Ruleset } from '../compile/compile.ts'

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

export type MaskingErrorCode = 'masking_memory' | 'masking_module'

/** The module cannot be used, or cannot take more. Nothing passed unmasked: end the session. */
export class MaskingError extends Error {
  override readonly name = 'MaskingError'
  readonly code: MaskingErrorCode
  constructor(code: MaskingErrorCode, message: string) {
    super(message)
    this.code = code
  }
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
    const exports = new WebAssembly.Instance(module, {
      env: { abort: () => fail('masking_module', 'the masking module aborted') },
    }).exports as unknown as Exports // The module is ours; a test calls every export.
    const engine = new MaskingEngine(new Memory(exports, ruleset.tables), hash, ruleset.names)
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

  /** The host may take the native SHA-256 for bulk, so both must agree before a byte passes. */
  #selfTest(): void {
    const bytes = Uint8Array.from({ length: 1000 }, (_, index) => (index * 131) & 255)
    for (const length of [0, 3, 55, 56, 63, 64, 65, 119, 120, 1000]) {
      const part = bytes.subarray(0, length)
      const native = createHash('sha256').update(part).digest()
      if (!native.equals(this.sha256(part)))
        fail('masking_module', 'self-test: SHA-256 of the masking module is wrong')
    }
  }
}

const events: Readonly<Record<FlushEvent, number>> = { idle: 0, echo: 1, end: 2 }
const empty = new Uint8Array(0)
const no_spans: readonly MaskedSpan[] = []

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
    if (bytes.length <= memory.input_bytes) {
      const masked = this.#window(bytes)
      const read = memory.result(5)
      return read === bytes.length ? masked : this.#rest(bytes, masked, read)
    }
    const masked = this.#window(bytes.subarray(0, memory.input_bytes))
    return this.#rest(bytes, masked, memory.result(5))
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
    if (memory.exports.push(this.#address, part.length) === 0)
      fail('masking_memory', 'no memory for what a stream holds')
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
              : given.subarray(0, raw_length)
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
      memory.exports.hashUpdate(this.#address, part.length)
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

/** The exports of `assembly/index.ts`. */
interface Exports {
  readonly memory: WebAssembly.Memory
  reserve(bytes: number): number
  start(tables: number, bytes: number): number
  inputAddress(): number
  inputBytesMax(): number
  resultAddress(): number
  spansAddress(): number
  useFilter(on: number): void
  open(width: number): number
  close(stream: number): void
  push(stream: number, bytes: number): number
  flush(stream: number, event: number): number
  hashOpen(): number
  hashUpdate(hash: number, bytes: number): void
  hashFinish(hash: number): void
  hashClose(hash: number): void
}

/** Views of the module's memory, made again whenever it grew: growing detaches the old buffer. */
class Memory {
  readonly exports: Exports
  readonly input: number
  readonly input_bytes: number
  readonly #result: number
  readonly #spans: number
  #bytes: Uint8Array
  #words: Uint32Array

  constructor(exports: Exports, tables: Uint8Array) {
    this.exports = exports
    const at = exports.reserve(tables.length)
    if (at === 0) fail('masking_memory', 'no memory for the rules')
    new Uint8Array(exports.memory.buffer).set(tables, at)
    if (exports.start(at, tables.length) === 0)
      fail('masking_module', 'the masking module does not take these tables')
    this.input = exports.inputAddress()
    this.input_bytes = exports.inputBytesMax()
    this.#result = exports.resultAddress() >>> 2
    this.#spans = exports.spansAddress() >>> 2
    this.#bytes = new Uint8Array(exports.memory.buffer)
    this.#words = new Uint32Array(exports.memory.buffer)
  }

  bytes(): Uint8Array {
    this.#refresh()
    return this.#bytes
  }

  view(at: number, length: number): Uint8Array {
    return this.bytes().subarray(at, at + length)
  }

  result(index: number): number {
    this.#refresh()
    return this.#words[this.#result + index] ?? 0
  }

  span(index: number, member: number): number {
    return this.#words[this.#spans + index * 5 + member] ?? 0
  }

  #refresh(): void {
    if (this.#bytes.length !== 0) return
    this.#bytes = new Uint8Array(this.exports.memory.buffer)
    this.#words = new Uint32Array(this.exports.memory.buffer)
  }
}

/** Compiled once for all engines of a thread. */
let loaded: { readonly module: WebAssembly.Module; readonly hash: string } | undefined

function moduleOnce(): { readonly module: WebAssembly.Module; readonly hash: string } {
  if (loaded === undefined) {
    const bytes = readFileSync(new URL('../build/masking.wasm', import.meta.url))
    loaded = {
      module: new WebAssembly.Module(bytes),
      hash: createHash('sha256').update(bytes).digest('hex'),
    }
  }
  return loaded
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

function fail(code: MaskingErrorCode, message: string): never {
  throw new MaskingError(code, message)
}
