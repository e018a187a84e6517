/** The filter by its tables alone: it must stay selective when rules become many. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { logText } from '../../bench/measure/input.ts'
import { latin1 } from '../host/fixture.ts'
import { packs, rulesOf } from '../rules/index.ts'
import type { Rule } from '../rules/rule.ts'
import { compile } from './compile.ts'
import { states_max } from './dfa.ts'

const words = 'acme bolt cart dyno edge flow grid hive iris jolt kite lark mint nova opal pine quip'
/** As vendors make them: a prefix, then letters and digits. */
const prefixed: readonly Rule[] = words.split(' ').flatMap((word, index) =>
  ['live', 'test', 'pat', 'org', 'usr', 'ci', 'app', 'db'].map(
    (tail, form): Rule => ({
      name: `${word}-${tail}`,
      pack: 'custom',
      pattern:
        (form % 2 === 0 ? `${word}_${tail}_` : `${word.slice(0, 2)}${tail}-`) +
        `[A-Za-z0-9]{${20 + index},}`,
      severity: 'high',
      source: '',
      examples: [],
      counter_examples: [],
    }),
  ),
)

/** Hundreds of rules take a second or two, and longer where others compile too. */
const compile_ms_max = 60_000

function tablesOf(rules: readonly Rule[]): Uint8Array {
  const compiled = compile(rules)
  if (!compiled.ok) throw new Error(`${compiled.rule}: ${compiled.reason}`)
  return compiled.ruleset.tables
}

/** Shares of the places in `bytes` that the pairs let through, and the rows after them. */
function shares({ buffer }: Uint8Array, bytes: Uint8Array): { pairs: number; rows: number } {
  const filter = new DataView(buffer).getUint32(68, true)
  const [first_bits = 0n, last_bits = 0n] = new BigUint64Array(buffer, filter, 2)
  const back = new Uint8Array(buffer, filter + 32, 64)
  const pairs = new BigUint64Array(buffer, filter + 96, 65_536)
  const rows = new BigUint64Array(buffer, filter + 96 + 65_536 * 8, 2560)
  let run = 0n
  let through = 0
  let fitting = 0
  for (let at = 16; at + 16 < bytes.length; at += 2) {
    const pair = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
    run = ((run << 1n) | first_bits) & (pairs[pair] ?? 0n)
    for (let ends = run & last_bits, bit = 0; ends !== 0n; ends >>= 1n, bit++) {
      if ((ends & 1n) === 0n) continue
      through++
      const start = at - (back[bit] ?? 0)
      let groups = ~0n
      for (let row = 0; row < 10; row++)
        groups &= rows[row * 256 + (bytes[start - 1 + row] ?? 0)] ?? 0n
      if (groups !== 0n) fitting++
    }
  }
  return { pairs: through / bytes.length, rows: fitting / bytes.length }
}

describe('little is let through', () => {
  const prose = 'It was the best of times, it was the worst of times, it was the age of wisdom. '
  const digests = Array.from({ length: 1000 }, (_, n) =>
    createHash('sha256').update(String(n)).digest('hex'),
  ).join('\n')
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ['log', logText(1).subarray(0, 200_000)],
    ['prose', latin1(prose.repeat(500))],
    ['digests', latin1(digests)],
  ]
  let few: Uint8Array = new Uint8Array()
  let many: Uint8Array = new Uint8Array()
  beforeAll(() => {
    const own = rulesOf(['secrets', 'pci'])
    few = tablesOf(own)
    many = tablesOf([...own, ...prefixed])
  }, compile_ms_max)
  for (const [name, bytes] of cases)
    test(name, () => {
      const [our, with_more] = [shares(few, bytes), shares(many, bytes)]
      expect(our.pairs).toBeLessThan(0.04)
      expect(our.rows).toBeLessThan(0.02)
      expect(with_more.pairs).toBeLessThan(0.06)
      expect(with_more.rows).toBeLessThan(0.02)
    })
})

test(
  'what may begin is let through',
  () => {
    const { pairs, rows } = shares(
      tablesOf(rulesOf(packs)),
      latin1(`${' '.repeat(20)}4111 1111 1111 1111 ${' '.repeat(40)}`),
    )
    expect(pairs).toBeGreaterThan(0)
    expect(rows).toBeGreaterThan(0)
  },
  compile_ms_max,
)

test(
  'all packs and half as many rules again compile',
  () => {
    const states = new DataView(tablesOf([...rulesOf(packs), ...prefixed]).buffer).getUint32(
      8,
      true,
    )
    expect(states).toBeLessThan(states_max)
  },
  compile_ms_max,
)
