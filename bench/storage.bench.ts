/**
 * The storage of evidence: a durable append through the journal against a bare preallocated file, verification against
 * `sha256sum` over the same bytes, replication against a bare loop of PUTs to the same Ceph; and what years of use do
 * to a search and to a proof.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Options } from './main.ts'
import { timeAppends } from './measure/append.ts'
import { commands_of_session, fillLog, fillStore } from './measure/large-store.ts'
import { logGrowth, proofTimes } from './measure/log-proof.ts'
import { replicationRates } from './measure/replication.ts'
import { searchTimes } from './measure/search.ts'
import { bulkEvidence, verificationRates } from './measure/verification.ts'
import { type Figure, figure, type Goal, median, quantile, type Report } from './report.ts'

/** At `--scale 1`. */
const commands = 1_000_000
const log_entries = 10_000_000
const proofs = 500
/** Of each kind: fewer would give its slowest time for its p99. */
const searches_of_round = 100
/** Entries that a gateway writes while its memory is looked at. */
const more_entries = 100_000

const concurrent = [1, 32, 1000] as const
/** Bytes of the evidence at `--size 1024`: more says nothing else, and Ceph has to keep it. */
const evidence_share = 1 / 4

export async function bench(options: Options): Promise<Report> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const wanted = (part: string): boolean =>
    options.parts.length === 0 || options.parts.includes(part)
  const figures: Figure[] = []
  const goals: Goal[] = []
  try {
    if (wanted('append')) append(dir, options, figures, goals)
    if (wanted('search')) await search(dir, options, figures, goals)
    if (wanted('log')) await proof(dir, options, figures, goals)
    if (wanted('verify') || wanted('replicate')) {
      const evidence = await bulkEvidence(dir, Math.ceil(options.size_mib * evidence_share))
      if (wanted('verify')) {
        console.error('storage: verify ...')
        const { verified, hashed } = await verificationRates(evidence, options.rounds)
        figures.push(figure('verify', 'MB/s', verified), figure('sha256sum', 'MB/s', hashed))
        const ratios = verified.map((rate, round) => rate / (hashed[round] ?? Number.NaN))
        figures.push(figure('verify / sha256sum', 'ratio', ratios))
        goals.push({
          ...{ name: 'verify, of sha256sum', value: median(ratios), unit: '', at_least: 0.5 },
        })
      }
      if (wanted('replicate')) {
        console.error('storage: replicate ...')
        const rates = await replicationRates(evidence, options.rounds)
        const { replicated, bare, bare_same } = rates
        const over = (rival: readonly number[]): number[] =>
          replicated.map((rate, round) => rate / (rival[round] ?? Number.NaN))
        const ratios = over(bare)
        figures.push(
          figure('replicate', 'MB/s', replicated),
          figure('bare PUT loop', 'MB/s', bare),
          figure('replicate / bare', 'ratio', ratios),
          figure('bare PUT loop, objects of evidence', 'MB/s', bare_same),
          figure('replicate / bare, objects of evidence', 'ratio', over(bare_same)),
        )
        goals.push(
          { name: 'replicate, of bare PUTs', value: median(ratios), unit: '', at_least: 0.8 },
          { name: 'replicate', value: median(replicated), unit: 'MB/s', at_least: 80 },
        )
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  return {
    figures,
    goals,
    method: {
      append:
        '300 bytes of each of N sessions in one commit, after 50 that are not counted; both alternate. Bare: one writev of all, and fdatasync',
      evidence_mib: Math.ceil(options.size_mib * evidence_share),
      search: `${commands * options.scale} commands, ${commands_of_session} a session; pages of 50, asked through the store's Worker`,
      log: `${log_entries * options.scale} entries; a proof is made beside no gateway, its hashes read from the disk, and verified`,
      bare: 'aws4fetch, bodies of 4 MiB, 8 at a time, locked as evidence is; objects of evidence: as many, and as large, as replication stores',
    },
  }
}

async function search(
  dir: string,
  options: Options,
  figures: Figure[],
  goals: Goal[],
): Promise<void> {
  const data = join(dir, 'search')
  mkdirSync(data)
  const sessions = Math.ceil((commands * options.scale) / commands_of_session)
  console.error(`storage: search, making ${sessions} sessions ...`)
  const made = fillStore(data, sessions)
  if (made !== sessions * commands_of_session) throw new Error(`the store has ${made} commands`)
  console.error('storage: search ...')
  const kinds = await searchTimes(data, sessions, searches_of_round * options.rounds)
  const worst = [...kinds].map(([kind, times]) => {
    figures.push(
      figure(`search: ${kind}, p50`, 'ms', [median(times)]),
      figure(`search: ${kind}, p99`, 'ms', [quantile(times, 0.99)]),
    )
    return quantile(times, 0.99)
  })
  goals.push({
    ...{ name: 'search, p99 of the slowest kind', value: Math.max(...worst), unit: 'ms' },
    at_most: 20,
  })
}

async function proof(
  dir: string,
  options: Options,
  figures: Figure[],
  goals: Goal[],
): Promise<void> {
  const data = join(dir, 'log')
  mkdirSync(data)
  const entries = Math.ceil(log_entries * options.scale)
  console.error(`storage: log, making ${entries} entries ...`)
  const root = fillLog(data, entries)
  console.error('storage: log ...')
  const times = await proofTimes(data, entries, root, proofs)
  const growth = logGrowth(data, entries, more_entries)
  figures.push(
    figure('proof of one entry, p50', 'ms', [median(times)]),
    figure('proof of one entry, p99', 'ms', [quantile(times, 0.99)]),
    figure(`heap of the log, ${more_entries} entries later`, 'MiB more', [growth]),
  )
  goals.push(
    { name: 'proof of one entry, p99', value: quantile(times, 0.99), unit: 'ms', at_most: 10 },
    { name: 'heap of the log', value: growth, unit: 'MiB more', at_most: 1 },
  )
}

function append(dir: string, options: Options, figures: Figure[], goals: Goal[]): void {
  for (const sessions of concurrent) {
    console.error(`storage: append, ${sessions} sessions ...`)
    const p50: number[] = []
    const p99: number[] = []
    for (let round = 0; round < options.rounds; round++) {
      const { journal, bare } = timeAppends(dir, sessions, Math.ceil(1_000 * options.scale))
      p50.push(median(journal) / median(bare))
      p99.push(quantile(journal, 0.99) / quantile(bare, 0.99))
      if (round > 0) continue
      const who = `append x${sessions}`
      figures.push(
        figure(`${who} journal p50`, 'ms', [median(journal)]),
        figure(`${who} bare p50`, 'ms', [median(bare)]),
        figure(`${who} journal p99`, 'ms', [quantile(journal, 0.99)]),
        figure(`${who} bare p99`, 'ms', [quantile(bare, 0.99)]),
      )
    }
    figures.push(
      figure(`append x${sessions} p50, journal / bare`, 'ratio', p50),
      figure(`append x${sessions} p99, journal / bare`, 'ratio', p99),
    )
    goals.push(
      { name: `append x${sessions} p50`, value: median(p50), unit: 'of bare', at_most: 1.5 },
      { name: `append x${sessions} p99`, value: median(p99), unit: 'of bare', at_most: 2 },
    )
  }
}
