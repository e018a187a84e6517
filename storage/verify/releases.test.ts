/** A legal hold that was lifted, or a session that was shredded, by one person where the log said that it takes more. */
import { describe, expect, test } from 'bun:test'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import {
  type AskedRelease,
  type ReleaseApproval,
  type ReleaseTerms,
  releaseDigest,
  writeAsked,
} from '../evidence/release.ts'
import { EvidenceWriter, sourceOf } from './fixture.ts'
import type { Report } from './report.ts'
import { verify } from './verify.ts'

const olga = { subject: 'olga', issuer: 'keys' }
const [bob, eve] = [
  { subject: 'bob', issuer: 'https://idp' },
  { subject: 'eve', issuer: 'https://idp' },
]
const two: ReleaseTerms = { quorum: 1, group: '', passkey: false }

async function begun(...terms: readonly ReleaseTerms[]): Promise<EvidenceWriter> {
  const writer = new EvidenceWriter({ seed: 'released' })
  await writer.knowAuditor()
  writer.begin()
  for (const release of terms)
    writer.log('configuration.changed', 'edge-1', { gateway: 'edge-1', release })
  writer.heartbeat()
  const scope = { target: 'web-1' }
  writer.log('hold.set', 'edge-1', { hold: 'h1', scope, reason: 'case 7', by: olga })
  return writer
}

const askedFor = (changed: Partial<AskedRelease> = {}): string =>
  writeAsked({
    ...{ id: 'r1', gateway: 'edge-1', change: 'lift_hold', of: 'h1', by: olga, reason: 'closed' },
    ...{ terms: two, requested_us: 1, expires_us: 2 },
    ...changed,
  })

const lift = (writer: EvidenceWriter, release?: object, by: object = olga): void => {
  const facts = { hold: 'h1', reason: 'closed', by, ...(release && { release }) }
  writer.log('hold.lifted', 'edge-1', facts)
}

async function check(writer: EvidenceWriter): Promise<Report> {
  writer.sign()
  const now_ms = writer.now_us / 1000
  return verify(sourceOf(writer.stored), writer.trust(), () => {}, { now_ms })
}

const failures = ({ findings }: Report): readonly string[] =>
  findings.filter(({ severity }) => severity === 'failure').map(({ code }) => code)

describe('a legal hold that was lifted', () => {
  test('with an approval by somebody else verifies, and is told with both', async () => {
    const writer = await begun(two)
    lift(writer, { asked: askedFor(), approvals: [bob] })
    const report = await check(writer)
    expect(report.verdict, JSON.stringify(report.findings)).toBe('verified')
    const said = report.findings.find(({ code }) => code === 'hold_lifted')
    expect(said?.message).toContain('by "olga", approved by "bob"')
  })

  const asked = askedFor()
  const forged: Readonly<Record<string, readonly [object | undefined, object?]>> = {
    'by one person alone': [undefined],
    'with no approval': [{ asked, approvals: [] }],
    'with their own': [{ asked, approvals: [olga] }],
    'with their own, in other letters and by another issuer': [
      { asked, approvals: [{ subject: 'OLGA', issuer: 'https://idp' }] },
    ],
    'with an approval of another hold': [{ asked: askedFor({ of: 'h2' }), approvals: [bob] }],
    'with an approval of shredding': [{ asked: askedFor({ change: 'shred' }), approvals: [bob] }],
    'by who approved, for whom somebody else had asked': [{ asked, approvals: [bob] }, bob],
    'with a request that is none': [{ asked: '{}', approvals: [bob] }],
    'with an approval by nobody': [{ asked, approvals: [{ subject: 'bob' }] }],
  }
  for (const [name, [release, by]] of Object.entries(forged))
    test(`${name} is named`, async () => {
      const writer = await begun(two)
      lift(writer, release, by)
      const report = await check(writer)
      expect(failures(report)).toEqual(['approval_missing'])
      const [failure] = report.findings.filter(({ severity }) => severity === 'failure')
      expect(failure?.message).toContain('lifts legal hold h1')
      expect(failure?.entry).toBeNumber()
    })

  test('by the same other person twice, where two had to, is named', async () => {
    const terms = { ...two, quorum: 2 }
    for (const [second, expected] of [
      [{ ...bob, subject: 'Bob' }, ['approval_missing']],
      [eve, []],
    ] as const) {
      const writer = await begun(terms)
      lift(writer, { asked: askedFor({ terms }), approvals: [bob, second] })
      expect(failures(await check(writer))).toEqual([...expected])
    }
  })

  test('for which people of another group were asked is named', async () => {
    const terms = { ...two, group: 'legal' }
    for (const [group, expected] of [
      ['legal', []],
      ['', ['approval_missing']],
    ] as const) {
      const writer = await begun(terms)
      lift(writer, { asked: askedFor({ terms: { ...two, group } }), approvals: [bob] })
      expect(failures(await check(writer))).toEqual([...expected])
    }
  })

  test('needs a passkey over exactly that request where the log says so', async () => {
    const terms = { ...two, passkey: true }
    const wanted = askedFor({ terms })
    const other = askedFor({ terms, of: 'h2' })
    for (const [approval, expected] of [
      [signedBy(bob, wanted), []],
      [bob, ['approval_not_signed']],
      [signedBy(bob, other), ['approval_not_signed']],
    ] as const) {
      const writer = await begun(terms)
      lift(writer, { asked: wanted, approvals: [approval] })
      expect(failures(await check(writer))).toEqual([...expected])
    }
  })

  test('under a log that asked for nobody verifies', async () => {
    for (const terms of [[], [{ ...two, quorum: 0 }]]) {
      const writer = await begun(...terms)
      lift(writer)
      expect(failures(await check(writer))).toEqual([])
    }
  })

  test('after the configuration was made to ask for nobody: that is told', async () => {
    const writer = await begun(two, { ...two, quorum: 0 })
    lift(writer)
    const report = await check(writer)
    expect(report.verdict).toBe('verified')
    const told = report.findings.filter(({ code }) => code === 'release_weakened')
    expect(told).toHaveLength(1)
    expect(told[0]?.message).toContain('needed nobody else; before that 1 other approvers')
  })

  test('under a configuration that is silent about it, the last word counts', async () => {
    const writer = await begun(two)
    writer.log('configuration.changed', 'edge-1', { gateway: 'edge-1' })
    lift(writer)
    expect(failures(await check(writer))).toEqual(['approval_missing'])
  })
})

test('a session that one person shredded is named, and with an approval told with both', async () => {
  for (const is_approved of [false, true]) {
    const writer = await begun(two)
    writer.is_keyed = true
    const session = await writer.session()
    session.end()
    lift(writer, { asked: askedFor(), approvals: [bob] })
    const { id } = session
    const release = { asked: askedFor({ change: 'shred', of: id }), approvals: [eve] }
    writer.log('session.shredded', id, {
      ...{ session: id, reason: 'article 17', by: olga },
      ...(is_approved && { release }),
    })
    const report = await check(writer)
    expect(failures(report)).toEqual(is_approved ? [] : ['approval_missing'])
    const place = report.findings.find(({ code }) => code === 'approval_missing')
    const told = report.findings.find(({ code }) => code === 'session_shredded')
    expect(place?.session).toBe(is_approved ? undefined : id)
    expect(told?.message.includes('by "olga", approved by "eve"')).toBe(is_approved)
  }
})

function signedBy(who: { subject: string; issuer: string }, text: string): ReleaseApproval {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const challenge = Buffer.from(releaseDigest(text), 'hex').toString('base64url')
  const client_data = Buffer.from(JSON.stringify({ type: 'webauthn.get', challenge }))
  const data = Buffer.alloc(37)
  data[32] = 0x05
  const message = Buffer.concat([data, createHash('sha256').update(client_data).digest()])
  return {
    ...who,
    passkey: {
      credential: 'AAAA',
      public_key: { ...publicKey.export({ format: 'jwk' }) } as Record<string, string>, // All texts.
      authenticator_data: data.toString('base64'),
      client_data: client_data.toString('base64'),
      signature: sign(null, message, privateKey).toString('base64'),
    },
  }
}
