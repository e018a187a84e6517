/**
 * Cedar, loaded when it is first needed: 4 MB of WebAssembly, which other threads compile while this one goes on, and
 * which a gateway that only says what is wrong with its command line need not wait for.
 *
 * @module
 */
import * as Cedar from '@cedar-policy/cedar-wasm/web'

let loading: Promise<void> | undefined
let is_loaded = false

export function loadCedar(): Promise<void> {
  loading ??= load()
  return loading
}

async function load(): Promise<void> {
  const wasm = new URL('cedar_wasm_bg.wasm', import.meta.resolve('@cedar-policy/cedar-wasm/web'))
  await Cedar.default({ module_or_path: await WebAssembly.compile(await Bun.file(wasm).bytes()) })
  is_loaded = true
}

/** Throws before {@link loadCedar} has resolved. */
export function cedar(): typeof Cedar {
  if (!is_loaded) throw new Error('Cedar is not loaded')
  return Cedar
}
