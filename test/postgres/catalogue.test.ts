/** Every entry of the catalogue of statements, on its own examples and counter-examples, through PostgreSQL's parser. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { createAnalyser } from '../../proxy/connector/postgres/sql/analyse.ts'
import { loadParser } from '../../proxy/connector/postgres/sql/tree.ts'
import { assessStatement } from '../../proxy/policy/risk/statement.ts'
import { statement_entries } from '../../proxy/policy/risk/statement-entries.ts'

beforeAll(loadParser)

const analyser = createAnalyser()
const assess = (text: string) =>
  assessStatement(analyser.analyse(new TextEncoder().encode(text)).statement)
const idsOf = (text: string): readonly string[] => assess(text).findings.map(({ id }) => id)

test('names are unique, and each entry has examples of both kinds', () => {
  expect(new Set(statement_entries.map(({ id }) => id)).size).toBe(statement_entries.length)
  expect(statement_entries.length).toBeGreaterThan(15)
  for (const { id, examples, counter_examples } of statement_entries) {
    expect(examples.length, id).toBeGreaterThan(1)
    expect(counter_examples.length, id).toBeGreaterThan(1)
  }
})

describe('an entry', () => {
  for (const { id, examples, counter_examples } of statement_entries)
    test(id, () => {
      expect(examples.filter((text) => !idsOf(text).includes(id))).toEqual([])
      expect(counter_examples.filter((text) => idsOf(text).includes(id))).toEqual([])
      for (const text of [...examples, ...counter_examples])
        expect(idsOf(text), text).not.toContain('unparsed')
    })
})

test('the worst comes first, and says what it is', () => {
  const { risk, findings } = assess('DROP TABLE t; DROP DATABASE d')
  expect(risk).toBe('critical')
  expect(findings[0]?.id).toBe('drop-database')
})

test('what runs and does not stand in the text is known as such', () => {
  const confidence = (text: string): string => assess(text).confidence
  expect(confidence('SELECT lower(a), count(*) FROM t WHERE b = now()')).toBe('exact')
  for (const text of [
    'SELECT f(1)',
    'SELECT public.lower(a) FROM t',
    'CALL p()',
    'DO $$begin end$$',
    'SELECT * FROM f(1) AS g',
  ])
    expect(confidence(text), text).toBe('partial')
})
