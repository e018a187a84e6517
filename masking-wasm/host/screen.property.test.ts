/**
 * Secrets cut by everything that a terminal takes for something else than text: no split changes anything, what is masked
 * is what an independent reading of the screen finds, and never less than without it.
 */
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { rounds } from '../../test/fixture/require.ts'
import { default_packs, rulesOf } from '../rules/index.ts'
import type { FlushEvent } from './engine.ts'
import { engineOf, type Fed, feed, latin1 } from './fixture.ts'
import { Oracle } from './oracle.ts'
import { betweenSeams, dueOnScreen } from './oracle-screen.ts'

/** Thousands of streams each, on a machine that may have other work. */
setDefaultTimeout(120_000)

const rules = rulesOf(default_packs)
const engine = engineOf(rules)
const oracle = new Oracle(rules)
const seen_by_oracle = betweenSeams(oracle)
const units = { width: 'terminal', length: 'bytes' } as const

const pool = rules
  .flatMap((rule) => [...rule.examples, ...rule.counter_examples])
  .map((example) => Buffer.from(example.replaceAll(/[«»]/g, '')).toString('latin1').slice(0, 120))
const escapes = [
  '\x1b[31m',
  '\x1b[m',
  '\x1b[K',
  '\x1b]0;t\x07',
  '\x1b]8;;http://x\x1b\\',
  '\x1b(B',
  '\x1b7',
  '\0',
  '\x07',
  '\x1b[5G',
  '\x1b[2;1H',
  '\x1b[4111111111111111m',
]
/** Where the cursor goes elsewhere, what was written there before is not known. */
const in_line = escapes.filter((escape) => !/[GH]$/.test(escape))
const edits = ['\b', '\b \b', 'X\b', 'x\b\b', '\x7f', '\r', ' \r', '\r\n', '\n', '_\b', 'ab\b\b']
const odd = [
  '\x1b',
  '\x1b[',
  '\x1b]',
  '\x1bP',
  '\xc2',
  '\x1b[3\n',
  '\x1b]0;',
  '\x9c',
  '\xc2\x9b31m',
  '\xc2\x9c',
  '\x18',
  '\x1b\x1b[',
  '\x1bk',
  '\x1b[99999999999999999999999m',
  '\r\r\n',
  '\x0b',
  '\t',
  '  \r',
  '\x1b[D',
  '\x1b[C',
  '\x1b[3D',
]

/** An example with something of `among` at some of its places. */
const cut = (among: readonly string[], bold: boolean): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...pool),
      fc.array(fc.tuple(fc.nat(1000), fc.constantFrom(...among)), { maxLength: 4 }),
      fc.nat(9),
    )
    .map(([example, cuts, kind]) => {
      const at = new Map(cuts.map(([place, what]) => [place % (example.length + 1), what]))
      const whole = Array.from(
        { length: example.length + 1 },
        (_, i) => (at.get(i) ?? '') + example.slice(i, i + 1),
      )
      // Bold, as printers did.
      return kind === 0 && bold
        ? whole.map((part) => (part.length === 1 ? `${part}\b${part}` : part)).join('')
        : whole.join('')
    })
const streamOf = (among: readonly string[], bold = false): fc.Arbitrary<string> =>
  fc

    .array(fc.tuple(cut(among, bold), fc.constantFrom('', ' ', '\n', '\r\n', 'a', '-', '\x1b[m')), {
      minLength: 1,
      maxLength: 4,
    })
    .map((parts) => parts.flat().join(''))
const repeated = fc.constantFrom(
  ...['\x1b[m', '\0', 'A\b', 'ab\b\bcd\b\b', '\b \b', ' \r', '\r', '\x1b]0;', '\x1b]', '\x1bP'],
  ...['\x1b[1;', '\x1b', '4\x1b[m', 'GB29 \x1b[m', 'eyJ', '\xc2', '\x1b]0;x\x07A', '\r\r', '_\b'],
)
const long = fc
  .array(
    fc.tuple(
      cut([...odd, ...edits, ...escapes], true),
      repeated,
      fc.integer({ min: 1, max: 9000 }),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) =>
    parts
      .map(([text, part, bytes]) => {
        const half = text.length >> 1
        return text.slice(0, half) + part.repeat(bytes / part.length) + text.slice(half)
      })
      .join('\n'),
  )
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 })
const flushes = fc.array(fc.tuple(fc.nat(400), fc.constantFrom<FlushEvent>('idle', 'echo')), {
  maxLength: 3,
})
const unit = fc.constantFrom('width' as const, 'length' as const)
const columns = fc.constantFrom(0, 20, 80)

const cycle = (list: readonly number[]): (() => number) => {
  let at = 0
  return () => list[at++ % list.length] ?? 1
}
const maskedOf = ({ spans }: Fed, length: number): Uint8Array => {
  const masked = new Uint8Array(length)
  for (const span of spans) {
    const [start = 0, end = 0] = (span.split(':')[0] ?? '').split('-').map(Number)
    masked.fill(1, start, end)
  }
  return masked
}

const printedBold = (text: string): string => text.replaceAll(/./gs, '$&\b$&')
/** More spans on one line than are kept of a stream, each a letter that is written again. */
const written_again: [string, number[], [number, FlushEvent][], keyof typeof units] = [
  `${printedBold('secret_q7WmZ2xKfB9tLpRn4')}v${'A\b'.repeat(514)}\bv${printedBold('YdHs6GcJa3TkEu8NbXoQ5iVw')}`,
  [1],
  [[74, 'idle']],
  'width',
]
/** A sequence that is cut by a control, beside a string that nobody ends. */
const after_another: [string, number[], [number, FlushEvent][], keyof typeof units, string] = [
  'MAILCHIMP=3\x1b\be88bb2',
  [40],
  [[19, 'idle']],
  'width',
  `\x1b]${'x'.repeat(310)}`,
]

describe('what is masked', () => {
  test('is what is seen with all escapes left out, and what stands there as it is', () => {
    let seen = 0
    fc.assert(
      fc.property(streamOf(escapes), sizes, unit, (text, parts, of) => {
        fc.pre(text.length < 400)
        const due = dueOnScreen(seen_by_oracle, text, units[of]).spans
        const spans = due.map(({ start, end }) => `${start}-${end}`)
        for (const size of [() => text.length, cycle(parts)]) {
          const fed = feed(engine, latin1(text), size, undefined, of)
          expect(fed.spans.map((span) => span.split(':')[0] ?? '')).toEqual(spans)
        }
        seen += due.length
      }),
      { numRuns: rounds(1500) },
    )
    expect(seen).toBeGreaterThan(rounds(700))
  })

  test('is also what is seen after something was overwritten', () => {
    let seen = 0
    let rewritten_seen = 0
    fc.assert(
      fc.property(streamOf([...edits, ...in_line]), columns, (text, wide) => {
        fc.pre(text.length < 400)
        const { spans, rewritten } = dueOnScreen(seen_by_oracle, text, 'terminal', wide)
        const fed = feed(engine, latin1(text), undefined, undefined, 'width', wide)
        const masked = maskedOf(fed, text.length)
        for (const { start, end, rule } of spans)
          for (let at = start; at < end; at++)
            if (masked[at] !== 1) throw new Error(`${rule} at ${start}: byte ${at} shown`)
        for (const { end, rule } of rewritten)
          if (masked[end - 1] !== 1) throw new Error(`${rule}: its end at ${end} shown`)
        seen += spans.length
        rewritten_seen += rewritten.length
      }),
      { numRuns: rounds(1500) },
    )
    expect(seen).toBeGreaterThan(rounds(300))
    expect(rewritten_seen).toBeGreaterThan(rounds(50))
  })
})

describe('no split changes the output', () => {
  test('whatever the bytes claim to be, flushes at fixed places included', () => {
    fc.assert(
      fc.property(
        streamOf([...odd, ...edits, ...escapes], true),
        sizes,
        flushes,
        unit,
        columns,
        (text, parts, events, of, wide) => {
          const at = new Map(events.map(([place, event]) => [place % (text.length + 1), event]))
          const whole = feed(engine, latin1(text), undefined, at, of, wide)
          expect(feed(engine, latin1(text), cycle(parts), at, of, wide)).toEqual(whole)
          expect(feed(engine, latin1(text), () => 1, at, of, wide)).toEqual(whole)
        },
      ),
      { numRuns: rounds(3000) },
    )
  })

  test('nor does holding for long, or giving up', () => {
    const long_sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 9 })
    let cuts = 0
    fc.assert(
      fc.property(long, long_sizes, flushes, unit, (text, parts, events, of) => {
        const at = new Map(events.map(([place, event]) => [place % (text.length + 1), event]))
        const whole = feed(engine, latin1(text), undefined, at, of)
        expect(feed(engine, latin1(text), cycle(parts), at, of)).toEqual(whole)
        if (parts[0] !== undefined && parts[0] % 8 === 0)
          expect(feed(engine, latin1(text), () => 1, at, of)).toEqual(whole)
        for (const span of whole.spans) {
          const [start = 0, end = 0] = (span.split(':')[0] ?? '').split('-').map(Number)
          if (end - start > 4000) cuts++
        }
      }),
      { numRuns: rounds(500), examples: [written_again] },
    )
    expect(cuts).toBeGreaterThan(rounds(6))
  })

  test('nor does anything that other streams of the engine are given in between', () => {
    fc.assert(
      fc.property(
        fc.oneof(long, streamOf([...odd, ...edits, ...escapes], true)),
        sizes,
        flushes,
        unit,
        long,
        (text, parts, events, of, other) => {
          const at = new Map(events.map(([place, event]) => [place % (text.length + 1), event]))
          const whole = feed(engineOf(rules), latin1(text), undefined, at, of)
          let beside = engine.open('width')
          let given = 0
          const next = cycle(parts)
          const size = (): number => {
            if (given >= other.length) {
              beside.flush('end')
              beside.close()
              beside = engine.open('width')
              given = 0
            }
            const length = 8 * next()
            beside.push(latin1(other.slice(given, given + length)))
            given += length
            return next()
          }
          expect(feed(engine, latin1(text), size, at, of)).toEqual(whole)
          beside.close()
        },
      ),
      { numRuns: rounds(60), examples: [after_another] },
    )
  })
})

test('no byte that is masked where it stands is shown for what comes around it', () => {
  const noise = fc.array(fc.constantFrom(...odd, ...edits, ...escapes), { maxLength: 6 })
  fc.assert(
    fc.property(noise, fc.constantFrom(...pool), noise, unit, (before, example, after, of) => {
      const text = before.join('') + example + after.join('')
      const masked = maskedOf(feed(engine, latin1(text), undefined, undefined, of), text.length)
      for (const { start, end } of oracle.spans(text))
        expect(masked.subarray(start, end)).not.toContain(0)
    }),
    { numRuns: rounds(2000) },
  )
})
