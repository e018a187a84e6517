/**
 * What only auditors may know: envelope, sealed values, commitments; and the trust file.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import { createHmac, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { toHex } from './bytes.ts'
import { commitSpan, spanNonce, verifySpan } from './commitment.ts'
import { AuditorKeyError, openEnvelope, sealEnvelope, thumbprint } from './envelope.ts'
import { noteSigner, signNote } from './note.ts'
import { envelopeRecipients } from './recipients.ts'
import { openValue, sealValue } from './seal.ts'
import { encodeTrust, parseTrust } from './trust.ts'

const session = '0195e4a0-1111-7222-8333-444444444444'
const bytes32 = (fill: number): Uint8Array => new Uint8Array(32).fill(fill)
const content = {
  session,
  salt: bytes32(1),
  sealing_key: bytes32(2),
  hmac_key: bytes32(3),
  proof: new TextEncoder().encode('{"kind":"ssh_signature","fields":{}}'),
}
const p256 = (): JsonWebKey =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
const x25519 = (): JsonWebKey => generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('an envelope', () => {
  test('opens for each of its auditors, P-256 and X25519, and for nobody else', async () => {
    const auditors = [p256(), x25519(), p256()]
    const sealed = await sealEnvelope(auditors, content)
    for (const auditor of auditors)
      expect(await openEnvelope(sealed, auditor)).toEqual({ ok: true, content })
    for (const stranger of [p256(), x25519()])
      expect(await openEnvelope(sealed, stranger)).toEqual({
        ok: false,
        reason: 'not_for_this_key',
      })
    const named = await Promise.all(auditors.map(thumbprint))
    expect(envelopeRecipients(sealed)).toEqual(named)
  })

  test('for one auditor is of the general form too', async () => {
    const auditor = p256()
    const sealed = await sealEnvelope([auditor], content)
    expect(envelopeRecipients(sealed)).toEqual([await thumbprint(auditor)])
    expect(await openEnvelope(sealed, auditor)).toEqual({ ok: true, content })
  })

  test('names its algorithms, and has neither secrets nor private keys in the clear', async () => {
    const auditor = p256()
    const sealed = Buffer.from(await sealEnvelope([auditor], content)).toString()
    const jwe = JSON.parse(sealed)
    expect(JSON.parse(Buffer.from(jwe.protected, 'base64url').toString())).toMatchObject({
      enc: 'A256GCM',
    })
    expect(sealed).toContain('"alg":"ECDH-ES+A256KW"')
    expect(sealed).not.toContain(String(auditor.d))
    expect(sealed).not.toContain(Buffer.from(content.salt).toString('base64').slice(0, 20))
  })

  test('that was changed does not open', async () => {
    const auditor = p256()
    const jwe = JSON.parse(Buffer.from(await sealEnvelope([auditor], content)).toString())
    for (const member of ['ciphertext', 'tag', 'iv']) {
      const first = jwe[member][0] === 'A' ? 'B' : 'A'
      const changed = { ...jwe, [member]: `${first}${jwe[member].slice(1)}` }
      expect((await openEnvelope(utf8(JSON.stringify(changed)), auditor)).ok, member).toBe(false)
    }
    expect(await openEnvelope(utf8('['), auditor)).toEqual({ ok: false, reason: 'malformed' })
    expect((await openEnvelope(utf8('{}'), auditor)).ok).toBe(false)
    expect(envelopeRecipients(utf8('{"recipients":[{}]}'))).toBeUndefined()
  })

  test('is not sealed to a key that is none', async () => {
    const wrong: JsonWebKey[] = [
      { kty: 'EC', crv: 'P-384', x: 'AA', y: 'AA' },
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
      { kty: 'RSA' },
      { kty: 'oct' },
    ]
    for (const key of wrong)
      expect(sealEnvelope([p256(), key], content), JSON.stringify(key)).rejects.toThrow(
        AuditorKeyError,
      )
  })

  test('a thumbprint is that of RFC 7638', async () => {
    // The key of RFC 7517, appendix A.1; its thumbprint by the rule of RFC 7638, section 3.
    const key = {
      kty: 'EC',
      crv: 'P-256',
      x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
      y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
    }
    const canonical = `{"crv":"P-256","kty":"EC","x":"${key.x}","y":"${key.y}"}`
    const expected = new Bun.CryptoHasher('sha256').update(canonical).digest('base64url')
    expect(await thumbprint({ ...key, use: 'enc', kid: '1' })).toBe(expected)
  })
})

describe('a sealed value', () => {
  const key = bytes32(5)

  test('opens with its key and sequence alone', () => {
    const sealed = sealValue(key, 7, utf8('value'))
    expect(sealed.length).toBe(5 + 16)
    expect(Buffer.from(openValue(key, 7, sealed) ?? []).toString()).toBe('value')
    expect(openValue(key, 8, sealed)).toBeUndefined()
    expect(openValue(bytes32(6), 7, sealed)).toBeUndefined()
    expect(openValue(key, 7, sealed.subarray(1))).toBeUndefined()
    expect(openValue(key, 7, new Uint8Array(15))).toBeUndefined()
  })

  test('is AES-256-GCM with the sequence as nonce', async () => {
    const iv = new Uint8Array(12)
    new DataView(iv.buffer).setBigUint64(4, 513n)
    const imported = await crypto.subtle.importKey('raw', Buffer.from(key), 'AES-GCM', false, [
      'encrypt',
    ])
    const other = await crypto.subtle.encrypt(
      { name: 'AES-GCM', iv },
      imported,
      utf8('value').slice(),
    )
    expect(toHex(sealValue(key, 513, utf8('value')))).toBe(toHex(new Uint8Array(other)))
  })
})

describe('a commitment', () => {
  const salt = bytes32(8)

  test('is built as FORMAT.md says', () => {
    const place = Buffer.concat(
      ['0195e4a0111172228333444444444444', '00000102', '01', '0000000100000003'].map((part) =>
        Buffer.from(part, 'hex'),
      ),
    )
    const nonce = createHmac('sha256', salt).update('sluice-span-v1').update(place).digest()
    expect(toHex(spanNonce(salt, session, 0x102, 1, 2 ** 32 + 3))).toBe(toHex(nonce))
    const sum = new Bun.CryptoHasher('sha256')
    sum.update(Uint8Array.of(0)).update(nonce).update('raw')
    expect(toHex(commitSpan(nonce, utf8('raw')))).toBe(sum.digest('hex'))
  })

  test('opens to its value, and to no other place or value', () => {
    const nonce = spanNonce(salt, session, 1, 2, 3)
    const commitment = toHex(commitSpan(nonce, utf8('raw')))
    expect(verifySpan(commitment, nonce, utf8('raw'))).toBe(true)
    expect(verifySpan(commitment, nonce, utf8('raws'))).toBe(false)
    for (const other of [
      spanNonce(salt, session, 2, 2, 3),
      spanNonce(salt, session, 1, 1, 3),
      spanNonce(salt, session, 1, 2, 4),
      spanNonce(bytes32(9), session, 1, 2, 3),
      nonce.subarray(1),
    ])
      expect(verifySpan(commitment, other, utf8('raw'))).toBe(false)
  })
})

describe('a trust file', () => {
  const newLog = (name: string): ReturnType<typeof noteSigner> =>
    noteSigner(
      name,
      generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' }),
    )
  const [log, other] = [newLog('edge-1/abc'), newLog('edge-1/abc')]
  const note = (origin: string, signer = log): Uint8Array =>
    signNote(`${origin}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n`, [signer])
  const auditors = ['A'.repeat(43)]
  const logs = [log.verifier_key]

  test('comes back as it was', () => {
    const parsed = parseTrust(encodeTrust({ logs, auditors, checkpoints: [note('edge-1/abc')] }))
    expect(parsed).toMatchObject({
      ok: true,
      trust: { auditors, checkpoints: [{ origin: 'edge-1/abc', size: 0 }] },
    })
  })

  const refusals: Readonly<Record<string, readonly [string | Uint8Array, string]>> = {
    'no JSON': ['{', 'not a JSON object'],
    'no magic': ['{}', 'magic'],
    'another version': ['{"magic":"sluice/trust v9"}', 'magic'],
    'an unknown member': ['{"magic":"sluice/trust v1","witness":[]}', '"witness"'],
    'no logs': ['{"magic":"sluice/trust v1","auditors":[],"checkpoints":[]}', 'logs'],
    'no auditors': [`{"magic":"sluice/trust v1","logs":["x"],"checkpoints":[]}`, 'auditors'],
    'a bad key': [encodeTrust({ logs: [...logs, 'x'], auditors, checkpoints: [] }), 'logs[1]'],
    'a second key of a log': [
      encodeTrust({ logs: [...logs, other.verifier_key], auditors, checkpoints: [] }),
      'logs[1]: a second key of the log "edge-1/abc"',
    ],
    'a bad thumbprint': [encodeTrust({ logs, auditors: ['x'], checkpoints: [] }), 'auditors[0]'],
    'a checkpoint of an unknown key': [
      encodeTrust({ logs, auditors, checkpoints: [note('edge-1/abc', other)] }),
      'checkpoints[0]: signed by none',
    ],
    'a checkpoint of another log': [
      encodeTrust({ logs, auditors, checkpoints: [note('edge-2/abc')] }),
      'checkpoints[0]: not a checkpoint of the log',
    ],
    'a note that is no checkpoint': [
      encodeTrust({ logs, auditors, checkpoints: [signNote('hello\n', [log])] }),
      'checkpoints[0]',
    ],
    'too large': [new Uint8Array(5 * 1024 * 1024), 'too large'],
  }
  for (const [title, [file, reason]] of Object.entries(refusals))
    test(`is refused: ${title}`, () => {
      const parsed = parseTrust(typeof file === 'string' ? utf8(file) : file)
      expect(parsed.ok ? 'accepted' : parsed.reason).toContain(reason)
    })
})
