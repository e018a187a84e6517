/**
 * Cedar, loaded when it is first needed: 4 MB of WebAssembly, 0.2 s of computing, which a gateway that only says what is
 * wrong with its command line need not wait for.
 *
 * @module
 */
import type * as Cedar from '@cedar-policy/cedar-wasm/nodejs'

let loaded: typeof Cedar | undefined

export async function loadCedar(): Promise<void> {
  loaded ??= await import('@cedar-policy/cedar-wasm/nodejs')
}

/** Throws before {@link loadCedar} has resolved. */
export function cedar(): typeof Cedar {
  if (loaded === undefined) throw new Error('Cedar is not loaded')
  return loaded
}
