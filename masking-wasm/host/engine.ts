/**
 * The masking core as the gateway sees it, and the only user of the module's memory.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Ruleset } from '../compile/compile.ts'
import { type Exports, fail, instantiate, MaskingError, Memory, moduleOnce } from './module.ts'
import { type MaskStream, type MaskUnit, type Reading, Stream } from './stream.ts'

export type { FlushEvent, Masked, MaskedSpan, MaskStream, MaskUnit, Reading } from './stream.ts'
export { MaskingError }

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

  /**
   * One per byte stream and direction. `reading` says whose bytes they are: a terminal's, which is usual where masks
   * keep the width, or a program's. Throws {@link MaskingError} when memory is used up.
   */
  open(unit: MaskUnit, reading: Reading = unit === 'width' ? 'terminal' : 'bytes'): MaskStream {
    return new Stream(this.#memory, this.#names, unit, reading)
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
