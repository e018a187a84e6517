/**
 * `bun run rules`: writes `RULES.md`, the list of all rules, from the rules themselves and the last measurement of them.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { packs, rulesOf } from '../rules/index.ts'
import type { Pack, Severity } from '../rules/rule.ts'

export const catalogue_path: string = fileURLToPath(new URL('../RULES.md', import.meta.url))

const packs_about: Readonly<Record<Pack, string>> = {
  secrets: 'on by default',
  pci: 'on by default',
  pii: 'by choice: numbers, addresses and accounts of persons',
  hipaa: 'by choice: patients and those who treat them',
  network: "by choice: machines' addresses, which most logs need",
}
const severities: readonly Severity[] = ['critical', 'high', 'medium', 'low']

/** What of the record is read here. */
interface Measurement {
  readonly detail: {
    readonly rules: readonly {
      readonly rule: string
      readonly recall: number
      readonly precision: number
    }[]
  }
}
const record_path = new URL('../../bench/record/recall.json', import.meta.url)

export function catalogue(): string {
  const all = rulesOf(packs)
  // Our own file, written by the benchmark.
  const { detail } = JSON.parse(readFileSync(record_path, 'utf8')) as Measurement
  const measured = new Map(
    detail.rules.map(({ rule, recall, precision }) => [rule, `${recall} | ${precision}`]),
  )
  const lines = [
    '# The rules',
    '',
    'Written by `bun run rules` from `rules/`; a test compares. What a severity means stands in `rules/rule.ts`.',
    'Recall: the share of planted values that is masked. Precision: the share of what is masked that is one. Both by `bun run bench recall`.',
    '',
    `| pack | rules | ${severities.join(' | ')} | |`,
    `|---|---|${severities.map(() => '---|').join('')}---|`,
    ...packs.map((pack) => {
      const rules = rulesOf([pack])
      const counts = severities.map(
        (one) => rules.filter(({ severity }) => severity === one).length,
      )
      return `| \`${pack}\` | ${rules.length} | ${counts.join(' | ')} | ${packs_about[pack]} |`
    }),
    `| all | ${all.length} | ${severities.map((one) => all.filter(({ severity }) => severity === one).length).join(' | ')} | |`,
    '',
    '| rule | pack | severity | check | recall | precision | described in |',
    '|---|---|---|---|---|---|---|',
    ...all.map(
      ({ name, pack, severity, check, source }) =>
        `| \`${name}\` | ${pack} | ${severity} | ${check ?? ''} | ${measured.get(name) ?? ' | '} | ${source} |`,
    ),
    '',
  ]
  return lines.join('\n')
}

if (import.meta.main) {
  writeFileSync(catalogue_path, catalogue())
  console.log(catalogue_path)
}
