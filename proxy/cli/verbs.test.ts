/** The table of the verbs, and what is loaded by it. */
import { expect, test } from 'bun:test'
import { families, loadAll, loadVerb, names } from './verbs.ts'

for (const family of families)
  test(`${family.names.join(', ')}: what is loaded has the names that it is loaded by`, async () => {
    expect((await family.load()).map(({ name }) => name)).toEqual([...family.names])
  })

test('no name is two verbs', () => {
  expect(new Set(names).size).toBe(names.length)
  expect(names.length).toBeGreaterThan(25)
})

test('all, or one', async () => {
  expect((await loadAll()).map(({ name }) => name)).toEqual([...names])
  expect((await loadVerb('deny'))?.name).toBe('deny')
  expect(await loadVerb('nonsense')).toBeUndefined()
})
