/**
 * Builds the WASM module from `assembly/` and the tables of the default packs. Both are committed; a test builds
 * them again and compares.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Transform } from 'assemblyscript/asc'
import { nameExports } from './exports.ts'
import { prepare, prepared_path } from './prepared.ts'

export const module_path: string = fileURLToPath(new URL('../build/masking.wasm', import.meta.url))
const assembly_path = fileURLToPath(new URL('../assembly/', import.meta.url))

export interface BuildOptions {
  /** A folder with the sources; `assembly/` unless it is given. */
  readonly from?: string
  /** Not optimised, and with the compiler's assertions: the tests run both. */
  readonly debug?: boolean
}

/** Throws with the compiler's messages when the source does not compile. */
export async function buildModule(options: BuildOptions = {}): Promise<Uint8Array> {
  // The compiler is large, and only a build needs it.
  const asc = await import('assemblyscript/asc')
  const outputs = new Map<string, Uint8Array | string>()
  let messages = ''
  const { error } = await asc.main(
    // No runtime: nothing is garbage collected. No assertions: lengths are checked where they come in.
    [
      'index.ts',
      '--outFile',
      'masking.wasm',
      '--enable',
      'simd',
      '--runtime',
      'stub',
      // Nothing calls it but a runtime that is not there; the component model knows no such import.
      '--use',
      'abort=',
      // 512 MiB: some 60,000 streams that hold something at once. Past it, sessions end and say why.
      '--maximumMemory',
      '8192',
      '--baseDir',
      options.from ?? assembly_path,
      ...(options.debug === true ? ['-O0'] : ['-O3', '--noAssert']),
    ],
    {
      // The declarations ask for the base class, of which nothing is used.
      transforms: [{ afterCompile: nameExports } as unknown as Transform],
      writeFile: (name: string, contents: Uint8Array | string) => {
        outputs.set(name, contents)
      },
      stderr: {
        write: (chunk: Uint8Array | string) => {
          messages += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk)
        },
      },
    },
  )
  const module = outputs.get('masking.wasm')
  if (error !== null || !(module instanceof Uint8Array))
    throw new Error(`assembly/ does not compile\n${messages}`, { cause: error })
  return module
}

if (import.meta.main) {
  const module = await buildModule()
  writeFileSync(module_path, module)
  writeFileSync(prepared_path, prepare())
  for (const path of [module_path, prepared_path])
    console.log(`${path}: ${readFileSync(path).length} bytes`)
}
