/**
 * The WASM module: compiled once for a thread, an instance and views of its memory for each engine.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Joined } from './joined.ts'

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

/** The exports of `assembly/index.ts`. */
export interface Exports {
  readonly memory: WebAssembly.Memory
  reserve(bytes: number): number
  start(tables: number, bytes: number): number
  inputAddress(): number
  inputBytesMax(): number
  resultAddress(): number
  spansAddress(): number
  useFilter(on: number): void
  open(width: number, of_terminal: number): number
  close(stream: number): void
  resize(stream: number, columns: number): void
  push(stream: number, bytes: number): number
  flush(stream: number, event: number): number
  hashOpen(): number
  hashUpdate(hash: number, bytes: number): number
  hashFinish(hash: number): void
  hashClose(hash: number): void
  /** Four messages of `bytes` bytes each. 0 when they are too long for the window. */
  hashFour(bytes: number): number
}

/** A span of a result: offset, length, raw offset, raw length, rule. */
export const span_words = 5

/** A power of two. */
const views_kept = 256

/** Views of the module's memory, made again whenever it grew: growing detaches the old buffer. */
export class Memory {
  readonly exports: Exports
  readonly input: number
  readonly input_bytes: number
  /** Which word the first span of a result begins with. */
  readonly spans: number
  /** Which word a result begins with. */
  readonly result_at: number
  /** Of a call that took more than one window. */
  readonly joined: Joined = new Joined()
  #bytes: Uint8Array
  #words: Uint32Array
  #views: (Uint8Array | undefined)[]

  constructor(exports: Exports, tables: Uint8Array) {
    this.exports = exports
    const at = exports.reserve(tables.length)
    if (at === 0) fail('masking_memory', 'no memory for the rules')
    new Uint8Array(exports.memory.buffer).set(tables, at)
    if (exports.start(at, tables.length) === 0)
      fail('masking_module', 'the masking module does not take these tables')
    this.input = exports.inputAddress()
    this.input_bytes = exports.inputBytesMax()
    this.result_at = exports.resultAddress() >>> 2
    this.spans = exports.spansAddress() >>> 2
    this.#bytes = new Uint8Array(exports.memory.buffer)
    this.#words = new Uint32Array(exports.memory.buffer)
    this.#views = new Array<undefined>(views_kept).fill(undefined)
  }

  bytes(): Uint8Array {
    this.#refresh()
    return this.#bytes
  }

  /** Good until the next call. To make a view takes as long as to scan 64 bytes, and small chunks ask for few different ones. */
  view(at: number, length: number): Uint8Array {
    this.#refresh()
    const slot = (at ^ (length << 4)) & (views_kept - 1)
    const kept = this.#views[slot]
    if (kept !== undefined && kept.byteOffset === at && kept.length === length) return kept
    const view = this.#bytes.subarray(at, at + length)
    this.#views[slot] = view
    return view
  }

  result(index: number): number {
    this.#refresh()
    return this.#words[this.result_at + index] ?? 0
  }

  /** The memory by words; good until the next call. */
  words(): Uint32Array {
    this.#refresh()
    return this.#words
  }

  #refresh(): void {
    if (this.#bytes.length !== 0) return
    this.#bytes = new Uint8Array(this.exports.memory.buffer)
    this.#words = new Uint32Array(this.exports.memory.buffer)
    this.#views = new Array<undefined>(views_kept).fill(undefined)
  }
}

/** Compiled once for all engines of a thread. */
let loaded: { readonly module: WebAssembly.Module; readonly hash: string } | undefined

export function moduleOnce(): { readonly module: WebAssembly.Module; readonly hash: string } {
  if (loaded === undefined) {
    const bytes = readFileSync(new URL('../build/masking.wasm', import.meta.url))
    loaded = {
      module: new WebAssembly.Module(bytes),
      hash: createHash('sha256').update(bytes).digest('hex'),
    }
  }
  return loaded
}

/** A fresh instance of the module. The imports are the component's; what is exported here calls none of them. */
export function instantiate(module: WebAssembly.Module): Exports {
  const foreign = (): never => fail('masking_module', 'the masking module called its component')
  const imports = Object.fromEntries(
    WebAssembly.Module.imports(module).map(({ module: from, name }) => [from, { [name]: foreign }]),
  )
  // The module is ours; a test calls every export.
  return new WebAssembly.Instance(module, imports).exports as unknown as Exports
}

export function fail(code: MaskingErrorCode, message: string): never {
  throw new MaskingError(code, message)
}
