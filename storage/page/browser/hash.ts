/**
 * SHA-256 by the gateway's own WASM module, which the page has inside.
 *
 * @module
 */
import { part } from './dom.ts'

/** The exports of `masking-wasm/assembly/index.ts` that hash. */
interface Exports {
  readonly memory: WebAssembly.Memory
  reserve(bytes: number): number
  start(tables: number, bytes: number): number
  inputAddress(): number
  inputBytesMax(): number
  hashOpen(): number
  hashUpdate(hash: number, bytes: number): number
  hashFinish(hash: number): void
  hashClose(hash: number): void
}

export interface Hash {
  update(bytes: Uint8Array): void
  /** 32 bytes; the hash is over. */
  digest(): Uint8Array
}

/** What the build puts in: base64 of the module, and of its tables, deflated. */
declare const MASKING_MODULE: string
declare const MASKING_TABLES: string

// The verifier hashes while its modules load, so that this one waits, and all that follow it with it.
const exports = await started()

/** The module hashes only when it has tables of rules, of which it needs none here. */
async function started(): Promise<Exports> {
  try {
    const inflated = new Blob([bytesOf(MASKING_TABLES)])
      .stream()
      .pipeThrough(new DecompressionStream('deflate-raw'))
    const tables = new Uint8Array(await new Response(inflated).arrayBuffer())
    const compiled = await WebAssembly.compile(bytesOf(MASKING_MODULE))
    // They are the component's; what is used here calls none of them.
    const foreign = (): never => {
      throw new Error('the module calls what a page does not have')
    }
    const imports: Record<string, Record<string, () => never>> = {}
    for (const { module: from, name } of WebAssembly.Module.imports(compiled))
      imports[from] = { ...imports[from], [name]: foreign }
    const instance = await WebAssembly.instantiate(compiled, imports)
    const module = instance.exports as unknown as Exports // The module is ours.
    const at = module.reserve(tables.length)
    new Uint8Array(module.memory.buffer).set(tables, at)
    if (at === 0 || module.start(at, tables.length) === 0) throw new Error('no memory')
    return module
  } catch (error) {
    part('verdict').textContent = 'This browser cannot run the page: it has no WebAssembly for it.'
    throw error
  }
}

export function openHash(): Hash {
  const hash = exports.hashOpen()
  if (hash === 0) throw new Error('the module has no memory for a hash')
  const input = exports.inputAddress()
  const window = exports.inputBytesMax()
  return {
    update(bytes) {
      for (let at = 0; at < bytes.length; at += window) {
        const piece = bytes.subarray(at, at + window)
        new Uint8Array(exports.memory.buffer, input, piece.length).set(piece)
        if (exports.hashUpdate(hash, piece.length) === 0)
          throw new Error('the module takes no more')
      }
    },
    digest() {
      exports.hashFinish(hash)
      const digest = new Uint8Array(exports.memory.buffer, input, 32).slice()
      exports.hashClose(hash)
      return digest
    },
  }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}
