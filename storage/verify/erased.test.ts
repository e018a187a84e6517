/** A session that expired is told from one that was taken away, whoever owns the gateway's machine and its key. */
import { describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { cosigner } from '../evidence/cosignature.ts'
import { thumbprint } from '../evidence/envelope.ts'
import { decodeLogEntry } from '../evidence/log-entry.ts'
import { parseNote } from '../evidence/note.ts'
import { encodeTrust, parseTrust } from '../evidence/trust.ts'
import { EvidenceWriter, type SessionWriter, sourceOf } from './fixture.ts'
import { verifyGathered } from './gathered.ts'
import type { Report } from './report.ts'
import type { EvidenceSource, KeptObject } from './source.ts'
import { type VerifyAround, verify } from './verify.ts'

const day_us = 86_400_000_000
const by = { subject: 'olga', issuer: 'keys' }

/** A session that had to be kept for ten days, another one, and eleven days later. */
async function eleventhDay(origin?: string) {
  const writer = new EvidenceWriter({ seed: 'erased', ...(origin === undefined ? {} : { origin }) })
  await writer.knowAuditor()
  writer.days = 10
  writer.begin()
  const session = await writer.session()
  session.exec(2)
  session.end()
  const other = await writer.session()
  other.exec(1)
  other.end()
  writer.now_us += 11 * day_us
  writer.begin()
  return { writer, session, other }
}

const applied = (writer: EvidenceWriter, ...sessions: readonly object[]): void => {
  writer.log('retention.applied', 'edge-1', { sessions })
}

/** What the store does when it reads that. */
function erase({ stored }: EvidenceWriter, { id }: SessionWriter, keeps_start = false): void {
  stored.sessions.delete(id)
  for (const bytes of stored.entries) {
    const entry = decodeLogEntry(bytes)
    if (entry?.id !== id || (keeps_start && entry.type === 'session.started')) continue
    const facts = JSON.parse(
      Buffer.from(stored.documents.get(entry.digest)?.subarray(32) ?? '{}').toString(),
    ) as { envelope?: string; leaves?: string[] }
    for (const digest of [entry.digest, facts.envelope ?? '', ...(facts.leaves ?? [])])
      stored.documents.delete(digest)
  }
}

async function check(
  writer: EvidenceWriter,
  source: EvidenceSource = sourceOf(writer.stored),
  around: VerifyAround = {},
): Promise<Report> {
  writer.sign()
  return verify(source, writer.trust(), () => {}, { now_ms: writer.now_us / 1000, ...around })
}

const said = ({ findings }: Report): readonly (readonly [string, string | undefined])[] =>
  findings
    .filter(({ code }) => code !== 'gateway_was_down')
    .map(({ code, session }) => [code, session] as const)

describe('a session whose time has come', () => {
  test('is told to have expired, and everything else verifies', async () => {
    const { writer, session, other } = await eleventhDay()
    applied(writer, { session: session.id })
    erase(writer, session)
    const report = await check(writer)
    expect(said(report)).toEqual([['session_expired', session.id]])
    expect(report.verdict).toBe('verified')
    expect(report.checked.sessions).toBe(1)
    expect(report.checked.records).toBe(other.records.length)
  })

  test('verifies as well while it is still there', async () => {
    const { writer, session } = await eleventhDay()
    applied(writer, { session: session.id })
    expect((await check(writer)).verdict).toBe('verified')
  })

  test('and is gone without a word in the log is missing', async () => {
    const { writer, session } = await eleventhDay()
    erase(writer, session)
    const report = await check(writer)
    expect(report.verdict).toBe('failed')
    expect(report.findings.filter(({ code }) => code === 'document_missing')).toHaveLength(2)
  })

  test('a word behind the newest checkpoint is none', async () => {
    const { writer, session } = await eleventhDay()
    writer.sign()
    const { checkpoint } = writer.stored
    applied(writer, { session: session.id })
    erase(writer, session)
    writer.stored.checkpoint = checkpoint
    const report = await verify(sourceOf(writer.stored), writer.trust())
    expect(report.verdict).toBe('failed')
    expect(said(report).map(([code]) => code)).not.toContain('session_expired')
  })
})

describe('a session that is erased before its time', () => {
  const early = (session: SessionWriter): [string, string][] => [['expired_early', session.id]]

  test('by days', async () => {
    const { writer, session } = await eleventhDay()
    writer.now_us -= 2 * day_us
    // The log says so at a time that was before.
    applied(writer, { session: session.id })
    erase(writer, session)
    writer.now_us += 2 * day_us
    const codes = said(await check(writer))
    expect(codes).toContainEqual(['expired_early', session.id])
  })

  test('because it promised more days than the rules had later', async () => {
    const { writer } = await eleventhDay()
    writer.days = 30
    const long = await writer.session()
    long.end()
    writer.now_us += 11 * day_us
    writer.log('configuration.changed', 'edge-1', { retention: [{ labels: {}, days: 10 }] })
    writer.heartbeat()
    applied(writer, { session: long.id })
    erase(writer, long)
    expect(said(await check(writer))).toEqual(early(long))
  })

  test('where the log promised nothing, the longest rule that it ever had counts', async () => {
    const { writer } = await eleventhDay()
    writer.days = undefined
    const old = await writer.session()
    old.end()
    for (const days of [20, 5])
      writer.log('configuration.changed', 'edge-1', { retention: [{ labels: {}, days }] })
    writer.now_us += 11 * day_us
    writer.begin()
    applied(writer, { session: old.id })
    erase(writer, old)
    const refused = await check(writer)
    expect(said(refused)).toEqual([...early(old), ['retention_shortened', undefined]])
    expect(refused.findings.find(({ code }) => code === 'expired_early')?.message).toContain(
      'it had to be kept for 20 days',
    )
  })

  test('while it runs, or without ever having begun', async () => {
    const { writer } = await eleventhDay()
    const running = await writer.session()
    applied(writer, { session: running.id })
    const nobody = '01890a5d-ac96-774b-bcce-b302099a8057'
    applied(writer, { session: nobody })
    expect(said(await check(writer))).toEqual([
      ['expired_early', running.id],
      ['expired_early', nobody],
    ])
  })

  test('by a clock that was set ahead: the verifier has another', async () => {
    const { writer, session } = await eleventhDay()
    applied(writer, { session: session.id })
    erase(writer, session)
    const now_ms = (writer.now_us - 9 * day_us) / 1000
    expect(said(await check(writer, undefined, { now_ms }))).toEqual(early(session))
  })

  test('... a witness saw it too soon', async () => {
    const { writer, session } = await eleventhDay()
    applied(writer, { session: session.id })
    erase(writer, session)
    writer.sign()
    const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
    const witness = cosigner('auditor/w1', key)
    const parsed = parseTrust(
      encodeTrust({
        logs: [writer.signer.verifier_key],
        auditors: [await thumbprint(writer.auditor)],
        checkpoints: [],
        witnesses: [witness.verifier_key],
      }),
    )
    if (!parsed.ok) throw new Error(parsed.reason)
    const note = writer.stored.checkpoint ?? new Uint8Array()
    const seenAt = async (t_us: number): Promise<Report> => {
      const line = witness.cosign(parseNote(note)?.text ?? '', Math.floor(t_us / 1_000_000))
      const cosigned = async () => [Buffer.concat([note, Buffer.from(line)])]
      return verify({ ...sourceOf(writer.stored), cosigned }, parsed.trust)
    }
    expect(said(await seenAt(writer.now_us))).toEqual([['session_expired', session.id]])
    expect(said(await seenAt(writer.now_us - 9 * day_us))).toEqual(early(session))
  })

  test('... the bucket took it too soon', async () => {
    const { writer, session } = await eleventhDay()
    applied(writer, { session: session.id })
    erase(writer, session)
    const takenAt = (t_us: number): EvidenceSource => ({
      ...sourceOf(writer.stored),
      objects: () => [entriesObject(t_us / 1000)],
    })
    expect(said(await check(writer, takenAt(writer.now_us)))).toEqual([
      ['session_expired', session.id],
    ])
    const codes = said(await check(writer, takenAt(writer.now_us - 9 * day_us)))
    expect(codes).toContainEqual(['expired_early', session.id])
  })
})

const entriesObject = (modified_ms: number): KeptObject => ({
  ...{ key: 'entries/0000000000000000', state: 'shown', is_permanent: true, modified_ms },
  ...{ mode: 'COMPLIANCE', retain_until_ms: modified_ms + 1e12 },
})

describe('a legal hold', () => {
  const set = (writer: EvidenceWriter, hold: string, scope: object): void => {
    writer.log('hold.set', 'edge-1', { hold, scope, reason: 'case 7', by })
  }

  test('in force is told, with who and why', async () => {
    const { writer, session } = await eleventhDay()
    set(writer, 'h1', { session: session.id })
    const report = await check(writer)
    expect(report.verdict).toBe('verified')
    expect(report.findings.find(({ code }) => code === 'hold_in_force')?.message).toMatch(
      /h1 \(session .*\) is in force since .*, by "olga": "case 7"/,
    )
  })

  for (const [title, scope] of [
    ['the session', (id: string) => ({ session: id })],
    ['a person', () => ({ subject: 'ada' })],
    ['a target', () => ({ target: 'web-1', issuer: 'keys' })],
    ['a time', () => ({ since: '2026-03-01T00:00:00.000Z', until: '2026-03-02T00:00:00.000Z' })],
  ] as const)
    test(`over ${title} beats the retention`, async () => {
      const { writer, session } = await eleventhDay()
      set(writer, 'h1', scope(session.id))
      applied(writer, { session: session.id })
      erase(writer, session)
      const report = await check(writer)
      expect(said(report)).toContainEqual(['expired_under_hold', session.id])
      expect(said(report)).not.toContainEqual(['session_expired', session.id])
      expect(report.verdict).toBe('failed')
    })

  test('over another person is told apart by the start document that stays', async () => {
    const { writer, session, other } = await eleventhDay()
    set(writer, 'h1', { subject: 'bob' })
    applied(writer, { session: session.id, keeps_start: true }, { session: other.id })
    erase(writer, session, true)
    erase(writer, other)
    const report = await check(writer)
    // Nobody can tell any more whose the other one was.
    expect(said(report).filter(([code]) => code !== 'hold_in_force')).toEqual([
      ['expired_under_hold', other.id],
      ['session_expired', session.id],
    ])
  })

  test('over another time or session is none', async () => {
    const { writer, session, other } = await eleventhDay()
    set(writer, 'h1', { session: other.id })
    set(writer, 'h2', { subject: 'ada', since: '2026-03-02T00:00:00.000Z' })
    applied(writer, { session: session.id })
    erase(writer, session)
    expect((await check(writer)).verdict).toBe('verified')
  })

  test('that is lifted is told, and the retention goes on; what it had held before is not forgiven', async () => {
    const { writer, session, other } = await eleventhDay()
    set(writer, 'h1', { subject: 'ada' })
    applied(writer, { session: other.id })
    erase(writer, other)
    writer.log('hold.lifted', 'edge-1', { hold: 'h1', reason: 'case closed', by })
    applied(writer, { session: session.id })
    erase(writer, session)
    const report = await check(writer)
    expect(said(report).filter(([, id]) => id !== undefined)).toEqual([
      ['expired_under_hold', other.id],
      ['session_expired', session.id],
    ])
    expect(report.findings.find(({ code }) => code === 'hold_lifted')?.message).toMatch(
      /h1 .* was lifted at .* by "olga": "case closed"/,
    )
  })

  test('whose document was taken away is missed', async () => {
    const { writer, session } = await eleventhDay()
    set(writer, 'h1', { session: session.id })
    const entry = decodeLogEntry(writer.stored.entries.at(-1) ?? new Uint8Array())
    writer.stored.documents.delete(entry?.digest ?? '')
    applied(writer, { session: session.id })
    erase(writer, session)
    expect(said(await check(writer)).map(([code]) => code)).toContain('document_missing')
  })

  test("of the gateway's own log is over the sessions of its workers", async () => {
    const { writer: worker, session } = await eleventhDay('edge-1/0000000000000001')
    const own = new EvidenceWriter({ seed: 'own', origin: 'edge-1/0000000000000000' })
    own.log('configuration.changed', 'edge-1', { logs: [worker.signer.verifier_key] })
    own.heartbeat()
    set(own, 'h1', { session: session.id })
    own.sign()
    worker.now_us += 120_000_000
    worker.begin()
    applied(worker, { session: session.id })
    erase(worker, session)
    worker.sign()
    const trust = { ...own.trust(), auditors: worker.trust().auditors }
    const sources = [own, worker].map(({ stored }) => sourceOf(stored))
    const report = await verifyGathered(sources, trust, () => {})
    expect(said(report)).toContainEqual(['expired_under_hold', session.id])
  })

  test('that the bucket does not keep is told an hour later', async () => {
    const { writer, session } = await eleventhDay()
    set(writer, 'h1', { session: session.id })
    const object = (is_held: boolean): KeptObject => ({
      ...entriesObject(writer.now_us / 1000),
      ...{ key: `session/${session.id}/records/0000000000000000`, session: session.id, is_held },
    })
    const source = (is_held: boolean): EvidenceSource => ({
      ...sourceOf(writer.stored),
      objects: () => [object(is_held)],
    })
    expect((await check(writer, source(false))).verdict).toBe('verified')
    writer.now_us += 2 * 3_600_000_000
    writer.begin()
    expect((await check(writer, source(true))).verdict).toBe('verified')
    expect(said(await check(writer, source(false)))).toContainEqual(['hold_missing', session.id])
  })
})
