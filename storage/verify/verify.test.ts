/**
 * Verification of sound evidence, of what an auditor remembers, and of hostile sources.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import {
  EvidenceWriter,
  pemToDer,
  type StoredEvidence,
  smallEvidence,
  sourceOf,
} from './fixture.ts'
import type { Finding } from './report.ts'
import type { EvidenceSource } from './source.ts'
import { verify } from './verify.ts'

// The example key of RFC 8410, section 10.3.
const key_pem = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----`

const failures = (findings: readonly Finding[]): Finding[] =>
  findings.filter(({ severity }) => severity === 'failure')

describe('verify', () => {
  test('untouched evidence is verified, and everything was looked at', async () => {
    const { writer, ended, crashed, terminal, running, early } = await smallEvidence({
      seed: 'whole',
    })
    const report = await verify(sourceOf(writer.stored), writer.trust(early))
    expect(failures(report.findings)).toEqual([])
    expect(report.verdict).toBe('verified')
    expect(report.findings.map(({ code }) => code).toSorted()).toEqual([
      'session_crashed',
      'session_open',
    ])
    const records = [ended, crashed, terminal, running].flatMap((session) => session.records)
    expect(report.checked).toEqual({
      log_entries: writer.stored.entries.length,
      documents: writer.stored.documents.size,
      sessions: 4,
      records: records.length,
      bytes: records.reduce((sum, { length }) => sum + length, 0),
    })
    expect(report.log?.origin).toBe(writer.origin)
    expect(report.log?.size).toBe(writer.stored.entries.length)
  })

  test('without a trust file the best is consistent, unanchored', async () => {
    const { writer } = await smallEvidence({ seed: 'unanchored' })
    const report = await verify(sourceOf(writer.stored), undefined)
    expect(report.verdict).toBe('consistent_unanchored')
  })

  test('an empty source is red', async () => {
    const writer = new EvidenceWriter({ seed: 'empty' })
    const report = await verify(sourceOf(writer.stored), undefined)
    expect(report.findings.map(({ code }) => code)).toEqual(['nothing_to_verify'])
    expect(report.verdict).toBe('failed')
  })
})

describe('verify, with what an auditor remembers', () => {
  const codesOf = async (
    stored: StoredEvidence,
    trust: Parameters<typeof verify>[1],
  ): Promise<string[]> =>
    failures((await verify(sourceOf(stored), trust)).findings).map(({ code }) => code)

  test('the log is rolled back together with its checkpoint', async () => {
    const { writer, early } = await smallEvidence({ seed: 'rollback' })
    const newest = writer.stored.checkpoint ?? new Uint8Array()
    const size = Number(Buffer.from(early).toString().split('\n')[1])
    const [first, ...later] = [...writer.stored.sessions]
    if (first === undefined || later.length === 0) throw new Error('no sessions')
    const before = {
      ...writer.stored,
      entries: writer.stored.entries.slice(0, size),
      sessions: new Map([first]),
      checkpoint: early,
    }
    expect(await codesOf(before, writer.trust(early))).toEqual([])
    expect(await codesOf(before, writer.trust(early, newest))).toEqual(['log_rolled_back'])
  })

  test('the log is written anew under the same key', async () => {
    const log_key = pemToDer(key_pem)
    const one = await smallEvidence({ seed: 'one', log_key })
    const two = await smallEvidence({ seed: 'two', log_key, auditor: one.writer.auditor })
    expect(await codesOf(two.writer.stored, two.writer.trust())).toEqual([])
    expect(await codesOf(two.writer.stored, two.writer.trust(one.early))).toEqual(['log_forked'])
  })

  test('the log is signed by a key that is not known', async () => {
    const one = await smallEvidence({ seed: 'one' })
    const two = await smallEvidence({ seed: 'two', auditor: one.writer.auditor })
    expect(await codesOf(two.writer.stored, one.writer.trust())).toEqual([
      'checkpoint_signature_wrong',
    ])
  })

  test('an envelope is sealed to an unknown auditor as well', async () => {
    const { writer } = await smallEvidence({ seed: 'auditor' })
    const trust = { ...writer.trust(), auditors: ['A'.repeat(43)] }
    const report = await verify(sourceOf(writer.stored), trust)
    const found = failures(report.findings)
    expect(found.map(({ code }) => code)).toEqual(Array(4).fill('unknown_auditor_key'))
    expect(new Set(found.map(({ session }) => session))).toEqual(
      new Set(writer.stored.sessions.keys()),
    )
  })
})

describe('verify, of a hostile source', () => {
  test('a source that fails is a finding, with the session in which it failed', async () => {
    const { writer, ended } = await smallEvidence({ seed: 'failing' })
    const source = sourceOf(writer.stored)
    const failing: EvidenceSource = {
      ...source,
      records: (session, ...rest) =>
        session === ended.id
          ? Promise.reject(new TypeError('x'))
          : source.records(session, ...rest),
    }
    const { findings } = await verify(failing, writer.trust())
    expect(failures(findings)).toMatchObject([{ code: 'source_unreadable', session: ended.id }])
    const dead = { ...source, log: () => Promise.reject(new TypeError('x')) }
    expect((await verify(dead, writer.trust())).findings).toMatchObject([
      { code: 'source_unreadable' },
    ])
  })

  test('a source that goes in circles comes to an end', async () => {
    const { writer, ended } = await smallEvidence({ seed: 'circles' })
    const source = sourceOf(writer.stored)
    const circling: EvidenceSource = {
      ...source,
      sessions: async () => ({ sessions: [{ id: ended.id }], cursor: 'again' }),
      records: async (session) => ({ ...(await source.records(session)), next: 0 }),
    }
    const report = await verify(circling, writer.trust())
    expect(report.verdict).toBe('failed')
  })

  test('a source that claims huge sizes is not believed', async () => {
    const { writer } = await smallEvidence({ seed: 'huge' })
    const source = sourceOf(writer.stored)
    const huge = {
      ...source,
      log: async () => ({ size: 2 ** 52, checkpoint: writer.stored.checkpoint }),
      document: async () => ({ bytes: new Uint8Array(9 * 1024 * 1024) }),
    }
    const report = await verify(huge, undefined)
    expect(report.verdict).toBe('failed')
  })
})
