/** Every way in which a certificate is not good, and that nothing but what was signed is believed. */
import { describe, expect, test } from 'bun:test'
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import {
  type CertificateContent,
  encodeCertificate,
  parseCertificate,
  withSignature,
} from '../core/ssh-certificate.ts'
import { sshInteger, sshString } from '../core/ssh-wire.ts'
import { type CertificateAuthority, createCertificateIdentify } from './certificate.ts'

const now_s = 1_800_000_000
interface Pair {
  readonly blob: Uint8Array
  readonly key: KeyObject
}
const pair = (): Pair => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return { blob: Buffer.concat([sshString('ssh-ed25519'), sshString(point)]), key: privateKey }
}
const rsaBlob = (bits: number): Uint8Array => {
  const { n = '', e = '' } = generateKeyPairSync('rsa', {
    modulusLength: bits,
  }).publicKey.export({ format: 'jwk' })
  const integers = [e, n].map((digits) => sshInteger(Buffer.from(digits, 'base64url')))
  return Buffer.concat([sshString('ssh-rsa'), ...integers])
}
const [own, foreign, people, stranger, person] = [pair(), pair(), pair(), pair(), pair()]
const authorities: readonly CertificateAuthority[] = [
  { name: 'ops', key: foreign, subject: 'key_id', groups: ['ops'] },
  { name: 'hr', key: people, subject: 'principal', groups: [], groups_extension: 'g@x' },
]
const identify = createCertificateIdentify({
  own: own.blob,
  authorities,
  vouches: (issuer) =>
    ({
      'https://idp.example.com': { bind_session_to_token: false },
      'https://bound.example.com': { bind_session_to_token: true },
    })[issuer],
  revoked: ({ certificate }) => (certificate?.serial === '666' ? 'taken back' : undefined),
  now_us: () => now_s * 1_000_000,
})
const option = (name: string, text: string) => ({ name, data: sshString(text) })
const made = (by: Pair, changes: Partial<CertificateContent> = {}): Uint8Array => {
  const content: CertificateContent = {
    key: person.blob,
    serial: 7n,
    type: 'user',
    key_id: 'ada',
    principals: ['deploy'],
    valid_after_s: BigInt(now_s - 60),
    valid_before_s: BigInt(now_s + 60),
    critical_options: [],
    extensions: [],
    authority: by.blob,
    ...changes,
  }
  const signed = encodeCertificate(content, randomBytes(32))
  const bytes = sign(null, signed, by.key)
  return withSignature(signed, Buffer.concat([sshString('ssh-ed25519'), sshString(bytes)]))
}
const ask = (
  blob: Uint8Array,
  at: { account?: string | undefined; source?: string; algorithm?: string } = {},
) => {
  const certificate = parseCertificate(blob)
  if (certificate === undefined) return 'no certificate'
  const { source = '192.0.2.9:4711', algorithm = certificate.algorithm } = at
  const account = 'account' in at ? at.account : 'deploy'
  const known = identify({
    kind: 'certificate',
    algorithm,
    certificate,
    is_signed: true,
    source,
    account,
  })
  return 'allowed' in known ? known.rule.replace('identity.certificate.', '') : known
}

describe('a certificate', () => {
  test('of an authority names by its key id, for its principals', () => {
    expect(ask(made(foreign))).toMatchObject({
      ...{ issuer: 'ssh_ca:ops', subject: 'ada', groups: ['ops'], method: 'certificate' },
      certificate: { serial: '7', key_id: 'ada', valid_before_us: (now_s + 60) * 1_000_000 },
    })
    expect(ask(made(foreign), { account: 'root' })).toBe('principal')
    // Who goes on from here is asked again, there.
    expect(ask(made(foreign), { account: undefined })).toMatchObject({ subject: 'ada' })
    expect(ask(made(foreign, { principals: [] }), { account: undefined })).toBe('principal')
    expect(ask(made(foreign, { key_id: '' }))).toBe('subject')
    expect(ask(made(foreign, { key_id: 'a\u202eb' }))).toBe('subject')
  })

  test('or by its only principal', () => {
    const groups = option('g@x', '["leads","on call"]')
    expect(ask(made(people, { principals: ['grace'], extensions: [groups] }))).toMatchObject({
      ...{ issuer: 'ssh_ca:hr', subject: 'grace', groups: ['leads', 'on call'] },
    })
    expect(ask(made(people, { principals: ['grace', 'root'] }))).toBe('principal')
    for (const text of ['leads', '{}', '[1]', '[""]', '["a\\nb"]', ''])
      expect(ask(made(people, { extensions: [option('g@x', text)] })), text).toBe('groups')
  })

  test("of the gateway is its subject's, for whom somebody vouches still", () => {
    const of = (issuer: string, changes: Partial<CertificateContent> = {}) =>
      ask(
        made(own, {
          principals: ['ada'],
          extensions: [option('groups@sluice', '["staff"]'), option('issuer@sluice', issuer)],
          ...changes,
        }),
      )
    const named = of('https://idp.example.com')
    expect(named).toMatchObject({
      ...{ issuer: 'https://idp.example.com', subject: 'ada', groups: ['staff'] },
    })
    expect(named).not.toHaveProperty('ends_us')
    expect(of('https://bound.example.com')).toMatchObject({ ends_us: (now_s + 60) * 1_000_000 })
    const login = { sub: '7', sid: 's', issued_us: now_s * 1_000_000 }
    const signed_in = [
      option('issuer@sluice', 'https://idp.example.com'),
      option('login@sluice', JSON.stringify(login)),
    ]
    expect(of('', { extensions: signed_in })).toMatchObject({ login })
    expect(of('https://gone.example.com')).toBe('issuer')
    expect(of('https://idp.example.com', { extensions: [] })).toBe('issuer')
    expect(of('https://idp.example.com', { principals: ['eve'] })).toBe('principal')
    // A foreign authority does not vouch in a provider's name.
    const forged = [option('issuer@sluice', 'https://idp.example.com')]
    expect(ask(made(foreign, { extensions: forged }))).toMatchObject({ issuer: 'ssh_ca:ops' })
  })

  test('is refused for each thing that is wrong with it', () => {
    const critical = (name: string, text: string) => ({ critical_options: [option(name, text)] })
    const cases: readonly (readonly [string, Pair, Partial<CertificateContent>])[] = [
      ['authority', stranger, {}],
      ['authority_is_certificate', foreign, { authority: made(own) }],
      ['signature', foreign, { authority: people.blob }],
      ['type', foreign, { type: 'host' }],
      ['not_yet_valid', foreign, { valid_after_s: BigInt(now_s + 1) }],
      ['expired', foreign, { valid_before_s: BigInt(now_s) }],
      ['expired', foreign, { valid_before_s: 0n }],
      ['critical_option', foreign, critical('force-command', 'id')],
      ['critical_option', foreign, critical('verify-required', '')],
      ['critical_option', foreign, critical('', '')],
      ['revoked', foreign, { serial: 666n }],
      ['expired', foreign, { serial: 666n, valid_before_s: 0n }],
    ]
    for (const [refusal, by, changes] of cases) expect(ask(made(by, changes))).toBe(refusal)
    const weak = made(foreign, { key: rsaBlob(1024) })
    expect(ask(weak, { algorithm: 'rsa-sha2-512-cert-v01@openssh.com' })).toBe('key')
    const sha1 = { algorithm: 'ssh-rsa-cert-v01@openssh.com' }
    expect(ask(made(foreign, { key: rsaBlob(2048) }), sha1)).toBe('sha1')
  })

  test('is good for as long as it says, for ever too', () => {
    expect(ask(made(foreign, { valid_after_s: BigInt(now_s) }))).toMatchObject({ subject: 'ada' })
    const ever = { valid_after_s: 0n, valid_before_s: 2n ** 64n - 1n }
    expect(ask(made(foreign, ever))).toMatchObject({ subject: 'ada' })
  })

  test('is good from the addresses that it says', () => {
    const from = (list: string, source: string) =>
      ask(made(foreign, { critical_options: [option('source-address', list)] }), { source })
    const good = { subject: 'ada' }
    expect(from('192.0.2.0/24', '192.0.2.9:1')).toMatchObject(good)
    expect(from('10.0.0.1,192.0.2.9', '192.0.2.9:1')).toMatchObject(good)
    expect(from('2001:db8::/32', '[2001:db8::7]:1')).toMatchObject(good)
    expect(from('0.0.0.0/0', '192.0.2.9:1')).toMatchObject(good)
    // A listener on [::] sees IPv4 clients so.
    expect(from('192.0.2.0/24', '[::ffff:192.0.2.9]:1')).toMatchObject(good)
    for (const [list, source] of [
      ['192.0.3.0/24', '192.0.2.9:1'],
      ['192.0.2.8/32', '192.0.2.9:1'],
      ['0.0.0.0/0', '[2001:db8::7]:1'],
      ['', '192.0.2.9:1'],
      ['192.0.2.0/33', '192.0.2.9:1'],
      ['192.0.2.0/', '192.0.2.9:1'],
      ['192.0.2.0/24/24', '192.0.2.9:1'],
      ['192.0.2.9 ', '192.0.2.9:1'],
      // One that cannot be read spoils the rest.
      ['192.0.2.9,example.com', '192.0.2.9:1'],
      ['192.0.2.9', 'unknown:0'],
    ] as const)
      expect(from(list, source), list).toBe('source_address')
    const flag = { name: 'source-address', data: new Uint8Array() }
    expect(ask(made(foreign, { critical_options: [flag] }))).toBe('source_address')
  })

  test('is believed in no byte that was changed, added or cut off', () => {
    const blob = made(foreign)
    for (let at = 0; at < blob.length; at++) {
      const changed = Uint8Array.from(blob)
      changed[at] = (changed[at] ?? 0) ^ 0x01
      expect(typeof ask(changed), `byte ${at}`).toBe('string')
      expect(ask(blob.subarray(0, at))).toBe('no certificate')
    }
    expect(ask(Buffer.concat([blob, Buffer.of(0)]))).toBe('no certificate')
    expect(ask(made(foreign, { principals: Array.from({ length: 257 }, () => 'x') }))).toBe(
      'no certificate',
    )
    const twice = [option('a@x', '1'), option('a@x', '2')]
    expect(ask(made(foreign, { extensions: twice }))).toBe('no certificate')
    expect(ask(new Uint8Array(1_000_000))).toBe('no certificate')
  })
})
