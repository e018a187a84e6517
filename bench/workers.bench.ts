/**
 * `--workers 2` against one process, on the same machine in the same run: one stream, two at once, connections,
 * keys, two hundred people who type, files. More processes must make nothing slower.
 *
 * @module
 */
import { join } from 'node:path'
import type { Options } from './main.ts'
import { typeTogether } from './measure/active.ts'
import { timeBulk } from './measure/bulk.ts'
import { writeInput } from './measure/input.ts'
import { echo_command, typeKeys } from './measure/terminal.ts'
import { type Figure, figure, type Goal, median, quantile, type Report } from './report.ts'
import { cipher, type Hop, key_exchange, openPaths, type Paths } from './rival/paths.ts'

type Side = 'gateway' | 'workers'

/** That clients are spread over. */
const processes: Readonly<Record<Side, number>> = { gateway: 1, workers: 2 }

interface Row {
  readonly unit: string
  /** Whether less of it is better. */
  readonly is_time: boolean
  /** One round. */
  measure(paths: Paths, side: Side, file: string, options: Options): Promise<number>
}

const rows: Readonly<Record<string, Row>> = {
  'one stream': {
    unit: 'MiB/s',
    is_time: false,
    measure: async (paths, side, file, { size_mib }) =>
      size_mib / (await timeBulk(paths.ssh(side), file)),
  },
  'two streams at once': {
    unit: 'MiB/s',
    is_time: false,
    async measure(paths, side, file, { size_mib }) {
      const start = performance.now()
      await Promise.all([timeBulk(paths.ssh(side), file), timeBulk(paths.ssh(side), file)])
      return (2 * size_mib) / ((performance.now() - start) / 1000)
    },
  },
  'connect + exec, one by one': {
    unit: '1/s',
    is_time: false,
    measure: (paths, side, _, { scale }) => connect(paths, side, Math.ceil(30 * scale), 1),
  },
  'connect + exec, eight at once': {
    unit: '1/s',
    is_time: false,
    measure: (paths, side, _, { scale }) => connect(paths, side, Math.ceil(64 * scale), 8),
  },
  'echo p99': {
    unit: 'ms',
    is_time: true,
    async measure(paths, side, _, { scale }) {
      const keys = Math.ceil(500 * scale)
      const typed = await typeKeys([...paths.ssh(side, '-tt'), echo_command], {
        keys,
        pause_ms: [4, 12],
      })
      return quantile(typed, 0.99)
    },
  },
  'echo p50, 200 type': typists(0.5),
  'echo p99, 200 type': typists(0.99),
}

function typists(q: number): Row {
  return {
    unit: 'ms',
    is_time: true,
    measure: async (paths, side, _, { scale }) =>
      quantile((await typeTogether(hopOf(paths, side), Math.ceil(200 * scale), 10)).times, q),
  }
}

export async function bench(options: Options): Promise<Report> {
  await using paths = await openPaths(['gateway', 'workers'])
  const file = join(paths.dir, 'input')
  writeInput(file, options.size_mib)
  const figures: Figure[] = []
  const goals: Goal[] = []
  for (const side of ['gateway', 'workers'] as const) await warm(paths, side, file, options)
  for (const [name, row] of Object.entries(rows)) {
    if (options.parts.length > 0 && !options.parts.includes(name)) continue
    console.error(`workers: ${name} ...`)
    const found: Record<Side, number[]> = { gateway: [], workers: [] }
    for (let round = 0; round < options.rounds; round++)
      for (const side of round % 2 === 0
        ? (['gateway', 'workers'] as const)
        : (['workers', 'gateway'] as const))
        found[side].push(await row.measure(paths, side, file, options))
    const ratios = found.workers.map((value, at) => {
      const one = found.gateway[at] ?? Number.NaN
      return row.is_time ? one / value : value / one
    })
    figures.push(
      figure(`${name}, one process`, row.unit, found.gateway),
      figure(`${name}, two workers`, row.unit, found.workers),
      figure(`${name}, as fast`, 'times', ratios),
    )
    goals.push({ name, value: median(ratios), unit: 'times', at_least: 1 })
  }
  const method = {
    input: `${options.size_mib} MiB, log text and random bytes in alternating pieces of 1 MiB`,
    cipher,
    key_exchange,
    rounds: options.rounds,
    scale: options.scale,
  }
  return { figures, goals, method }
}

const hopOf = (paths: Paths, side: Side): Hop => (side === 'gateway' ? paths.through : paths.spread)

/** Unmeasured, as much for each process: a compiler that has not seen the code yet is no matter of how many there are. */
async function warm(paths: Paths, side: Side, file: string, { scale }: Options): Promise<void> {
  console.error(`workers: warming ${side} ...`)
  const each = processes[side]
  await connect(paths, side, Math.ceil(32 * scale) * each, 4)
  await typeTogether(hopOf(paths, side), Math.ceil(100 * scale) * each, 15)
  for (let stream = 0; stream < 2 * each; stream++) await timeBulk(paths.ssh(side), file)
}

/** Connections a second, each running nothing; so many at a time. */
async function connect(paths: Paths, side: Side, count: number, at_once: number): Promise<number> {
  let left = count
  const start = performance.now()
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      const child = Bun.spawn([...paths.ssh(side), 'true'], { stdin: 'ignore', stderr: 'pipe' })
      if ((await child.exited) !== 0)
        throw new Error(`connect ${side}: ${await child.stderr.text()}`)
    }
  }
  await Promise.all(Array.from({ length: at_once }, one))
  return count / ((performance.now() - start) / 1000)
}
