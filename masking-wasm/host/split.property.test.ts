/**
 * The promises of the matcher against streams made of pieces of true and false secrets: no split changes
 * anything, and what is masked is what an independent reading of the rules says.
 */
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { isSlow, rounds } from '../../test/fixture/require.ts'
import { customRules } from '../compile/custom.ts'
import { lengths, parse } from '../compile/expression.ts'
import { default_packs, packs, rulesOf } from '../rules/index.ts'
import type { FlushEvent } from './engine.ts'
import { engineOf, feed, latin1 } from './fixture.ts'
import { Oracle } from './oracle.ts'

/** Thousands of streams each, on a machine that may have other work. */
setDefaultTimeout(180_000)

const rules = rulesOf(packs)
const engine = engineOf(rules)
const unfiltered = engineOf(rules)
unfiltered.useFilter(false)
const oracle = new Oracle(rules)
/** Bytes that a rule's lead may show whole. */
const leads = rules.map((rule) => {
  const lead = parse(rule.lead ?? '', false)
  return lead.ok ? lengths(lead.expression).max : 0
})

const pool = rules
  .flatMap((rule) => [...rule.examples, ...rule.counter_examples])
  .map((example) => Buffer.from(example.replaceAll(/[«»]/g, '')).toString('latin1'))
const glue = [
  '',
  ' ',
  '\n',
  '-',
  '.',
  '/',
  '=',
  '"',
  "'",
  ':',
  '@',
  '0',
  'a',
  'A',
  '_',
  '\r\n',
  '\0',
  '\xff',
]

/** A secret or a near miss: whole, cut, opened in the middle, or its beginning repeated. */
const piece = fc
  .tuple(fc.constantFrom(...pool), fc.nat(5), fc.nat(1000), fc.nat(12), fc.constantFrom(...glue))
  .map(([text, kind, at_, length, between]) => {
    const at = at_ % text.length
    switch (kind) {
      case 0:
        return text
      case 1:
        return text.slice(at)
      case 2:
        return text.slice(0, at)
      case 3:
        return text.slice(at, at + 1 + length)
      case 4:
        return text.slice(0, at) + between + text.slice(at)
      default:
        return text.slice(0, 1 + (at % 6)).repeat(1 + length)
    }
  })
const stream = fc
  .array(fc.tuple(piece, fc.constantFrom(...glue)), { minLength: 1, maxLength: 5 })
  .map((pieces) => pieces.flat().join('').slice(0, 400))
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 })
const flushes = fc.array(fc.tuple(fc.nat(400), fc.constantFrom<FlushEvent>('idle', 'echo')), {
  maxLength: 4,
})

const cycle = (list: readonly number[]): (() => number) => {
  let at = 0
  return () => list[at++ % list.length] ?? 1
}
const placed = (
  list: readonly (readonly [number, FlushEvent])[],
  length: number,
): Map<number, FlushEvent> => new Map(list.map(([at, event]) => [at % (length + 1), event]))

describe('default rules', () => {
  test('what is masked is the union of all matches, labelled by the leftmost longest', () => {
    let seen = 0
    fc.assert(
      fc.property(stream, sizes, (text, parts) => {
        const due = oracle.spans(text).map((span) => `${span.start}-${span.end}:${span.rule}`)
        expect(feed(engine, latin1(text)).spans).toEqual(due)
        expect(feed(engine, latin1(text), cycle(parts)).spans).toEqual(due)
        expect(feed(unfiltered, latin1(text), cycle(parts)).spans).toEqual(due)
        seen += due.length
      }),
      { numRuns: rounds(6000) },
    )
    // The canary: pieces without any secret would prove nothing.
    expect(seen).toBeGreaterThan(rounds(1500))
  }, 60_000)

  /** All of a window that is looked at at once, and of a longer one those at the ends of stretches of 512. */
  const places: readonly (readonly [at: number, length: number])[] = [
    ...Array.from({ length: 699 }, (_, at) => [at + 1, 700] as const),
    ...[512, 1024, 1536, 2048].flatMap((end) =>
      Array.from({ length: 44 }, (_, at) => [end - 30 + at, 2200] as const),
    ),
  ]
  // With all packs there are words everywhere to follow, and the filter rules out little.
  test.each([...(isSlow ? [packs] : []), default_packs].map((of) => [of]))(
    'an example at every place: %j',
    (of) => {
      const some = rulesOf(of)
      const masker = engineOf(some)
      const reader = new Oracle(some)
      for (const [index, { name, examples }] of some.entries()) {
        const plain = (examples[0] ?? '').replaceAll(/[«»]/g, '')
        const example = Buffer.from(plain).toString('latin1')
        const due = reader.spans(` ${example} `).map((span) => [span.start - 1, span.end - 1])
        // All the places among all the rules, where time is short.
        const looked = places.filter((_, place) => isSlow || (place + index) % 5 === 0)
        for (const [at, length] of looked) {
          const text = `${' '.repeat(at)}${example}${' '.repeat(length - at)}`
          const found = feed(masker, latin1(text)).spans.map((span) => span.split(':')[0])
          const expected = due.map(([from = 0, to = 0]) => `${at + from}-${at + to}`)
          expect({ name, at, found }).toEqual({ name, at, found: expected })
        }
      }
    },
    240_000,
  )

  test('the filter looks at long windows as at short ones', () => {
    let seen = 0
    // Filler of a prime length puts the pieces at all distances from where a block or a lane ends.
    const fillers = ['.'.repeat(67), ` ${'the quick brown '.repeat(8)}`, '20:14 7 '.repeat(13), '']
    const long = fc
      .array(fc.tuple(piece, fc.constantFrom(...fillers), fc.constantFrom(...glue)), {
        minLength: 20,
        maxLength: 60,
      })
      .map((pieces) => pieces.flat().join(''))
    fc.assert(
      fc.property(long, fc.integer({ min: 500, max: 1200 }), (text, size) => {
        const whole = feed(engine, latin1(text))
        expect(feed(unfiltered, latin1(text))).toEqual(whole)
        expect(feed(engine, latin1(text), () => size)).toEqual(whole)
        seen += whole.spans.length
      }),
      { numRuns: rounds(500) },
    )
    expect(seen).toBeGreaterThan(rounds(1500))
  })

  test('no split changes the output, flushes at fixed places included', () => {
    fc.assert(
      fc.property(stream, sizes, flushes, (text, parts, events) => {
        const at = placed(events, text.length)
        const whole = feed(engine, latin1(text), undefined, at, 'width')
        expect(feed(engine, latin1(text), cycle(parts), at, 'width')).toEqual(whole)
        expect(feed(engine, latin1(text), () => 1, at, 'width')).toEqual(whole)
      }),
      { numRuns: rounds(3000) },
    )
  })

  test('flushes show of a match no more than its allowance', () => {
    fc.assert(
      fc.property(stream, sizes, flushes, (text, parts, events) => {
        const at = placed(events, text.length)
        const fed = feed(engine, latin1(text), cycle(parts), at)
        const masked = maskedOf(fed.spans, text.length)
        const echoed = [...at.values()].includes('echo')
        for (const match of oracle.matches(text)) {
          const usual = echoed ? 6 + 24 : 6
          const clear = at.size === 0 ? 0 : Math.max(usual, leads[match.order] ?? 0)
          for (let i = match.start + clear; i < match.end; i++)
            if (masked[i] !== 1) throw new Error(`${match.name} at ${match.start}: byte ${i} shown`)
        }
      }),
      { numRuns: rounds(3000) },
    )
  })
})

describe('rules that begin everywhere', () => {
  const made = customRules([
    { name: 'many', pattern: 'a[a-f]{90}b' },
    { name: 'many-two', pattern: '[a-c][a-f]{80}[ef]{3}' },
    { name: 'lines', pattern: 'b[a-f\\n]{3,}e' },
    { name: 'tiny', pattern: 'ff' },
    { name: 'one', pattern: 'd(?![ef])' },
  ])
  if (!made.ok) throw new Error(made.reason)
  const crowded_engine = engineOf(made.rules)
  const crowded_oracle = new Oracle(made.rules)
  const text = fc
    .tuple(
      fc.constantFrom('aab', 'abcdef', 'aaaaab\n', 'acf'),
      fc.array(fc.nat(60), { minLength: 150, maxLength: 900 }),
    )
    .map(([letters, picks]) => picks.map((pick) => letters[pick % letters.length]).join(''))

  test('are masked too widely rather than not at all, the same in every split', () => {
    let crowds = 0
    fc.assert(
      fc.property(text, sizes, flushes, (given, parts, events) => {
        const at = placed(events, given.length)
        const whole = feed(crowded_engine, latin1(given), undefined, at)
        expect(feed(crowded_engine, latin1(given), cycle(parts), at)).toEqual(whole)
        const masked = maskedOf(whole.spans, given.length)
        for (const match of crowded_oracle.matches(given))
          for (let i = match.start + (at.size === 0 ? 0 : 30); i < match.end; i++)
            if (masked[i] !== 1) throw new Error(`${match.name} at ${match.start}: byte ${i} shown`)
        if (whole.spans.some((span) => span.endsWith(':too-many-candidates'))) crowds++
      }),
      { numRuns: rounds(400) },
    )
    expect(crowds).toBeGreaterThan(rounds(10))
  })
})

function maskedOf(spans: readonly string[], length: number): Uint8Array {
  const masked = new Uint8Array(length)
  for (const span of spans) {
    const [start = 0, end = 0] = (span.split(':')[0] ?? '').split('-').map(Number)
    masked.fill(1, start, end)
  }
  return masked
}
