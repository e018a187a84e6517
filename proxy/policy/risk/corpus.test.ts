/** Recall and false holds over the committed corpus. `bun run bench policy` prints them. */
import { expect, test } from 'bun:test'
import { loadGrammar } from '../shell/grammar.ts'
import { createReadLine } from '../shell/read.ts'
import { measureCorpus } from './corpus.ts'

const score = await measureCorpus(createReadLine(await loadGrammar()))

test('the corpus is there', () => {
  expect(score.ordinary).toBeGreaterThan(250)
  expect(score.risky).toBeGreaterThan(150)
})
test('every risky line is held or refused, as its class demands', () => {
  expect(score.missed).toEqual([])
})
test('no ordinary line is held', () => {
  expect(score.held).toEqual([])
})
