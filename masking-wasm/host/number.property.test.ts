/**
 * Numbers, tracks and beginnings of keys that are other ones each time, so that nothing that is kept of earlier bytes answers: each may be
 * read at once, alone, or beside others, near the budget's bounds and far from them. Without the filter all go byte by byte, and it must not show.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { changed, changing } from '../../bench/measure/hostile.ts'
import { rounds } from '../../test/fixture/require.ts'
import { default_packs, packs, rulesOf } from '../rules/index.ts'
import type { FlushEvent } from './engine.ts'
import { assertSame, pairOf } from './unfiltered.ts'

setDefaultTimeout(60_000)

const endless = changing.map((unit) => Buffer.from(changed(unit)).toString('latin1'))
/** Ends of numbers that are no ends, what is beside them, and what makes a debt. */
const others = [
  ...[' ', '\n', ',', '-', 'x', '.', '3', '41', '\x1b[1m', 'said ', '%', 'PASSWORD=x\n', 'GB29 '],
  ...[`-----BEGIN ${'PRIVATE'} KEY-----\nMIIEpAIBAAKCAQEA7`, 'cvv: 123', '4222222222222'],
]
const part = fc.oneof(
  fc
    .tuple(fc.constantFrom(...endless), fc.nat(60_000), fc.integer({ min: 1, max: 900 }))
    .map(([text, at, length]) => text.slice(at, at + length)),
  fc
    .tuple(fc.constantFrom(...others), fc.integer({ min: 1, max: 300 }), fc.nat(3))
    .map(([text, times, often]) => text.repeat(often === 0 ? times : 1)),
)
const texts = fc.array(part, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(''))
const sizes = fc.array(fc.constantFrom(1, 2, 5, 16, 17, 63, 64, 150, 1000), {
  minLength: 1,
  maxLength: 8,
})
const flushes = fc.array(fc.tuple(fc.nat(9000), fc.constantFrom<FlushEvent>('idle', 'echo')), {
  maxLength: 2,
})

for (const names of [default_packs, packs])
  test(`what is other each time, with ${names.join(', ')}`, () => {
    const pair = pairOf(rulesOf(names))
    let seen = 0
    fc.assert(
      fc.property(texts, sizes, flushes, (text, parts, events) => {
        seen += assertSame(pair, text, parts, events).spans.length
      }),
      { numRuns: rounds(300) },
    )
    expect(seen).toBeGreaterThan(rounds(300))
  })
