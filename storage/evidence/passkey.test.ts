/** Signatures of passkeys over the digests of requests: by each kind of key, and with each part of them changed. */
import { describe, expect, test } from 'bun:test'
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { type PasskeySignature, whyNotSigned } from './passkey.ts'

const digest = 'ab'.repeat(32)
const pairs = {
  EC: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  OKP: generateKeyPairSync('ed25519'),
  RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}

function signed(
  kty: keyof typeof pairs,
  changed: { type?: string; challenge?: string; flags?: number; length?: number } = {},
): PasskeySignature {
  const { type = 'webauthn.get', challenge = digest, flags = 0x05, length = 37 } = changed
  const client_data = Buffer.from(
    JSON.stringify({ type, challenge: Buffer.from(challenge, 'hex').toString('base64url') }),
  )
  const authenticator_data = Buffer.alloc(length)
  if (length > 32) authenticator_data[32] = flags
  const message = Buffer.concat([
    authenticator_data,
    createHash('sha256').update(client_data).digest(),
  ])
  const { privateKey, publicKey } = pairs[kty]
  const key: KeyObject = privateKey
  return {
    credential: 'AAAA',
    public_key: { ...publicKey.export({ format: 'jwk' }) } as Record<string, string>, // All texts.
    authenticator_data: authenticator_data.toString('base64'),
    client_data: client_data.toString('base64'),
    signature: sign(kty === 'OKP' ? null : 'sha256', message, key).toString('base64'),
  }
}

for (const kty of ['EC', 'OKP', 'RSA'] as const)
  describe(`a signature by a key of the type ${kty}`, () => {
    test('is for its request, and for no other', () => {
      expect(whyNotSigned(signed(kty), digest)).toBeUndefined()
      expect(whyNotSigned(signed(kty), 'ac'.repeat(32))).toContain('another request')
      expect(whyNotSigned(signed(kty, { challenge: 'ac'.repeat(32) }), digest)).toContain(
        'another request',
      )
    })
    test('is wrong with any part of it changed', () => {
      for (const name of ['authenticator_data', 'client_data', 'signature'] as const) {
        const good = signed(kty)
        const bytes = Buffer.from(good[name], 'base64')
        for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
          const changed = Buffer.from(bytes)
          changed[at] = (changed[at] ?? 0) ^ 0x10
          const why = whyNotSigned({ ...good, [name]: changed.toString('base64') }, digest)
          expect([name, at, typeof why]).toEqual([name, at, 'string'])
        }
      }
    })
    test('is wrong by another key, or one that is none', () => {
      const good = signed(kty)
      const other = signed(kty === 'EC' ? 'OKP' : 'EC').public_key
      for (const public_key of [
        other,
        {},
        { ...good.public_key, kty: 'oct' },
        { kty, x: '', n: '' },
      ])
        expect(whyNotSigned({ ...good, public_key }, digest)).toBe(
          'the signature of its passkey is wrong',
        )
    })
  })

test('who used it was seen, and it was used to sign in', () => {
  for (const flags of [0, 0x01, 0x04])
    expect(whyNotSigned(signed('EC', { flags }), digest)).toContain('did not see')
  expect(whyNotSigned(signed('EC', { length: 36 }), digest)).toContain('too short')
  expect(whyNotSigned(signed('EC', { type: 'webauthn.create' }), digest)).toContain('no assertion')
})
