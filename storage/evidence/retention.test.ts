import { expect, test } from 'bun:test'
import { daysFor, daysOfLog, readRetention } from './retention.ts'

const rules = [
  { labels: { env: 'prod', tier: 'db' }, days: 2555 },
  { labels: { env: 'prod' }, days: 730 },
  { labels: {}, days: 90 },
]

test('the first rule with all of its labels counts; the log is kept as long as any', () => {
  expect(daysFor(rules, { env: 'prod', tier: 'db', team: 'a' })).toBe(2555)
  expect(daysFor(rules, { env: 'prod', tier: 'web' })).toBe(730)
  expect(daysFor(rules, { env: 'test' })).toBe(90)
  expect(daysFor(rules, {})).toBe(90)
  expect(daysFor(rules.slice(0, 2), { env: 'test' })).toBeUndefined()
  expect(daysFor([{ labels: { constructor: 'Object' }, days: 1 }], {})).toBeUndefined()
  expect(daysOfLog(rules)).toBe(2555)
})

test('what the log says is read strictly', () => {
  expect(readRetention(rules)).toEqual(rules)
  for (const wrong of [
    undefined,
    [],
    {},
    [{ labels: {} }],
    [{ labels: {}, days: -1 }],
    [{ labels: { env: 1 }, days: 1 }],
    [{ days: 1 }],
    Array.from({ length: 1001 }, () => rules[0]),
  ])
    expect(readRetention(wrong)).toBeUndefined()
})
