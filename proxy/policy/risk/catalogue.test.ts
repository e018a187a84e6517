/** Every entry of the catalogue, on its own examples and counter-examples. */
import { describe, expect, test } from 'bun:test'
import { loadGrammar } from '../shell/grammar.ts'
import { createReadLine } from '../shell/read.ts'
import { assess } from './assess.ts'
import { catalogue } from './catalogue.ts'

const read = createReadLine(await loadGrammar())
const idsOf = (text: string): readonly string[] => {
  const line = new TextEncoder().encode(text)
  return assess(read(line), line).findings.map(({ id }) => id)
}

test('names are unique, and each entry has examples of both kinds', () => {
  expect(new Set(catalogue.map(({ id }) => id)).size).toBe(catalogue.length)
  expect(catalogue.length).toBeGreaterThan(20)
  for (const { id, examples, counter_examples } of catalogue) {
    expect(examples.length, id).toBeGreaterThan(1)
    expect(counter_examples.length, id).toBeGreaterThan(1)
  }
})

describe('an entry', () => {
  for (const { id, examples, counter_examples } of catalogue)
    test(id, () => {
      expect(examples.filter((text) => !idsOf(text).includes(id))).toEqual([])
      expect(counter_examples.filter((text) => idsOf(text).includes(id))).toEqual([])
    })
})
