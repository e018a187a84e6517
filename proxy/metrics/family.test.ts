/** The text that a scraper reads, judged by the parser of the Prometheus project. */
import { describe, expect, test } from 'bun:test'
import { prometheus, testWith } from '../../test/fixture/require.ts'
import { readByPrometheus } from '../../test/fixture/scrape.ts'
import { combineFamilies, type Family, metricsText } from './family.ts'
import { createMeter } from './meter.ts'

const gauges = { holds: 2, failing: 0, canary_s: undefined } as const

function played(name: string): readonly Family[] {
  const meter = createMeter(
    name,
    () => 5_000,
    () => 1_700_000_000_000,
  )
  meter.opened('ssh')
  meter.opened('ssh')
  meter.ended('ssh', 'client')
  meter.passed('to_client', 1000)
  meter.heard('client_refused', { source: '127.0.0.1:1', code: 'unidentified' })
  meter.heard('connections_dropped', { protocol: 'ssh', dropped: 7 })
  meter.committed({ took_ms: 0.2, signed: true, masked: { 'aws"key\\\n': 2 } })
  meter.committed({ took_ms: 40, signed: false, masked: {} })
  meter.committed({ took_ms: 9_000, signed: false, masked: {} })
  return meter.families({ ...gauges, replica: { lag_s: 3, queued_bytes: 10, sent_bytes: 20 } })
}

describe('metrics', () => {
  testWith([prometheus], 'are read by the parser of the Prometheus project', async () => {
    const read = await readByPrometheus(metricsText(combineFamilies([played('gateway')])))
    const value = (name: string, labels: Record<string, string> = {}): number | undefined =>
      read.find((one) => one.name === name && Bun.deepEquals(one.labels, labels))?.value
    expect(value('sluice_sessions', { protocol: 'ssh' })).toBe(1)
    expect(value('sluice_sessions_started_total', { protocol: 'ssh' })).toBe(2)
    expect(value('sluice_sessions_ended_total', { protocol: 'ssh', reason: 'client' })).toBe(1)
    expect(value('sluice_masked_total', { rule: 'aws"key\\\n' })).toBe(2)
    expect(value('sluice_logins_refused_total', { code: 'unidentified' })).toBe(1)
    expect(value('sluice_logins_refused_total', { code: 'dropped' })).toBe(7)
    expect(value('sluice_journal_commit_seconds_bucket', { le: '0.00025' })).toBe(1)
    expect(value('sluice_journal_commit_seconds_bucket', { le: '0.05' })).toBe(2)
    expect(value('sluice_journal_commit_seconds_bucket', { le: '2.5' })).toBe(2)
    expect(value('sluice_journal_commit_seconds_bucket', { le: '+Inf' })).toBe(3)
    expect(value('sluice_journal_commit_seconds_count')).toBe(3)
    expect(value('sluice_journal_commit_seconds_sum')).toBeCloseTo(9.0402)
    expect(value('sluice_holds_waiting')).toBe(2)
    expect(value('process_resident_memory_bytes', { process: 'gateway' })).toBeGreaterThan(1e6)
  })

  test('of several processes are one: counts add up, an age is the worst, memory stays apart', () => {
    const older = played('worker-1').map((family) =>
      family.name === 'sluice_replication_lag_seconds'
        ? { ...family, samples: [{ labels: {}, value: 40 }] }
        : family,
    )
    const lines = metricsText(combineFamilies([played('gateway'), older])).split('\n')
    expect(lines).toContain('sluice_sessions_started_total{protocol="ssh"} 4')
    expect(lines).toContain('sluice_journal_commit_seconds_bucket{le="+Inf"} 6')
    expect(lines).toContain('sluice_replication_lag_seconds 40')
    expect(lines.filter((line) => line.startsWith('process_resident_memory_bytes{'))).toHaveLength(
      2,
    )
  })

  test('say nothing where there is nothing to say', () => {
    const meter = createMeter(
      'gateway',
      () => 0,
      () => 0,
    )
    const text = metricsText(meter.families(gauges))
    expect(text).not.toContain('sluice_replication')
    expect(text).not.toContain('canary')
  })
})
