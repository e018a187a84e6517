/**
 * What one process counts since its start. Names say nothing of persons, targets or content: the labels are protocols,
 * reasons, codes and names of masking rules.
 *
 * @module
 */
import type { Family, Sample } from './family.ts'

/** What is asked at the moment of a scrape, and not counted. */
export interface Gauges {
  /** Commands that wait for a person. */
  readonly holds: number
  readonly failing: number
  /** Where evidence is replicated. */
  readonly replica?:
    | { readonly lag_s: number; readonly queued_bytes: number; readonly sent_bytes: number }
    | undefined
  /** When a canary was last verified, UTC in seconds; undefined before the first one, or without canaries. */
  readonly canary_s: number | undefined
}

export interface Meter {
  opened(protocol: string): void
  ended(protocol: string, reason: string): void
  event(kind: string): void
  passed(direction: 'to_client' | 'to_target', bytes: number): void
  committed(measured: {
    readonly took_ms: number
    readonly signed: boolean
    readonly masked: Readonly<Record<string, number>>
  }): void
  /** A fact for the operator's log, of which some are counted. */
  heard(event: string, fields: Readonly<Record<string, string | number | boolean>>): void
  checked(outcome: 'passed' | 'failed'): void
  /** How long ago the log was last signed, in seconds; since the start where it never was. */
  readonly signed_ago_s: number
  families(now: Gauges): readonly Family[]
}

/** In seconds: an fdatasync takes 0.2 ms on a good disk, and a second on one that is in trouble. */
const commit_buckets_s: readonly number[] = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
]

/** @param process names this one among those of a gateway */
export function createMeter(
  process_name: string,
  now_ms: () => number,
  wall_ms: () => number,
): Meter {
  const started_ms = now_ms()
  const start_s = wall_ms() / 1000
  const sessions = new Counter('protocol')
  const opened = new Counter('protocol')
  const ended = new Counter('protocol', 'reason')
  const events = new Counter('kind')
  const bytes = new Counter('direction')
  const masked = new Counter('rule')
  const refused = new Counter('code')
  const checks = new Counter('outcome')
  const commits = new Histogram(commit_buckets_s)
  let signed_ms: number | undefined
  const signedAgo = (): number => (now_ms() - (signed_ms ?? started_ms)) / 1000
  return {
    opened(protocol) {
      opened.add(1, protocol)
      sessions.add(1, protocol)
    },
    ended(protocol, reason) {
      ended.add(1, protocol, reason)
      sessions.add(-1, protocol)
    },
    event: (kind) => events.add(1, kind),
    passed: (direction, count) => bytes.add(count, direction),
    committed(measured) {
      commits.observe(measured.took_ms / 1000)
      if (measured.signed) signed_ms = now_ms()
      for (const [rule, count] of Object.entries(measured.masked)) masked.add(count, rule)
    },
    heard(event, { code, dropped, reason }) {
      if (event === 'client_refused') refused.add(1, String(code))
      else if (event === 'session_refused') refused.add(1, String(reason))
      else if (event === 'connections_dropped') refused.add(Number(dropped), 'dropped')
    },
    checked: (outcome) => checks.add(1, outcome),
    get signed_ago_s() {
      return signedAgo()
    },
    families(now) {
      const by = { process: process_name }
      const { rss } = process.memoryUsage()
      const cpu = process.cpuUsage()
      const one = (value: number | undefined): Sample[] =>
        value === undefined ? [] : [{ labels: {}, value }]
      const own = (value: number): Sample[] => [{ labels: by, value }]
      return [
        gauge('sluice_sessions', 'Sessions that run.', sessions.samples()),
        counter('sluice_sessions_started_total', 'Sessions that began.', opened.samples()),
        counter('sluice_sessions_ended_total', 'Sessions that ended, and why.', ended.samples()),
        counter(
          'sluice_events_total',
          'Recorded facts of sessions by kind: verdicts, holds, approvals, statements, transfers.',
          events.samples(),
        ),
        counter('sluice_bytes_total', 'Bytes that passed, before masking.', bytes.samples()),
        counter('sluice_masked_total', 'Masks in records, by rule.', masked.samples()),
        counter(
          'sluice_logins_refused_total',
          'Connections that did not become sessions, and why.',
          refused.samples(),
        ),
        gauge('sluice_holds_waiting', 'Commands that wait for a person.', one(now.holds)),
        {
          name: 'sluice_journal_commit_seconds',
          help: 'How long a group commit took to be on the disk.',
          type: 'histogram',
          combine: 'sum',
          samples: commits.samples(),
        },
        gauge(
          'sluice_checkpoint_age_seconds',
          'Since the log was last signed.',
          one(signedAgo()),
          'max',
        ),
        gauge(
          'sluice_replication_lag_seconds',
          'How long the oldest record has waited that is not in the bucket.',
          one(now.replica?.lag_s),
          'max',
        ),
        gauge(
          'sluice_replication_queued_bytes',
          'Records that wait for the bucket.',
          one(now.replica?.queued_bytes),
        ),
        counter(
          'sluice_replication_sent_bytes_total',
          'What the bucket took.',
          one(now.replica?.sent_bytes),
        ),
        counter(
          'sluice_canary_checks_total',
          'Canary sessions by what their verification said.',
          checks.samples(),
        ),
        gauge(
          'sluice_canary_verified_timestamp_seconds',
          'When each process last verified a canary session.',
          now.canary_s === undefined ? [] : own(now.canary_s),
        ),
        gauge('sluice_failing_reasons', 'Reasons for which /healthz is red.', one(now.failing)),
        gauge('process_resident_memory_bytes', 'Resident memory.', own(rss)),
        counter(
          'process_cpu_seconds_total',
          'Time on a core, of user and system.',
          own((cpu.user + cpu.system) / 1_000_000),
        ),
        gauge('process_start_time_seconds', 'When it started, UTC.', own(start_s)),
      ]
    },
  }
}

const gauge = (
  name: string,
  help: string,
  samples: readonly Sample[],
  combine: Family['combine'] = 'sum',
): Family => ({ name, help, type: 'gauge', combine, samples })

const counter = (name: string, help: string, samples: readonly Sample[]): Family => ({
  ...{ name, help, type: 'counter', combine: 'sum', samples },
})

/** One number for each combination of label values. */
class Counter {
  readonly #names: readonly string[]
  readonly #values = new Map<string, { readonly of: readonly string[]; value: number }>()

  constructor(...names: readonly string[]) {
    this.#names = names
  }

  add(value: number, ...of: readonly string[]): void {
    const key = of.length === 1 ? (of[0] ?? '') : JSON.stringify(of)
    const known = this.#values.get(key)
    if (known === undefined) this.#values.set(key, { of, value })
    else known.value += value
  }

  samples(): readonly Sample[] {
    return [...this.#values.values()].map(({ of, value }) => ({
      labels: Object.fromEntries(this.#names.map((name, at) => [name, of[at] ?? ''])),
      value,
    }))
  }
}

class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  observe(value: number): void {
    const found = this.#bounds.findIndex((bound) => value <= bound)
    const at = found === -1 ? this.#bounds.length : found
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    this.#sum += value
  }

  samples(): readonly Sample[] {
    let count = 0
    const buckets = this.#counts.map((of, at) => {
      count += of
      const le = this.#bounds[at]
      const labels = { le: le === undefined ? '+Inf' : String(le) }
      return { suffix: '_bucket', labels, value: count }
    })
    return [
      ...buckets,
      { suffix: '_sum', labels: {}, value: this.#sum },
      { suffix: '_count', labels: {}, value: count },
    ]
  }
}
