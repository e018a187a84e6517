/**
 * Words that an `@` may end: whether the module follows one depends on what of the stream it has seen, and nothing else may.
 * Here they stand where something is decided: at the end of a window, where what is held is cut, and where a line goes dark.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { rounds } from '../../test/fixture/require.ts'
import { packs, rulesOf } from '../rules/index.ts'
import type { FlushEvent } from './engine.ts'
import { engineOf, feed, latin1 } from './fixture.ts'
import { Oracle } from './oracle.ts'
import { assertSame, pairOf } from './unfiltered.ts'

setDefaultTimeout(60_000)

const rules = rulesOf(packs)
const pair = pairOf(rules)
const oracle = new Oracle(rules.filter((rule) => rule.name === 'email'))
const emails = engineOf(rules.filter((rule) => rule.name === 'email'))

const words = [
  'ann',
  'jane.doe',
  'x',
  'a-very_long+name.of%somebody',
  'q'.repeat(63),
  'q'.repeat(64),
  'q'.repeat(65),
]
const ends = [
  '',
  ' ',
  '@',
  '@b',
  '@b.io',
  '@b.io ',
  '@mail.example.org\n',
  '=',
  '/',
  '\n',
  '@@',
  '.@c.de',
]
const mail = fc
  .tuple(fc.constantFrom(...words), fc.constantFrom(...ends))
  .map((parts) => parts.join(''))
const sizes = fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 12 })
const flushes = fc.array(fc.tuple(fc.nat(9000), fc.constantFrom<FlushEvent>('idle', 'echo')), {
  maxLength: 2,
})

test('addresses are found in every split as the oracle finds them', () => {
  let seen = 0
  fc.assert(
    fc.property(fc.array(mail, { minLength: 1, maxLength: 12 }), sizes, (parts, lengths) => {
      const text = parts.join('')
      const due = oracle.spans(text).map((span) => `${span.start}-${span.end}:${span.rule}`)
      let index = 0
      expect(feed(emails, latin1(text)).spans).toEqual(due)
      const small = (): number => 1 + ((lengths[index++ % lengths.length] ?? 1) % 40)
      expect(feed(emails, latin1(text), small).spans).toEqual(due)
      seen += due.length
    }),
    { numRuns: rounds(3000) },
  )
  expect(seen).toBeGreaterThan(rounds(1000))
})

/** A match of some length, the end of which a word may overlap: quoted passwords hold blanks, words and addresses. */
const long = fc
  .tuple(
    fc.integer({ min: 3990, max: 4110 }),
    mail,
    fc.constantFrom('"', "'"),
    fc.array(mail, { maxLength: 4 }),
  )
  .map(([length, word, quote, after]) => {
    const value = 'v '.repeat(2100).slice(0, length - word.length) + word
    return `password=${quote}${value}${quote}${after.join('')}`
  })
/** What costs so much that the line goes dark some thousand bytes on. */
const costly = fc
  .tuple(
    fc.constantFrom('GB29 ', 'GB29 GB29 ', 'DE89 3704 GB29 '),
    fc.integer({ min: 3000, max: 9000 }),
    mail,
  )
  .map(
    ([text, length, word]) => text.repeat(Math.ceil(length / text.length)).slice(0, length) + word,
  )

for (const [name, part] of [
  ['at the bound of what is held', long],
  ['where a line goes dark', costly],
] as const)
  test(name, () => {
    let seen = 0
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 3 }),
        sizes,
        flushes,
        (parts, lengths, events) => {
          seen += assertSame(pair, parts.join('\n'), lengths, events).spans.length
        },
      ),
      { numRuns: rounds(150) },
    )
    expect(seen).toBeGreaterThan(rounds(150))
  })
