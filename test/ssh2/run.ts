/**
 * `bun run.ts PATH DEFECT LIMIT_MS`: runs one defect's program against the package at PATH, in a process of its own,
 * for it may hang or die.
 *
 * @module
 */
import { createRequire } from 'node:module'
import { defects } from './defects.ts'
import type { Library } from './wire.ts'

const [path = '', name = '', limit_ms = ''] = Bun.argv.slice(2)
const defect = defects[name]
if (defect === undefined) throw new Error(`no defect "${name}"`)
const library = createRequire(import.meta.url)(path) as Library
const limit = setTimeout(() => {
  console.error('it hangs')
  process.exit(3)
}, Number(limit_ms))
await defect(library)
clearTimeout(limit)
process.exit(0)
