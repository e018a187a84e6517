/**
 * Verification of a gateway with workers: its own log names theirs, so that one whose directory is gone is missed,
 * and who trusts the gateway's log trusts theirs.
 *
 * @module
 */
import type { Trust } from '../evidence/trust.ts'
import { findings_max } from './limits.ts'
import type { Counts, Finding, LogFacts, Report } from './report.ts'
import type { EvidenceSource } from './source.ts'
import { verifyNaming } from './verify.ts'

/**
 * Verifies each source as `verify` does, and all together.
 *
 * @param sources the gateway's own first; at least one
 */
export async function verifyGathered(
  sources: readonly EvidenceSource[],
  trust: Trust | undefined,
  on_progress: (so_far: Counts) => void,
): Promise<Report> {
  const [own, ...others] = sources
  if (own === undefined) throw new RangeError('there is nothing to verify')
  const first = await verifyNaming(own, trust, on_progress)
  if (others.length === 0 && first.worker_logs.length === 0) return first.report
  const wider =
    trust === undefined ? undefined : { ...trust, logs: [...trust.logs, ...first.worker_logs] }
  const reports = [first.report]
  let so_far = first.report.checked
  for (const source of others) {
    const before = so_far
    const { report } = await verifyNaming(
      source,
      wider,
      (counts) => on_progress(sum(before, counts)),
      { holds: first.holds },
    )
    reports.push(report)
    so_far = sum(before, report.checked)
  }
  return together(reports, missingLogs(first.worker_logs, reports), so_far)
}

function missingLogs(
  named: readonly { readonly name: string }[],
  reports: readonly Report[],
): readonly Finding[] {
  const there = new Set(reports.map(({ log }) => log?.origin))
  return named
    .filter(({ name }) => !there.has(name))
    .map(({ name }) => ({
      severity: 'failure',
      code: 'log_missing',
      log: name,
      message:
        `The gateway's log names ${JSON.stringify(name)} as the log of one of its workers, and it is not here: ` +
        'all sessions of that worker were taken away with it.',
    }))
}

function together(
  reports: readonly Report[],
  missing: readonly Finding[],
  checked: Counts,
): Report {
  const logs = reports.flatMap(({ log }) => log ?? [])
  const all = [
    ...missing,
    ...reports.flatMap(({ findings, log }) =>
      findings.map((finding) => (log === undefined ? finding : { log: log.origin, ...finding })),
    ),
  ]
  const findings = all.slice(0, findings_max)
  const own: LogFacts | undefined = reports[0]?.log
  return {
    verdict: verdictOf(reports, missing),
    findings,
    findings_omitted:
      all.length -
      findings.length +
      reports.reduce((omitted, report) => omitted + report.findings_omitted, 0),
    checked,
    ...(own === undefined ? {} : { log: own }),
    logs,
  }
}

function verdictOf(reports: readonly Report[], missing: readonly Finding[]): Report['verdict'] {
  if (missing.length > 0 || reports.some(({ verdict }) => verdict === 'failed')) return 'failed'
  return reports.every(({ verdict }) => verdict === 'verified')
    ? 'verified'
    : 'consistent_unanchored'
}

function sum(a: Counts, b: Counts): Counts {
  return {
    log_entries: a.log_entries + b.log_entries,
    documents: a.documents + b.documents,
    sessions: a.sessions + b.sessions,
    records: a.records + b.records,
    bytes: a.bytes + b.bytes,
  }
}
