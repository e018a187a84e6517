/** What need not begin since it is under way: the rest begins as before, and what is masked is what the oracle masks. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { rounds } from '../../test/fixture/require.ts'
import { engineOf, feed, latin1 } from '../host/fixture.ts'
import { Oracle } from '../host/oracle.ts'
import type { Rule } from '../rules/rule.ts'
import type { Entry } from './dfa.ts'
import { parse } from './expression.ts'
import { Nfa } from './nfa.ts'
import { withoutRepeats } from './repeats.ts'

/** The bytes behind which each part of the beginning is left out. */
function lefts(pattern: string, left?: Uint8Array): readonly (string | undefined)[] {
  const nfa = new Nfa()
  const parsed = parse(pattern, false)
  if (!parsed.ok) throw new Error(parsed.reason)
  const state = nfa.add(parsed.expression, nfa.accept(0), 0, 'pattern')
  const entry: Entry = { rule: 0, state, kind: 'pattern', left }
  return withoutRepeats(nfa, entry).map(
    (part) =>
      part.left &&
      String.fromCharCode(...[...part.left.keys()].filter((byte) => part.left?.[byte] === 1)),
  )
}

test.each([
  ['%?B[0-9]+', ['%', undefined]],
  ['[xy]*z1', ['xy']],
  ['x?y?z1', [undefined, 'x', 'xy']],
  ['(?:ab)?c1', [undefined]],
  ['B[0-9]+', [undefined]],
] as const)('%s', (pattern, expected) => {
  expect(new Set(lefts(pattern))).toEqual(new Set(expected))
})

test('a rule that may not stand behind every byte is left as it is', () => {
  const left = new Uint8Array(256)
  left[0x61] = 1
  expect(lefts('%?B[0-9]+', left)).toEqual(['a'])
})

const rule = (name: string, pattern: string, before?: string): Rule => ({
  ...{ name, pattern, pack: 'custom', severity: 'high', source: 'a test' },
  ...{ examples: [], counter_examples: [], ...(before === undefined ? {} : { before }) },
})
const rules = [
  rule('optional', 'x?ab[xy]{2,}'),
  rule('repeated', '[xy]*a{2,4}b'),
  rule('both', 'x?y?b{3,5}a'),
  rule('behind', '[ab]{3}', 'x?y*by'),
]

test('what is masked is what the oracle masks', () => {
  const engine = engineOf(rules)
  const oracle = new Oracle(rules)
  let spans = 0
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', 'x', 'y', 'xab', 'yaab', 'xyby', ' '), {
        minLength: 20,
        maxLength: 80,
      }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
      (parts, sizes) => {
        const text = parts.join('')
        const due = oracle
          .spans(text)
          .map(({ start, end, rule: name }) => `${start}-${end}:${name}`)
        let index = 0
        const fed = feed(engine, latin1(text), () => sizes[index++ % sizes.length] ?? 1)
        expect(fed.spans).toEqual(due)
        expect(feed(engine, latin1(text)).spans).toEqual(due)
        spans += due.length
      },
    ),
    { numRuns: rounds(300) },
  )
  expect(spans).toBeGreaterThan(rounds(300))
})
