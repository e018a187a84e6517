import { expect, setDefaultTimeout, test } from 'bun:test'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testSlow } from '../../test/fixture/require.ts'
import { default_packs, rulesOf } from '../rules/index.ts'
import { buildModule, module_path } from './build.ts'
import { compile } from './compile.ts'
import { prepared_path, rulesetOf } from './prepared.ts'

/** Rules are compiled, on a machine that may have other work. */
setDefaultTimeout(60_000)

testSlow([], 'the committed module is what assembly/ compiles to', async () => {
  const built = await buildModule()
  expect(Buffer.from(built).equals(readFileSync(module_path)), 'run: bun run build').toBe(true)
})

testSlow([], 'the same source in another folder gives the same module', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-build-'))
  try {
    cpSync(join(import.meta.dir, '../assembly'), dir, { recursive: true })
    const built = await buildModule({ from: dir })
    expect(Buffer.from(built).equals(readFileSync(module_path))).toBe(true)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

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
  const [committed, compiled] = [rulesetOf([first, ...rest]), rulesetOf(rules)]
  if (!committed.ok || !compiled.ok) throw new Error('refused')
  expect(compiled.ruleset.hash).not.toBe(committed.ruleset.hash)
  expect(Buffer.from(compiled.ruleset.tables).equals(committed.ruleset.tables)).toBe(false)
})
