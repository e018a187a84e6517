/** The corpus of `rules/corpus/` in small; `bun run bench recall` does it in large. */
import { describe, expect, test } from 'bun:test'
import { samples } from '../rules/corpus/plant.ts'
import { fill, Random } from '../rules/corpus/template.ts'
import { packs, rulesOf } from '../rules/index.ts'
import { measure, precisionOf, recallOf, type Score } from './recall.ts'

const names = rulesOf(packs).map((rule) => rule.name)

describe('the corpus', () => {
  test('has values for each rule, and for no other', () => {
    expect(Object.keys(samples).toSorted()).toEqual(names.toSorted())
    for (const templates of Object.values(samples)) expect(templates.length).toBeGreaterThan(0)
  })
  test('is the same for the same seed', () => {
    const one = fill('a-{a9}«{h8}»{U}', new Random(7))
    expect(fill('a-{a9}«{h8}»{U}', new Random(7))).toEqual(one)
    expect(fill('a-{a9}«{h8}»{U}', new Random(8)).text).not.toBe(one.text)
    expect([one.start, one.end]).toEqual([11, 19])
  })
})

describe('recall and precision', () => {
  const { rules, ordinary, ordinary_bytes, password_source } = measure(12)
  const lacking = (score: Score): boolean => score.found < score.planted || score.planted < 12

  test('every planted value is masked', () => {
    expect(rules.length).toBe(names.length)
    expect(rules.filter(lacking)).toEqual([])
    expect(recallOf(rules)).toBe(1)
  })
  test('no rule takes its near misses', () => {
    expect(rules.filter((score) => score.false_near > 0)).toEqual([])
    for (const score of rules) expect(score.near_misses).toBeGreaterThanOrEqual(2)
  })
  test('ordinary text shows nothing to the default packs, and little to the others', () => {
    const chosen = new Set(rulesOf(['pii', 'hipaa']).map((rule) => rule.name))
    expect(ordinary_bytes).toBeGreaterThan(3_000_000)
    expect(Object.keys(ordinary).length).toBeGreaterThanOrEqual(18)
    for (const [kind, finds] of Object.entries(ordinary)) {
      const of_default = finds.filter((find) => !chosen.has(find.slice(0, find.indexOf(':'))))
      expect({ kind, of_default }).toEqual({ kind, of_default: [] })
      // Plain numbers of the right length pass a check now and then: 8,000 lines have some 30,000 of them.
      expect(finds.length).toBeLessThan(20)
    }
    expect(precisionOf(rules)).toBeGreaterThan(0.98)
  })
  test('the known hole: a type or a call after the word password', () => {
    expect(Object.keys(password_source)).toEqual(['password-assignment'])
  })
})
