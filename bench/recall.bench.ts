/**
 * Recall and precision of the masking rules, each and in total, on the corpus that `masking-wasm/rules/corpus/`
 * makes; and what the rules cost: states, tables and time to compile, by choice of packs.
 *
 * @module
 */
import { compile } from '../masking-wasm/compile/compile.ts'
import { measure, precisionOf, recallOf, type Score } from '../masking-wasm/host/recall.ts'
import { type Pack, packs, rulesOf } from '../masking-wasm/rules/index.ts'
import type { Options } from './main.ts'
import { type Figure, figure, type Report } from './report.ts'

/** Planted values for each rule. */
const planted_each = 200

const choices: readonly (readonly [name: string, packs: readonly Pack[]])[] = [
  ['default packs', ['secrets', 'pci']],
  ['all packs', packs],
]

export async function bench(options: Options): Promise<Report> {
  const count = Math.max(1, Math.round(planted_each * options.scale))
  const scores = measure(count)
  const figures: Figure[] = []
  const quality = (name: string, rules: readonly Score[]): void => {
    figures.push(figure(`${name}: recall`, 'ratio', [recallOf(rules)], `${rules.length} rules`))
    figures.push(figure(`${name}: precision`, 'ratio', [precisionOf(rules)]))
  }
  quality('all rules', scores.rules)
  for (const pack of packs)
    quality(
      `pack ${pack}`,
      scores.rules.filter((score) => score.pack === pack),
    )
  for (const [name, of] of choices) figures.push(...cost(name, of, options.rounds))

  console.log('  rule                                  recall  precision')
  for (const score of scores.rules) {
    const shares = [recallOf([score]), precisionOf([score])].map((share) => share.toFixed(5))
    console.log(`  ${score.rule.padEnd(36)}  ${shares.join('  ')}`)
  }

  const recall = recallOf(scores.rules)
  const precision = precisionOf(scores.rules)
  return {
    figures,
    goals: [
      { name: 'recall of all rules', value: recall, unit: 'ratio', at_least: 0.99 },
      { name: 'precision of all rules', value: precision, unit: 'ratio', at_least: 0.98 },
    ],
    method: { planted_each: count, ordinary_bytes: scores.ordinary_bytes },
    detail: {
      rules: scores.rules.map((score) => ({
        ...score,
        recall: recallOf([score]),
        precision: precisionOf([score]),
      })),
      ordinary: scores.ordinary,
      password_source: scores.password_source,
    },
  }
}

function cost(name: string, of: readonly Pack[], rounds: number): readonly Figure[] {
  const rules = rulesOf(of)
  const times: number[] = []
  let tables: Uint8Array = new Uint8Array(16)
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    const compiled = compile(rules)
    times.push(performance.now() - start)
    if (!compiled.ok) throw new Error(`${compiled.rule}: ${compiled.reason}`)
    tables = compiled.ruleset.tables
  }
  const header = new DataView(tables.buffer, tables.byteOffset)
  return [
    figure(`${name}: states`, 'states', [header.getUint32(8, true)], `${rules.length} rules`),
    figure(`${name}: byte classes`, 'classes', [header.getUint32(12, true)]),
    figure(`${name}: tables`, 'bytes', [tables.length]),
    figure(`${name}: compiled in`, 'ms', times),
  ]
}
