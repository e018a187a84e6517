/**
 * The names that the component model asks of a core module, which AssemblyScript cannot write.
 *
 * @module
 */

/** What a transform of the compiler is given: its own module. */
export interface CompiledModule {
  removeExport(name: string): void
  addFunctionExport(internal_name: string, name: string): void
}

export const masking_interface = 'sluice:masking/masking@0.1.0'
export const hashing_interface = 'sluice:masking/hashing@0.1.0'

/** By the function's name in `assembly/component.ts`. */
const names: Readonly<Record<string, string>> = {
  useTables: `${masking_interface}#use-tables`,
  maskerOpen: `${masking_interface}#[static]masker.open`,
  maskerPush: `${masking_interface}#[method]masker.push`,
  maskerFlush: `${masking_interface}#[method]masker.flush`,
  maskerResize: `${masking_interface}#[method]masker.resize`,
  maskerDrop: `${masking_interface}#[dtor]masker`,
  sha256: `${hashing_interface}#sha256`,
  sha256Each: `${hashing_interface}#sha256-each`,
  hashOpened: `${hashing_interface}#[static]hash.open`,
  hashUpdated: `${hashing_interface}#[method]hash.update`,
  hashDigest: `${hashing_interface}#[method]hash.digest`,
  hashDropped: `${hashing_interface}#[dtor]hash`,
}

export function nameExports(module: CompiledModule): void {
  for (const [name, exported] of Object.entries(names)) {
    module.removeExport(name)
    module.addFunctionExport(`component/${name}`, exported)
  }
}
