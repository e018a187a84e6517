/** What someone could print to be slow, to be held, or to be seen: bounded by steps, not by a clock. */
import { describe, expect, test } from 'bun:test'
import { packs, rulesOf } from '../rules/index.ts'
import { engineOf, feed, latin1 } from './fixture.ts'

const engine = engineOf(rulesOf(packs))
const usual = engineOf(rulesOf(['secrets', 'pci']))
const parts = [
  'eyJ',
  'eyJ ',
  '4',
  '4 ',
  '41-',
  '4111111111111111',
  'AKIA',
  'AKIA ',
  'a@',
  'a.b@c.d.',
  'a',
  '-',
  '://a:',
  'password=',
  'password="',
  'sk-',
  'xoxb-',
  ' ',
  'NPI 1',
  'DE89 3704 ',
  '-----BEGIN A ',
  '-----BEGIN PRIVATE KEY-----\n',
  '-----BEGIN PRIVATE KEY-----\nA: ',
  '\xff',
  '\0',
]

describe('tables of numbers stay readable', () => {
  const rows = Array.from({ length: 1_500 }, (_, row) => row)
  const table = (row: (n: number) => readonly (number | string)[]): string =>
    rows.map((n) => row(n).join(' ')).join('\n')
  /** Small, seeded by its place, and no card number in sight. */
  const noise = (n: number, below: number): number => (n * 7919 + (n >> 3) * 104_729) % below
  const cases: Readonly<Record<string, string>> = {
    'of one digit': table((n) => rows.slice(0, 40).map((m) => noise(n * 41 + m, 10))),
    'of up to three digits': table((n) => rows.slice(0, 40).map((m) => noise(n * 41 + m, 256))),
    'years in one line': rows
      .concat(rows)
      .map((n) => 2_000 + (n % 60))
      .join(' '),
    'bytes in hex': table((n) =>
      rows.slice(0, 16).map((m) => (48 + noise(n * 17 + m, 10)).toString(16)),
    ),
    'counted in one line': rows
      .concat(rows, rows)
      .map((_, n) => 3_000 + n)
      .join(' '),
  }
  for (const [name, text] of Object.entries(cases))
    test(name, () => {
      // Four groups of four may pass for a card's number; all of it must not.
      const { spans, text: shown } = feed(usual, latin1(text))
      expect(spans.filter((span) => span.includes('too-many-candidates'))).toEqual([])
      expect(shown).toMatch(/[0-9]/)
    })
})

describe('repeated without end', () => {
  for (const part of parts)
    test(JSON.stringify(part), () => {
      const bytes = latin1(part.repeat(Math.ceil(60_000 / part.length)))
      // `feed` checks the bound on what is held after each part.
      const whole = feed(engine, bytes)
      expect(whole.text.length).toBe(bytes.length)
      expect(feed(engine, bytes, () => 64)).toEqual(whole)
    })
})

test('all bytes, in every pair', () => {
  const pairs = new Uint8Array(131_072)
  for (let i = 0; i < 65_536; i++) {
    pairs[i * 2] = i >> 8
    pairs[i * 2 + 1] = i
  }
  const whole = feed(engine, pairs)
  expect(feed(engine, pairs, () => 61)).toEqual(whole)
})
