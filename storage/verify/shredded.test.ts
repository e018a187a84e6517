/** A session that was shredded is told from one that was taken away, and a word that does not count is named. */
import { describe, expect, test } from 'bun:test'
import { decodeLogEntry } from '../evidence/log-entry.ts'
import { EvidenceWriter, type SessionWriter, sourceOf } from './fixture.ts'
import type { Report } from './report.ts'
import type { EvidenceSource, KeptObject } from './source.ts'
import { verify } from './verify.ts'

const by = { subject: 'olga', issuer: 'keys' }

/** An ended session with a key of its own, and another one. */
async function keyed() {
  const writer = new EvidenceWriter({ seed: 'shredded' })
  await writer.knowAuditor()
  writer.days = 10
  writer.is_keyed = true
  writer.begin()
  const [session, other] = [await writer.session(), await writer.session()]
  for (const each of [session, other]) {
    each.exec(2)
    each.end()
  }
  return { writer, session, other }
}

function shred(writer: EvidenceWriter, { id }: SessionWriter, more: object = {}): void {
  writer.log('session.shredded', id, { session: id, reason: 'article 17', by, ...more })
}

/** What the store does when it reads that. */
function erase({ stored }: EvidenceWriter, { id }: SessionWriter, keeps_start = false): void {
  stored.sessions.delete(id)
  for (const bytes of stored.entries) {
    const entry = decodeLogEntry(bytes)
    if (entry?.id !== id || entry.type === 'session.shredded') continue
    if (!keeps_start || entry.type !== 'session.started') stored.documents.delete(entry.digest)
  }
}

async function check(writer: EvidenceWriter, source?: EvidenceSource): Promise<Report> {
  writer.sign()
  const now_ms = writer.now_us / 1000
  return verify(source ?? sourceOf(writer.stored), writer.trust(), () => {}, { now_ms })
}

const said = ({ findings }: Report): readonly (readonly [string, string | undefined])[] =>
  findings.map(({ code, session }) => [code, session] as const)

describe('a session that was shredded', () => {
  test('is told, with who and why, and everything else verifies', async () => {
    const { writer, session, other } = await keyed()
    shred(writer, session)
    erase(writer, session)
    const report = await check(writer)
    expect(said(report)).toEqual([['session_shredded', session.id]])
    expect(report.findings[0]?.message).toContain('by "olga", as log entry')
    expect(report.findings[0]?.message).toContain(': "article 17"')
    expect([report.verdict, report.checked.records]).toEqual(['verified', other.records.length])
  })

  test('without its reason is still told, and that the document is gone', async () => {
    const { writer, session } = await keyed()
    shred(writer, session)
    erase(writer, session)
    const entry = decodeLogEntry(writer.stored.entries.at(-1) ?? new Uint8Array())
    writer.stored.documents.delete(entry?.digest ?? '')
    expect(said(await check(writer))).toEqual([
      ['session_shredded', session.id],
      ['document_missing', session.id],
    ])
  })

  test('by a word behind the newest checkpoint is missing', async () => {
    const { writer, session } = await keyed()
    writer.sign()
    const { checkpoint } = writer.stored
    shred(writer, session)
    erase(writer, session)
    writer.stored.checkpoint = checkpoint
    const report = await verify(sourceOf(writer.stored), writer.trust())
    expect(report.verdict).toBe('failed')
    expect(said(report).map(([code]) => code)).not.toContain('session_shredded')
  })

  test('by an entry that nobody signed is missing', async () => {
    const { writer, session, other } = await keyed()
    shred(writer, other)
    writer.sign()
    // The signed word of another one, with this one's name in it.
    const at = writer.stored.entries.length - 1
    const text = Buffer.from(writer.stored.entries[at] ?? []).toString()
    writer.stored.entries[at] = Buffer.from(text.replace(other.id, session.id))
    erase(writer, session)
    const codes = said(await verify(sourceOf(writer.stored), writer.trust())).map(([code]) => code)
    expect(codes).toContain('log_entry_edited')
    expect(codes).toContain('document_missing')
    expect(codes).not.toContain('session_shredded')
  })

  test('whose start does not say that it may be was erased early', async () => {
    const { writer } = await keyed()
    writer.is_keyed = false
    const plain = await writer.session()
    plain.end()
    shred(writer, plain)
    erase(writer, plain)
    expect(said(await check(writer))).toEqual([['expired_early', plain.id]])
  })

  test('while it ran was erased early', async () => {
    const { writer } = await keyed()
    const running = await writer.session()
    shred(writer, running)
    erase(writer, running)
    expect(said(await check(writer))).toEqual([['expired_early', running.id]])
  })

  test('that there never was contradicts the log', async () => {
    const { writer } = await keyed()
    const id = '019ca869-5000-7970-854d-cf6b0ce8648d'
    writer.log('session.shredded', id, { session: id, reason: 'r', by })
    expect(said(await check(writer))).toEqual([['log_contradicts', id]])
  })

  test('and whose word is of another one is malformed', async () => {
    const { writer, session, other } = await keyed()
    shred(writer, session, { session: other.id })
    erase(writer, session)
    expect(said(await check(writer))).toContainEqual(['document_malformed', session.id])
  })

  test('in spite of a legal hold is named, over names where its start does not show otherwise', async () => {
    for (const [scope, keeps_start, found] of [
      [(id: string) => ({ session: id }), false, true],
      [() => ({ subject: 'ada' }), true, true],
      [() => ({ subject: 'eve' }), true, false],
      [() => ({ subject: 'eve' }), false, true],
    ] as const) {
      const { writer, session } = await keyed()
      const facts = { hold: 'h1', scope: scope(session.id), reason: 'case 7', by }
      writer.log('hold.set', 'edge-1', facts)
      shred(writer, session, keeps_start ? { keeps_start } : {})
      erase(writer, session, keeps_start)
      const codes = said(await check(writer)).map(([code]) => code)
      expect(codes.includes('expired_under_hold')).toBe(found)
      expect(codes.includes('session_shredded')).toBe(!found)
    }
  })
})

describe('in a bucket', () => {
  const locked = (writer: EvidenceWriter, session: SessionWriter, more: object): KeptObject => ({
    ...{ key: `session/${session.id}/records/0000000000000000`, session: session.id },
    ...{ state: 'shown', is_permanent: true, mode: 'COMPLIANCE' },
    modified_ms: writer.now_us / 1000,
    retain_until_ms: writer.now_us / 1000 + 10 * 86_400_000,
    ...more,
  })

  test('a key that is lost is one failure, and nothing else of its session is asked for', async () => {
    for (const [lost, code] of [
      ['missing', 'session_key_missing'],
      ['wrong', 'session_key_wrong'],
    ] as const) {
      const { writer, session, other } = await keyed()
      writer.running(session)
      erase(writer, session)
      writer.stored.sessions.set(session.id, [])
      const source: EvidenceSource = {
        ...sourceOf(writer.stored),
        lostKey: async (id) => (id === session.id ? lost : undefined),
      }
      const report = await check(writer, source)
      expect(said(report)).toEqual([[code, session.id]])
      expect(report.checked.records).toBe(other.records.length)
    }
  })

  test('what is shredded stays as it was, and locked, and its key does not', async () => {
    for (const [object, has_key, codes] of [
      [{}, false, []],
      [{}, true, ['session_key_kept']],
      [{ state: 'edited' }, false, ['object_edited']],
      [{ state: 'shadowed' }, false, ['object_shadowed']],
      [{ state: 'missing', modified_ms: 0 }, false, []],
      [{ mode: undefined }, false, ['object_not_locked']],
      [{ retain_until_ms: 0 }, false, ['retention_short']],
      [{ is_permanent: false, state: 'edited' }, false, []],
    ] as const) {
      const { writer, session } = await keyed()
      const rules = [
        { labels: { env: 'prod' }, days: 10 },
        { labels: {}, days: 30 },
      ]
      writer.log('configuration.changed', 'edge-1', { gateway: 'edge-1', retention: rules })
      writer.heartbeat()
      shred(writer, session)
      erase(writer, session)
      const read: string[] = []
      const source: EvidenceSource = {
        ...sourceOf(writer.stored),
        async readEncrypted(id) {
          read.push(id)
          return has_key
        },
        objects: () => [locked(writer, session, object)],
      }
      expect(said(await check(writer, source)).map(([code]) => code)).toEqual([
        'session_shredded',
        ...codes,
      ])
      expect(read).toEqual([session.id])
    }
  })
})
