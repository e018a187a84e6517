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

/** Of each sixteen bits: where a run ends, and how far behind its beginning. */
const run_ends = [
  [4, 7],
  [9, 6],
  [12, 4],
  [15, 3],
] as const

/** Shares of the places in `bytes` that the pairs let through, and the rows after them. */
function shares(tables: Uint8Array, bytes: Uint8Array): { pairs: number; rows: number } {
  const view = new DataView(tables.buffer)
  const classes = view.getUint32(12, true)
  const filter = view.getUint32(68, true)
  const halves = (at: number): readonly [bigint, bigint] => [
    view.getBigUint64(at, true),
    view.getBigUint64(at + 8, true),
  ]
  const classOf = (at: number): number => tables[view.getUint32(20, true) + (bytes[at] ?? 0)] ?? 0
  const [first_bits] = halves(filter)
  const [last_bits] = halves(filter + 16)
  const pairs_at = filter + 80
  const rows_at = pairs_at + classes * classes * 16
  let runs = [0n, 0n]
  let through = 0
  let fitting = 0
  for (let at = 16; at + 16 < bytes.length; at += 2) {
    const pair = halves(pairs_at + (classOf(at) * classes + classOf(at + 1)) * 16)
    runs = runs.map((run, half) => ((run << 1n) | first_bits) & (pair[half] ?? 0n))
    const ends = runs.reduce((all, run) => all | (run & last_bits), 0n)
    for (const [bit, back] of run_ends) {
      if ((ends & (0x0001_0001_0001_0001n << BigInt(bit))) === 0n) continue
      through++
      let groups = [~0n, ~0n]
      for (let row = 0; row < 10; row++) {
        const of_row = halves(rows_at + (row * classes + classOf(at - back - 1 + row)) * 16)
        groups = groups.map((of_half, half) => of_half & (of_row[half] ?? 0n))
      }
      if (groups.some((of_half) => of_half !== 0n)) fitting++
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
