/**
 * `bun run bench [NAME] [--size 1024] [--rounds 3] [--parts bulk,echo] [--paths direct,gateway]`:
 * runs the benchmarks, or the one named. Each compares with a rival in the same run, prints a
 * table, and keeps its figures in `bench/record/NAME.json` unless `--dry` is given.
 *
 * @module
 */
import { parseArgs } from 'node:util'
import { keep, print, type Report } from './report.ts'

export interface Options {
  /** MiB of the bulk stream. */
  readonly size_mib: number
  readonly rounds: number
  /** Which measurements to make; empty means all. */
  readonly parts: readonly string[]
  /** Which ways to compare; empty means all. */
  readonly paths: readonly string[]
  /** Scales the counts of keys, connections and sessions, for a quick look. */
  readonly scale: number
}

const { values, positionals } = parseArgs({
  args: Bun.argv.slice(2),
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '3' },
    parts: { type: 'string', default: '' },
    paths: { type: 'string', default: '' },
    scale: { type: 'string', default: '1' },
    dry: { type: 'boolean', default: false },
  },
})
const list = (text: string): string[] => text.split(',').filter((word) => word !== '')
const options: Options = {
  size_mib: positive('size', values.size),
  rounds: positive('rounds', values.rounds),
  parts: list(values.parts),
  paths: list(values.paths),
  scale: positive('scale', values.scale),
}

const known = [...new Bun.Glob('*.bench.ts').scanSync(import.meta.dir)]
  .map((file) => file.replace('.bench.ts', ''))
  .toSorted()
const unknown = positionals.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(`bench: no benchmark ${unknown.join(', ')}; there are: ${known.join(', ')}`)
  process.exit(2)
}

for (const name of positionals.length > 0 ? positionals : known) {
  // What a benchmark exports is the contract of this folder.
  const { bench } = (await import(`./${name}.bench.ts`)) as {
    bench: (options: Options) => Promise<Report>
  }
  const report = await bench(options)
  print(name, report)
  if (!values.dry) console.log(`\nkept in ${keep(name, report)}`)
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  console.error(`bench: --${name} needs a number above zero, not ${text}`)
  process.exit(2)
}
