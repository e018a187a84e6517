import { expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { default_packs, rulesOf } from '../rules/index.ts'
import { buildModule, module_path } from './build.ts'
import { compile } from './compile.ts'
import { prepared_path, rulesetOf } from './prepared.ts'

/** Rules are compiled, on a machine that may have other work. */
setDefaultTimeout(60_000)

test('the committed module is what assembly/ compiles to', async () => {
  const built = await buildModule()
  expect(Buffer.from(built).equals(readFileSync(module_path)), 'run: bun run build').toBe(true)
})

test('the same source in another folder gives the same module', async () => {
  const dirs = [1, 2].map(() => mkdtempSync(join(tmpdir(), 'sluice-build-')))
  try {
    const built: Uint8Array[] = []
    for (const dir of dirs) {
      cpSync(join(import.meta.dir, '../assembly'), dir, { recursive: true })
      built.push(await buildModule({ from: dir }))
    }
    const [one, other] = built.map((bytes) => createHash('sha256').update(bytes).digest('hex'))
    expect(one).toBe(other ?? '')
    expect(one).toBe(createHash('sha256').update(readFileSync(module_path)).digest('hex'))
  } finally {
    for (const dir of dirs) rmSync(dir, { recursive: true })
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
  const [prepared, compiled] = [rulesetOf(rules), compile(rules)]
  if (!prepared.ok || !compiled.ok) throw new Error('refused')
  expect(prepared.ruleset.hash).toBe(compiled.ruleset.hash)
})
