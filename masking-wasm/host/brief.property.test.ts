/**
 * What is soon over is forgotten before its time: numbers that were found and might go on, and what begins with the last
 * bytes of a window. Without the filter nothing is forgotten, and it must not show, near no bound and in no split.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { rounds } from '../../test/fixture/require.ts'
import { packs, rulesOf } from '../rules/index.ts'
import type { FlushEvent } from './engine.ts'
import { assertSame, pairOf } from './unfiltered.ts'

setDefaultTimeout(60_000)

const numbers = [
  ...['4111 1111 1111 1111', '4111111111111111', '4111-1111-1111-1111', '6304 0000 0000 0000 00'],
  ...['378282246310005', '3782 822463 10005', '4111 1111 1111 1111 110', '4222222222222'],
]
/** Some begin matches of their own beside a number's end, and assignments come near to the budget. */
const others = [
  ...[
    ' ',
    ' ',
    '\n',
    '-',
    '.',
    '1',
    '4',
    '411',
    '4 4 4 4 ',
    '%B411111111111^',
    '://a:b@',
    'DE89 3704',
  ],
  ...['PWD=x', 'password=', "pwd='", 'eyJ', 'AKIA', 'ghp_', 'sk-', '-----BEGIN A ', 'card ', 'x@'],
]
const texts = fc
  .array(
    fc.tuple(
      fc.array(fc.constantFrom(...numbers, ...others), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 60 }),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((units) => units.map(([parts, times]) => parts.join('').repeat(times)).join(''))
  .map((text) => text.slice(0, 6000))
const sizes = fc.array(fc.constantFrom(1, 2, 3, 7, 17, 64, 300, 900), {
  minLength: 1,
  maxLength: 8,
})
const flushes = fc.array(fc.tuple(fc.nat(6000), fc.constantFrom<FlushEvent>('idle', 'echo')), {
  maxLength: 2,
})

test('numbers, and what begins where they end', () => {
  const pair = pairOf(rulesOf(packs))
  let seen = 0
  fc.assert(
    fc.property(texts, sizes, flushes, (text, parts, events) => {
      seen += assertSame(pair, text, parts, events).spans.length
    }),
    { numRuns: rounds(400) },
  )
  expect(seen).toBeGreaterThan(rounds(400))
})
