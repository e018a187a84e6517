/**
 * Streams in which many matches are under way at once, again and again: what the module keeps of such companies must not
 * show. Without the filter it keeps nothing.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { rounds } from '../../test/fixture/require.ts'
import { customRules } from '../compile/custom.ts'
import { default_packs, packs, rulesOf } from '../rules/index.ts'
import type { FlushEvent } from './engine.ts'
import { engineOf, feed, latin1 } from './fixture.ts'
import { Oracle } from './oracle.ts'
import { assertSame, pairOf } from './unfiltered.ts'

setDefaultTimeout(60_000)

const rules = rulesOf(packs)
/** Words of few letters: threads that meet, die together and match at each byte; contexts that end in one another. */
const custom = customRules([
  { name: 'word', pattern: 'a[ab]{2,9}c?' },
  { name: 'open', pattern: 'b[a-d]{3,}' },
  { name: 'fixed', pattern: '(?:ab|ba){3}' },
  { name: 'ends', pattern: '\\bd[abc]{2,40}\\b' },
  { name: 'name', pattern: '(?<![a-z])[a-z]{1,30}@[a-c]{2,}' },
])
if (!custom.ok) throw new Error(custom.reason)
const small = custom.rules

const starts = rules
  .flatMap((rule) => [...rule.examples, ...rule.counter_examples])
  .map((example) => Buffer.from(example.replaceAll(/[«»]/g, '')).toString('latin1'))
const start = fc
  .tuple(
    fc.constantFrom(...starts),
    fc.nat(40),
    fc.constantFrom('', ' ', '=', '"', "'", '\n', ':', '@'),
  )
  .map(([text, length, glue]) => text.slice(0, 1 + (length % text.length)) + glue)
const unit = fc.array(start, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''))
const repeated = fc
  .array(fc.tuple(unit, fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 4 })
  .map((units) =>
    units
      .map(([text, times]) => text.repeat(times))
      .join('')
      .slice(0, 5000),
  )
const letters = fc
  .array(fc.tuple(fc.stringMatching(/^[abcd@ ]{1,12}$/), fc.integer({ min: 1, max: 12 })), {
    minLength: 1,
    maxLength: 6,
  })
  .map((units) =>
    units
      .map(([text, times]) => text.repeat(times))
      .join('')
      .slice(0, 600),
  )
const sizes = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 12 })
const flushes = fc.array(fc.tuple(fc.nat(5000), fc.constantFrom<FlushEvent>('idle', 'echo')), {
  maxLength: 2,
})

for (const [name, some] of [
  ['all packs', rules],
  ['default packs', rulesOf(default_packs)],
] as const)
  test(`repeated beginnings: ${name}`, () => {
    const pair = pairOf(some)
    let seen = 0
    fc.assert(
      fc.property(repeated, sizes, flushes, (text, parts, events) => {
        seen += assertSame(pair, text, parts, events).spans.length
      }),
      { numRuns: rounds(500) },
    )
    expect(seen).toBeGreaterThan(rounds(500))
  })

test('words of few letters, against the oracle', () => {
  const engine = engineOf(small)
  const oracle = new Oracle(small)
  let seen = 0
  fc.assert(
    fc.property(letters, sizes, (text, parts) => {
      const due = oracle.spans(text).map((span) => `${span.start}-${span.end}:${span.rule}`)
      let index = 0
      expect(feed(engine, latin1(text)).spans).toEqual(due)
      expect(feed(engine, latin1(text), () => parts[index++ % parts.length] ?? 1).spans).toEqual(
        due,
      )
      seen += due.length
    }),
    { numRuns: rounds(3000) },
  )
  expect(seen).toBeGreaterThan(rounds(3000))
})
