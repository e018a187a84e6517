/** A disclosure: the released one verifies for ever, and each way to change one has its name. */
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { disclose } from '../audit/disclose.ts'
import { proveDocument, proveNaming } from '../bundle/prove.ts'
import { toHex } from '../evidence/bytes.ts'
import { commitSpan, spanNonce } from '../evidence/commitment.ts'
import { type Disclosure, encodeDisclosure, parseDisclosure } from '../evidence/disclosure.ts'
import { parseTrust, type Trust } from '../evidence/trust.ts'
import vector from '../evidence/vector/v1.json' with { type: 'json' }
import { auditedEvidence, secret } from './audited-fixture.ts'
import { verifyDisclosure } from './disclosure-check.ts'
import { EvidenceWriter, type SessionWriter, type StoredEvidence, sourceOf } from './fixture.ts'
import type { FailureCode } from './report.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const unbase64 = (text: string): Uint8Array => Buffer.from(text, 'base64')
const flip = (bytes: Uint8Array, at = 0): Uint8Array => {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
const recordsOf = async function* (records: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* records
}

async function disclosureOf(
  stored: StoredEvidence,
  session: { readonly id: string; readonly salt: Uint8Array },
  record: number,
  value: Uint8Array,
  span = 0,
): Promise<Disclosure> {
  const records = recordsOf(stored.sessions.get(session.id) ?? [])
  const made = await disclose({
    ...{ session: session.id, salt: session.salt, record, span, value, records },
  })
  if (!made.ok) throw new Error(made.reason)
  const source = sourceOf(stored)
  const entry = stored.entries
    .map((bytes) => JSON.parse(Buffer.from(bytes).toString()))
    .find(({ type, id }) => type === 'session.ended' && id === session.id)
  const sought = { type: 'session.ended', id: session.id, digest: entry.digest, not_before: '' }
  const proven = await proveDocument(source, sought)
  if (!proven.ok) throw new Error(proven.reason)
  return { ...made.disclosure, manifest: proven.logged }
}

const { writer, session, record } = await auditedEvidence()
const salted = ({ id, secrets }: SessionWriter) => ({ id, salt: secrets.salt })
const honest = await disclosureOf(writer.stored, salted(session), record, utf8(secret))
const codes = (
  disclosure: Disclosure | Uint8Array,
  trust: Trust | undefined,
): readonly string[] => {
  const bytes = disclosure instanceof Uint8Array ? disclosure : encodeDisclosure(disclosure)
  return verifyDisclosure(bytes, trust).report.findings.map(({ code }) => code)
}

describe('sluice/disclosure v1', () => {
  const released = readFileSync(`${import.meta.dir}/../evidence/vector/disclosure-v1.json`)
  const trust = parseTrust(utf8(vector.trust))
  if (!trust.ok) throw new Error(trust.reason)

  test('the released one is verified', () => {
    const { report, disclosed } = verifyDisclosure(released, trust.trust)
    expect(report).toMatchObject({ verdict: 'verified', findings: [] })
    expect(report.log?.size).toBe(vector.entries.length)
    expect(Buffer.from(disclosed?.value ?? []).toString()).toBe(vector.disclosed.raw)
    expect(disclosed?.span.rule).toBe('card')
    expect(disclosed?.manifest.identity.subject).toBe('ada')
    expect(verifyDisclosure(released, undefined).report.verdict).toBe('consistent_unanchored')
  })

  test('made again it has the same bytes', async () => {
    const stored: StoredEvidence = {
      entries: vector.entries.map(utf8),
      hashes: vector.log_hashes.map((hash) => Buffer.from(hash, 'hex')),
      documents: new Map(Object.entries(vector.documents).map(([name, b]) => [name, unbase64(b)])),
      sessions: new Map(vector.sessions.map(({ id, records }) => [id, records.map(unbase64)])),
      checkpoint: utf8(vector.checkpoint),
    }
    const { session: id, record: seq, raw } = vector.disclosed
    const salt = Buffer.from(vector.sessions.find((each) => each.id === id)?.salt ?? '', 'hex')
    const made = await disclosureOf(stored, { id, salt }, seq, utf8(raw))
    expect(Buffer.from(encodeDisclosure(made)).toString()).toBe(released.toString())
    const parsed = parseDisclosure(released)
    expect(parsed && Buffer.from(encodeDisclosure(parsed)).equals(released)).toBe(true)
  })
})

describe('a disclosure that was changed is refused by name', () => {
  const trust = writer.trust()
  const cases: readonly (readonly [title: string, disclosure: Disclosure, code: FailureCode])[] = [
    ['another value', { ...honest, value: utf8('4111111111111112') }, 'value_not_committed'],
    ['a longer value', { ...honest, value: utf8(`${secret}0`) }, 'value_not_committed'],
    ['no value', { ...honest, value: new Uint8Array() }, 'value_not_committed'],
    ['another nonce', { ...honest, nonce: flip(honest.nonce) }, 'value_not_committed'],
    ['the value of another mask', { ...honest, span: 1 }, 'value_not_committed'],
    ['a mask that is not there', { ...honest, span: 2 }, 'record_malformed'],
    [
      'a record that was changed',
      { ...honest, stored: flip(honest.stored, 90) },
      'record_proof_wrong',
    ],
    ['another place', { ...honest, record: record + 1 }, 'record_proof_wrong'],
    ['a place beyond the end', { ...honest, record: 10_000 }, 'record_proof_wrong'],
    ['a shorter path', { ...honest, path: honest.path.slice(1) }, 'record_proof_wrong'],
    [
      'another record',
      { ...honest, stored: session.records[0] ?? honest.stored },
      'record_proof_wrong',
    ],
    [
      'a manifest that was changed',
      { ...honest, manifest: { ...honest.manifest, document: flip(honest.manifest.document, 60) } },
      'document_edited',
    ],
    [
      'an entry that was changed',
      { ...honest, manifest: { ...honest.manifest, entry: flip(honest.manifest.entry, 20) } },
      'log_proof_wrong',
    ],
    [
      'another place in the log',
      { ...honest, manifest: { ...honest.manifest, index: honest.manifest.index - 1 } },
      'log_proof_wrong',
    ],
    [
      'a checkpoint that was changed',
      {
        ...honest,
        manifest: { ...honest.manifest, checkpoint: flip(honest.manifest.checkpoint, 3) },
      },
      'checkpoint_signature_wrong',
    ],
    [
      'no checkpoint',
      { ...honest, manifest: { ...honest.manifest, checkpoint: utf8('nothing') } },
      'checkpoint_malformed',
    ],
    [
      'another session',
      { ...honest, session: `${session.id.slice(0, -1)}0` },
      'log_entry_malformed',
    ],
  ]
  test('the honest one is verified', () => {
    expect(codes(honest, trust)).toEqual([])
  })
  for (const [title, changed, code] of cases)
    test(title, () => {
      const { report, disclosed } = verifyDisclosure(encodeDisclosure(changed), trust)
      expect(report.findings.map((finding) => finding.code)).toEqual([code])
      expect(report.verdict).toBe('failed')
      expect(disclosed).toBeUndefined()
    })

  test('no byte of the file can change and leave it verified', () => {
    const bytes = encodeDisclosure(honest)
    let changed = 0
    for (let at = 0; at < bytes.length; at += 7) {
      const { report, disclosed } = verifyDisclosure(flip(bytes, at), trust)
      // A blank between two members may be another blank: what is said is the same.
      if (report.verdict === 'verified')
        expect(Buffer.from(disclosed?.value ?? []).toString()).toBe(secret)
      else changed++
    }
    expect(changed).toBeGreaterThan(bytes.length / 7 / 2)
  })

  test('a signature of somebody else, and another history under the same name', async () => {
    const forged = await auditedEvidence()
    const made = await disclosureOf(
      forged.writer.stored,
      salted(forged.session),
      forged.record,
      utf8(secret),
    )
    expect(codes(made, trust)).toEqual(['checkpoint_signature_wrong'])
    const { size } = forged.writer.trust().checkpoints[0] ?? { size: writer.stored.entries.length }
    const root = new Uint8Array(32)
    const remembered = [{ origin: writer.origin, size, root }]
    expect(codes(honest, { ...trust, checkpoints: remembered })).toEqual(['log_forked'])
  })

  test('what is no disclosure at all', () => {
    const { nonce: _, ...rest } = JSON.parse(Buffer.from(encodeDisclosure(honest)).toString())
    const wrong: readonly (Uint8Array | string)[] = [
      '',
      '{}',
      JSON.stringify(rest),
      JSON.stringify({ ...rest, nonce: 'aa' }),
      JSON.stringify({ ...rest, nonce: toHex(honest.nonce), magic: 'sluice/disclosure v2' }),
      JSON.stringify({ ...rest, nonce: toHex(honest.nonce), path: ['aa'] }),
      JSON.stringify({ ...rest, nonce: toHex(honest.nonce), path: Array(65).fill('0'.repeat(64)) }),
      JSON.stringify({ ...rest, nonce: toHex(honest.nonce), manifest: {} }),
      JSON.stringify({ ...rest, nonce: toHex(honest.nonce), named_by: {} }),
      JSON.stringify({ ...rest, nonce: toHex(honest.nonce), value: 'AAA' }),
      JSON.stringify({ ...rest, nonce: toHex(honest.nonce), record: -1 }),
      '['.repeat(100_000),
    ]
    for (const text of wrong)
      expect(codes(typeof text === 'string' ? utf8(text) : text, trust)).toEqual([
        'disclosure_malformed',
      ])
  })
})

describe('disclosing', () => {
  const refusal = async (
    seq: number,
    span: number,
    value: string,
    from: SessionWriter = session,
  ): Promise<string> => {
    const { id, secrets, records } = from
    const made = await disclose({
      ...{ session: id, salt: secrets.salt, record: seq, span, value: utf8(value) },
      records: recordsOf(records),
    })
    return made.ok ? '' : made.reason
  }

  test('refuses a value that is not the committed one, without repeating it', async () => {
    const said = await refusal(record, 0, '4111111111111112')
    expect(said).toContain(`not the one that record ${record} hides`)
    expect(said).not.toContain('4111')
  })
  test('a final newline does not count', async () => {
    for (const end of ['', '\n', '\r\n']) expect(await refusal(record, 0, secret + end)).toBe('')
    expect(await refusal(record, 0, `${secret} `)).not.toBe('')
  })
  test('says what there is to disclose', async () => {
    expect(await refusal(record, 2, secret)).toBe(`record ${record} hides 2 values, from 0 on`)
    expect(await refusal(0, 0, secret)).toBe('record 0 (start) hides nothing')
    expect(await refusal(9999, 0, secret)).toBe(
      `the session has ${session.tree.size} records, from 0 on`,
    )
  })
  test('typed, echoed, in a command: each kind of mask', async () => {
    const seqOf = (kind: string, skip = 0): number =>
      session.records.findIndex(
        (bytes, at) => at >= skip && Buffer.from(bytes).includes(`"kind":"${kind}"`),
      )
    expect(await refusal(seqOf('echo_text'), 0, 'hunter22x')).toBe('')
    expect(await refusal(seqOf('input_text'), 0, 'hunter22x')).toBe('')
    expect(await refusal(seqOf('command'), 0, 's3cr3t')).toBe('')
  })

  test('refuses where the nonce would give away more than the value', async () => {
    const shared = new EvidenceWriter({ seed: 'shared' })
    await shared.knowAuditor()
    shared.begin()
    const one = await shared.session()
    const commit = (bytes: string): string =>
      toHex(commitSpan(spanNonce(one.secrets.salt, one.id, 1, 1, 0), utf8(bytes)))
    const pty = { term: 'xterm', columns: 80, rows: 24 }
    one.record({ kind: 'channel', channel: 1, request: 'shell', pty, env: {} })
    const out = { channel: 1, stream: 1, offset: 0, length: 13 } as const
    one.record({ kind: 'echo', ...out, commitment: commit('secret-secret') })
    const spans = [0, 7].map((at) => ({
      ...{ at, n: 6, offset: at, length: 6, rule: 'password' },
      commitment: toHex(commitSpan(spanNonce(one.secrets.salt, one.id, 1, 1, at), utf8('secret'))),
    }))
    one.record({ kind: 'echo_text', ...out, spans }, utf8('******-******'))
    expect(await refusal(3, 0, 'secret', one)).toContain('cannot be disclosed alone')
    expect(await refusal(3, 1, 'secret', one)).toBe('')
  })
})

describe('of a worker', () => {
  test('its log is believed where the gateway names it in what it signed', async () => {
    const gateway = new EvidenceWriter({ seed: 'own', origin: 'edge-1/0000000000000000' })
    gateway.log('configuration.changed', 'edge-1', { gateway: 'edge-1' })
    gateway.log('configuration.changed', 'edge-1', { logs: [writer.signer.verifier_key] })
    gateway.heartbeat()
    gateway.sign()
    const trust = gateway.trust()
    expect(codes(honest, trust)).toEqual(['checkpoint_signature_wrong'])
    const found = await proveNaming(
      sourceOf(gateway.stored),
      writer.origin,
      '2026-03-01T09:00:00.000Z',
    )
    if (!found.ok) throw new Error(found.reason)
    const named = { ...honest, named_by: found.logged }
    expect(codes(named, trust)).toEqual([])
    expect(codes({ ...named, named_by: { ...found.logged, index: 0 } }, trust)).toContain(
      'log_proof_wrong',
    )

    // A stranger who names themself.
    const stranger = new EvidenceWriter({ seed: 'x', origin: 'edge-1/0000000000000000' })
    stranger.log('configuration.changed', 'edge-1', { logs: [writer.signer.verifier_key] })
    stranger.sign()
    const own = await proveNaming(
      sourceOf(stranger.stored),
      writer.origin,
      '2026-03-01T09:00:00.000Z',
    )
    if (!own.ok) throw new Error(own.reason)
    expect(codes({ ...honest, named_by: own.logged }, trust)).toEqual([
      'checkpoint_signature_wrong',
      'checkpoint_signature_wrong',
    ])
    const nobody = await proveNaming(sourceOf(gateway.stored), 'edge-1/ffffffffffffffff', '2027')
    expect(nobody).toEqual({ ok: false, reason: "the gateway's own log does not name it" })
  })
})
