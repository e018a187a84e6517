import { describe, expect, test } from 'bun:test'
import { EvidenceWriter, smallEvidence, sourceOf } from './fixture.ts'
import { verifyGathered } from './gathered.ts'
import type { Report } from './report.ts'

const nobody = (): void => {}

/** A gateway that names two workers, and an auditor who knows the gateway's key alone. */
async function threeLogs() {
  const [one, two] = await Promise.all(
    ['1', '2'].map((number) =>
      smallEvidence({ seed: number, origin: `edge-1/000000000000000${number}` }),
    ),
  )
  if (one === undefined || two === undefined) throw new Error('there are two')
  const auditor = one.writer.auditor
  const own = new EvidenceWriter({ seed: 'own', origin: 'edge-1/0000000000000000', auditor })
  await own.knowAuditor()
  own.log('configuration.changed', 'edge-1', {
    gateway: 'edge-1',
    logs: [one.writer.signer.verifier_key, two.writer.signer.verifier_key],
  })
  own.heartbeat()
  own.sign()
  // The auditors' keys are those of the three writers.
  const auditors = [one, two].flatMap(({ writer }) => writer.trust().auditors)
  return { own, one: one.writer, two: two.writer, trust: { ...own.trust(), auditors } }
}

const failures = ({ findings }: Report): readonly (readonly [string, string | undefined])[] =>
  findings.flatMap(({ severity, code, log }) => (severity === 'failure' ? [[code, log]] : []))

describe('a gateway with workers', () => {
  test('who trusts its log trusts those that it names', async () => {
    const { own, one, two, trust } = await threeLogs()
    const sources = [own, one, two].map(({ stored }) => sourceOf(stored))
    let told = 0
    const report = await verifyGathered(sources, trust, ({ records }) => {
      expect(records).toBeGreaterThanOrEqual(told)
      told = records
    })
    expect(failures(report)).toEqual([])
    expect(report.verdict).toBe('verified')
    expect(report.log?.origin).toBe(own.origin)
    expect(report.logs?.map(({ origin }) => origin)).toEqual([own.origin, one.origin, two.origin])
    expect(report.checked.sessions).toBe(8)
    expect((await verifyGathered(sources, undefined, nobody)).verdict).toBe('consistent_unanchored')
  })

  test('a log that is not there is missed, in whatever order the others come', async () => {
    const { own, one, two, trust } = await threeLogs()
    for (const [left, missed] of [
      [one, two],
      [two, one],
    ] as const) {
      const sources = [own, left].map(({ stored }) => sourceOf(stored))
      const report = await verifyGathered(sources, trust, nobody)
      expect(failures(report)).toEqual([['log_missing', missed.origin]])
      expect(report.verdict).toBe('failed')
    }
    const alone = await verifyGathered([sourceOf(own.stored)], trust, nobody)
    expect(failures(alone)).toHaveLength(2)
    // One worker's in the place of the other's.
    const twice = [own, one, one].map(({ stored }) => sourceOf(stored))
    expect(failures(await verifyGathered(twice, trust, nobody))).toEqual([
      ['log_missing', two.origin],
    ])
  })

  test('a log that nothing signed names is nobody’s', async () => {
    const { own, one, two, trust } = await threeLogs()
    const stranger = (await smallEvidence({ seed: 'x', origin: 'edge-1/00000000000000ff' })).writer
    const report = await verifyGathered(
      [own, one, two, stranger].map(({ stored }) => sourceOf(stored)),
      trust,
      nobody,
    )
    expect(failures(report).map(([code]) => code)).toContain('checkpoint_signature_wrong')

    // Named in an entry that no checkpoint covers: whoever owns the disk wrote it.
    own.log('configuration.changed', 'edge-1', { logs: [stranger.signer.verifier_key] })
    const late = await verifyGathered(
      [own, one, two, stranger].map(({ stored }) => sourceOf(stored)),
      trust,
      nobody,
    )
    expect(failures(late).map(([code]) => code)).toContain('checkpoint_signature_wrong')
  })

  test('a worker whose log is named again with another key is forked, whichever history lies there', async () => {
    const { own, one, two, trust } = await threeLogs()
    // By who owns the gateway's key: the worker's log anew, under a key of their own.
    const anew = (await smallEvidence({ seed: 'anew', origin: one.origin })).writer
    expect(anew.signer.verifier_key).not.toBe(one.signer.verifier_key)
    own.log('configuration.changed', 'edge-1', { logs: [anew.signer.verifier_key] })
    own.sign()
    const found = async (...writers: readonly EvidenceWriter[]) =>
      failures(
        await verifyGathered(
          writers.map(({ stored }) => sourceOf(stored)),
          { ...trust, auditors: [...trust.auditors, ...anew.trust().auditors] },
          nobody,
        ),
      )
    expect(await found(own, one, two)).toEqual([['log_forked', own.origin]])
    expect((await found(own, anew, two)).map(([code]) => code)).toEqual([
      ...['log_missing', 'log_forked', 'checkpoint_signature_wrong'],
    ])
  })

  test('nor can its own log be named with another key', async () => {
    const { own, one, two, trust } = await threeLogs()
    const other = new EvidenceWriter({ seed: 'other', origin: own.origin })
    own.log('configuration.changed', 'edge-1', { logs: [other.signer.verifier_key] })
    own.sign()
    const sources = [own, one, two].map(({ stored }) => sourceOf(stored))
    expect(failures(await verifyGathered(sources, trust, nobody))).toEqual([
      ['log_forked', own.origin],
    ])
  })

  test('names that are none are passed over', async () => {
    const { own, one, two, trust } = await threeLogs()
    for (const logs of ['x', [1, null, 'edge-1+00000000+AAAA', {}], { length: 3 }])
      own.log('configuration.changed', 'edge-1', { logs })
    own.sign()
    const sources = [own, one, two].map(({ stored }) => sourceOf(stored))
    expect(failures(await verifyGathered(sources, trust, nobody))).toEqual([])
  })
})
