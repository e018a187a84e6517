/**
 * What a benchmark hands back, and how it is shown and kept: a table on the screen, JSON in
 * `bench/record/`. Every figure keeps all of its rounds, so that a reader can judge the spread.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'

export interface Figure {
  /** `bulk gateway`, `echo direct p99`: unique inside one benchmark. */
  readonly name: string
  readonly unit: string
  /** The median of `rounds`, unless the figure says how else it comes about in `note`. */
  readonly value: number
  readonly rounds: readonly number[]
  readonly note?: string
}

/** A promise about a figure. Printed as met or missed; never asserted, for machines differ. */
export interface Goal {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly at_least?: number
  readonly at_most?: number
}

export interface Report {
  readonly figures: readonly Figure[]
  readonly goals: readonly Goal[]
  /** How it was measured: sizes, counts, versions of the rivals. */
  readonly method: Readonly<Record<string, unknown>>
  /** Series and breakdowns that do not fit a row. */
  readonly detail?: Readonly<Record<string, unknown>>
}

export function figure(
  name: string,
  unit: string,
  rounds: readonly number[],
  note?: string,
): Figure {
  const value = median(rounds)
  return { name, unit, value, rounds, ...(note === undefined ? {} : { note }) }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The nearest-rank quantile; NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  if (q === 0.5 && sorted.length > 0 && sorted.length % 2 === 0) {
    const half = sorted.length / 2
    return ((sorted[half - 1] ?? Number.NaN) + (sorted[half] ?? Number.NaN)) / 2
  }
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
}

export function isMet(goal: Goal): boolean {
  return goal.value >= (goal.at_least ?? -Infinity) && goal.value <= (goal.at_most ?? Infinity)
}

export function print(subject: string, report: Report): void {
  const rows = report.figures.map((each) => [
    each.name,
    short(each.value),
    each.unit,
    each.rounds.length > 1 ? `[${each.rounds.slice(0, 8).map(short).join(' ')}]` : '',
    each.note ?? '',
  ])
  console.log(`\n${subject}\n${table(rows)}`)
  if (report.goals.length === 0) return
  const goals = report.goals.map((goal) => [
    goal.name,
    short(goal.value),
    goal.unit,
    goal.at_least === undefined ? `at most ${goal.at_most}` : `at least ${goal.at_least}`,
    isMet(goal) ? 'met' : 'MISSED',
  ])
  console.log(`\ngoals\n${table(goals)}`)
}

/** Writes `bench/record/SUBJECT.json` and returns its path. */
export function keep(subject: string, report: Report): string {
  const dir = join(import.meta.dir, 'record')
  mkdirSync(dir, { recursive: true })
  const path = join(dir, `${subject}.json`)
  const goals = report.goals.map((goal) => ({ ...goal, met: isMet(goal) }))
  const whole = { subject, date: new Date().toISOString(), machine: machine(), ...report, goals }
  writeFileSync(path, `${JSON.stringify(whole, rounded, 2)}\n`)
  return path
}

function machine(): Readonly<Record<string, unknown>> {
  const run = (...command: string[]): string => {
    const { stdout, stderr } = Bun.spawnSync(command)
    return `${stdout.toString()}${stderr.toString()}`.trim()
  }
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory_mib: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    // Another load on the machine spoils absolute figures, and ratios less.
    load_1min: loadavg()[0],
    bun: Bun.version,
    openssh: run('ssh', '-V'),
    commit: run('git', '-C', import.meta.dir, 'rev-parse', '--short', 'HEAD'),
  }
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 1 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `  ${line}`)
    .join('\n')
}

function short(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(3)
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value)
    ? Number(value.toPrecision(5))
    : value
}
