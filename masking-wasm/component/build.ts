/**
 * The module as a component: `masking.wit` around it, by jco. The module inside is the one that the gateway runs, byte for
 * byte; a test compares.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { componentEmbed, componentNew, transpile } from '@bytecodealliance/jco'
import { module_path } from '../compile/build.ts'

export const component_path: string = fileURLToPath(
  new URL('../build/masking.component.wasm', import.meta.url),
)
const wit_path = new URL('masking.wit', import.meta.url)

/** The module with its interface. Rejects when the module has not what the interface asks for. */
export async function buildComponent(module: Uint8Array): Promise<Uint8Array> {
  const witSource = readFileSync(wit_path, 'utf8')
  return componentNew(await componentEmbed({ binary: module, witSource }))
}

/** ES modules, declarations and core modules by file name, for a host that gives `instantiate` what it needs. */
export async function transpiled(
  component: Uint8Array,
): Promise<Readonly<Record<string, Uint8Array>>> {
  const { files } = await transpile(component, { name: 'masking', instantiation: 'async' })
  return files
}

if (import.meta.main) {
  const component = await buildComponent(readFileSync(module_path))
  writeFileSync(component_path, component)
  console.log(`${component_path}: ${component.length} bytes`)
}
