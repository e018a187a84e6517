/**
 * What is sealed of the raw bytes of an output stream, so that an auditor can compare them with what the target says it
 * printed. Of a long stream that shows all of its bytes its records say as much, and hashing it twice is a seventh of what
 * recording it costs: then only what comes from the first hidden byte on is hashed.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Masked } from '../../masking-wasm/host/engine.ts'
import { hashed_bytes_min } from '../core/limits.ts'

/** `shown`: the raw bytes are those of the stream's records. `rest`: they are up to `offset`; the digest is of what follows. */
export type SealedDigest =
  | { readonly kind: 'whole'; readonly sha256: string }
  | { readonly kind: 'shown' }
  | { readonly kind: 'rest'; readonly offset: number; readonly sha256: string }

export class RawDigest {
  #hash: ReturnType<typeof createHash> | undefined = createHash('sha256')
  /** Where the hash begins. */
  #offset = 0
  #length = 0
  #is_shown = true

  /** What a record shows next, and what it hides. Borrowed. */
  add({ bytes, spans }: Pick<Masked, 'bytes' | 'spans'>): void {
    if (spans.length === 0) {
      this.#shown(bytes)
      return
    }
    let at = 0
    for (const { offset, length, raw } of spans) {
      this.#hidden(bytes.subarray(at, offset))
      this.#hidden(raw)
      at = offset + length
    }
    this.#hidden(bytes.subarray(at))
  }

  /** No record shows these as they are. Borrowed. */
  addHidden(bytes: Uint8Array): void {
    this.#hidden(bytes)
  }

  /** Hex. Once. */
  end(): SealedDigest {
    const sha256 = this.#hash?.digest('hex')
    if (sha256 === undefined) return { kind: 'shown' }
    const offset = this.#offset
    return offset === 0 ? { kind: 'whole', sha256 } : { kind: 'rest', offset, sha256 }
  }

  #shown(bytes: Uint8Array): void {
    this.#hash?.update(bytes)
    this.#length += bytes.length
    if (this.#is_shown && this.#length >= hashed_bytes_min) this.#hash = undefined
  }

  #hidden(bytes: Uint8Array): void {
    if (this.#hash === undefined) {
      this.#hash = createHash('sha256')
      this.#offset = this.#length
    }
    this.#is_shown = false
    this.#hash.update(bytes)
    this.#length += bytes.length
  }
}
