/** Streams that cost too much: they are masked too widely rather than not at all, the same in every split. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { logText } from '../../bench/measure/input.ts'
import { rounds } from '../../test/fixture/require.ts'
import { packs, rulesOf } from '../rules/index.ts'
import type { FlushEvent } from './engine.ts'
import { feed, latin1 } from './fixture.ts'
import { assertSame, pairOf } from './unfiltered.ts'

setDefaultTimeout(60_000)

const rules = rulesOf(packs)
const pair = pairOf(rules)
const { engine } = pair
const crowded = ':too-many-candidates'

const token = `ghp_${'q7WmZ2xKfB9tLpRn4v'.repeat(2)}`
const key = `-----BEGIN ${'PRIVATE'} KEY-----\nq7WmZ2xKfB9tLpRn4v\n`
/** Account numbers begin at each word and live for long: nothing costs more. */
const costly = ['GB29 ', 'GB29 GB29 ', 'IT60 X054 GB29 ', 'DE89 3704 GB29 ', 'GB29 NL91 ABNA ']
const repeated = fc.constantFrom(
  ...costly,
  ...costly,
  ...costly,
  ...['4 ', '4-', '411 ', '4 4 4 4 4 4 4 4 4\n', 'password=', 'password="', "pwd='", 'secret=a'],
  ...['--token ', '://a:', '%B411111111111^', 'a.b@c.d.', 'eyJ', '-', 'DE89 3704 ', ' '],
)
const part = fc.oneof(
  fc.tuple(repeated, fc.nat(6000)).map(([text, times]) => text.repeat(times).slice(0, 9000)),
  fc.constantFrom(` ${token} `, `\n${token}\n`, '\n', key, `x\n${key}`, 'quiet words on a line\n'),
)
const stream = fc.array(part, { minLength: 4, maxLength: 14 }).map((parts) => parts.join(''))
const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 12 })
const flushes = fc.array(fc.tuple(fc.nat(60_000), fc.constantFrom<FlushEvent>('idle', 'echo')), {
  maxLength: 3,
})

test('no split changes the output, and every secret is masked', () => {
  let given_up = 0
  fc.assert(
    fc.property(stream, sizes, flushes, (text, parts, events) => {
      const whole = assertSame(pair, text, parts, events)
      const masked = new Uint8Array(text.length)
      for (const span of whole.spans) {
        const [from = 0, to = 0] = (span.split(':')[0] ?? '').split('-').map(Number)
        masked.fill(1, from, to)
      }
      if (events.length === 0)
        for (let from = text.indexOf(token); from >= 0; from = text.indexOf(token, from + 1))
          expect(masked.subarray(from, from + token.length)).not.toContain(0)
      if (whole.spans.some((span) => span.endsWith(crowded))) given_up++
    }),
    { numRuns: rounds(120) },
  )
  expect(given_up).toBeGreaterThan(rounds(30))
})

test('single bytes give the same as the whole', () => {
  const text = `${'GB29 '.repeat(1500)}${token}${'GB29 '.repeat(4000)}\n${token}\n${'-'.repeat(9000)}`
  const whole = feed(engine, latin1(text))
  expect(whole.spans.some((span) => span.endsWith(crowded))).toBe(true)
  expect(feed(engine, latin1(text), () => 1)).toEqual(whole)
})

test('a stream that gave up sees again after the debt and the line', () => {
  const text = `${'GB29 '.repeat(4000)}${'.'.repeat(20_000)}\nplain ${token} text`
  const fed = feed(engine, latin1(text))
  expect(fed.text.endsWith(`\nplain ${'*'.repeat(token.length)} text`)).toBe(true)
  expect(fed.text.slice(3100, 20_000)).toBe('*'.repeat(16_900))
})

test('the end of a stream ends its debt', () => {
  const opened = engine.open('length')
  opened.push(latin1('GB29 '.repeat(4000)))
  opened.flush('end')
  expect(Buffer.from(opened.push(latin1('plain text. ')).bytes).toString()).toBe('plain text. ')
  opened.close()
})

test('clean streams, and files of secrets, stay within the budget', () => {
  const assignments = Array.from(
    { length: 1000 },
    (_, n) => `SERVICE_${n}_HOST=db${n}.internal\nSERVICE_${n}_PASSWORD=hunter${n}x\n`,
  ).join('')
  const cards = '4111 1111 1111 1111,Jane Doe,2030-01\n'.repeat(1000)
  const clean: Readonly<Record<string, Uint8Array>> = {
    log: logText(3),
    source: readFileSync(new URL('./engine.ts', import.meta.url)),
    design: readFileSync(new URL('../DESIGN.md', import.meta.url)),
    module: readFileSync(new URL('../build/masking.wasm', import.meta.url)),
    base64: latin1(Buffer.from(logText(4)).toString('base64').replaceAll(/.{76}/g, '$&\n')),
    hex: latin1(Buffer.from(logText(5).subarray(0, 300_000)).toString('hex')),
    assignments: latin1(assignments),
    cards: latin1(cards),
  }
  for (const [name, bytes] of Object.entries(clean)) {
    const given_up = feed(engine, bytes).spans.filter((span) => span.endsWith(crowded))
    expect({ name, given_up: given_up.length }).toEqual({ name, given_up: 0 })
  }
})
