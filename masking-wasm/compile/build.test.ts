import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { buildModule, module_path } from './build.ts'

test('the committed module is what assembly/ compiles to', async () => {
  const built = await buildModule()
  expect(Buffer.from(built).equals(readFileSync(module_path)), 'run: bun run build').toBe(true)
}, 60_000)
