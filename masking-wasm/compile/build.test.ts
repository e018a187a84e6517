import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { default_packs, rulesOf } from '../rules/index.ts'
import { buildModule, module_path } from './build.ts'
import { compile } from './compile.ts'
import { prepared_path, rulesetOf } from './prepared.ts'

test('the committed module is what assembly/ compiles to', async () => {
  const built = await buildModule()
  expect(Buffer.from(built).equals(readFileSync(module_path)), 'run: bun run build').toBe(true)
}, 60_000)

test('the committed tables are what the default packs compile to', () => {
  expect(Bun.zstdDecompressSync(readFileSync(prepared_path)).length).toBeGreaterThan(1e6)
  const rules = rulesOf(default_packs)
  const [prepared, compiled] = [rulesetOf(rules), compile(rules)]
  if (!prepared.ok || !compiled.ok) throw new Error('refused')
  const { tables, ...rest } = compiled.ruleset
  expect(prepared.ruleset, 'run: bun run build').toMatchObject(rest)
  expect(Buffer.from(tables).equals(prepared.ruleset.tables), 'run: bun run build').toBe(true)
})

test('other rules are not taken for them', () => {
  const [first, ...rest] = rulesOf(default_packs)
  if (first === undefined) throw new Error('no rules')
  const rules = [{ ...first, pattern: 'another-[0-9]{9}' }, ...rest]
  const [prepared, compiled] = [rulesetOf(rules), compile(rules)]
  if (!prepared.ok || !compiled.ok) throw new Error('refused')
  expect(prepared.ruleset.hash).toBe(compiled.ruleset.hash)
})
