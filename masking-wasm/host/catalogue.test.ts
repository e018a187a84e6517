import { expect, test } from 'bun:test'
import { packs, rulesOf } from '../rules/index.ts'
import { catalogue, catalogue_path } from './catalogue.ts'

test('RULES.md is what `bun run rules` writes', async () => {
  expect(await Bun.file(catalogue_path).text()).toBe(catalogue())
})

test('it names every rule once, and its source', () => {
  const rows = catalogue().split('\n')
  for (const { name, source } of rulesOf(packs))
    expect(
      rows.filter((row) => row.startsWith(`| \`${name}\` |`) && row.includes(source)),
    ).toHaveLength(1)
})
