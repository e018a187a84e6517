/** What a bearer token must be, and every way in which one is not. */
import { describe, expect, test } from 'bun:test'
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { createTokenVerifier, mintToken, parseTokenKey, type TokenKey } from './token.ts'

const newKey = (): TokenKey => generateKeyPairSync('ed25519').privateKey
const key = newKey()
let now_us = 1_800_000_000_000_000
const verify = createTokenVerifier(key, () => now_us)
const ann = { subject: 'ann', roles: ['auditor'], lifetime_s: 3600 } as const

describe('a token', () => {
  test('that was minted here is its holder', async () => {
    const { jwt, token, expires_s } = await mintToken(key, ann, now_us)
    expect(expires_s).toBe(1_800_003_600)
    expect(await verify(jwt)).toEqual({
      ok: true,
      caller: { subject: 'ann', roles: ['auditor'], token },
    })
  })

  test('ends', async () => {
    const { jwt } = await mintToken(key, ann, now_us)
    now_us += 3_606_000_000
    expect(await verify(jwt)).toMatchObject({ ok: false, reason: 'the token has expired' })
    now_us -= 3_606_000_000
  })

  test('of another gateway is refused', async () => {
    const { jwt } = await mintToken(newKey(), ann, now_us)
    expect(await verify(jwt)).toMatchObject({
      reason: 'the token is not signed by the key of this gateway',
    })
  })

  test('cannot choose its algorithm', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const now_s = now_us / 1_000_000
    const payload = part({
      iss: 'sluice',
      aud: 'sluice-api',
      sub: 'eve',
      jti: 'x',
      iat: now_s,
      exp: now_s + 60,
      roles: ['admin'],
    })
    expect((await verify(`${part({ alg: 'none' })}.${payload}.`)).ok).toBe(false)
    const signed = `${part({ alg: 'HS256' })}.${payload}`
    const mac = createHmac(
      'sha256',
      createPublicKey(key).export({ format: 'der', type: 'spki' }),
    ).update(signed)
    expect((await verify(`${signed}.${mac.digest('base64url')}`)).ok).toBe(false)
  })

  const claims: readonly (readonly [name: string, claims: Readonly<Record<string, unknown>>])[] = [
    ['another audience', { aud: 'other' }],
    ['another issuer', { iss: 'other' }],
    ['no subject', { sub: undefined }],
    ['an empty subject', { sub: '' }],
    ['no name of its own', { jti: undefined }],
    ['no end', { exp: undefined }],
    ['a beginning too long ago', { iat: 1_700_000_000 }],
    ['a beginning in the future', { iat: 1_800_000_100 }],
    ['no roles', { roles: undefined }],
    ['roles of another form', { roles: 'admin' }],
  ]
  for (const [name, changed] of claims) {
    test(`with ${name} is refused`, async () => {
      const good = {
        iss: 'sluice',
        aud: 'sluice-api',
        sub: 'ann',
        jti: 'x',
        iat: 1_800_000_000,
        exp: 1_800_000_060,
        roles: ['admin'],
      }
      const sign = (payload: object): Promise<string> =>
        new SignJWT({ ...payload }).setProtectedHeader({ alg: 'EdDSA' }).sign(key)
      expect((await verify(await sign(good))).ok).toBe(true)
      expect((await verify(await sign({ ...good, ...changed }))).ok).toBe(false)
    })
  }

  test('gains nothing by a role that does not exist', async () => {
    const { jwt } = await mintToken(key, { ...ann, roles: ['root' as 'admin'] }, now_us)
    expect(await verify(jwt)).toMatchObject({ ok: true, caller: { roles: [] } })
  })

  test('that is no token at all is refused without repeating it', async () => {
    for (const text of ['', 'hunter2', 'a.b.c', '.'.repeat(5000), 'x'.repeat(100_000)]) {
      const verified = await verify(text)
      expect(verified.ok).toBe(false)
      expect(JSON.stringify(verified)).not.toContain('hunter2')
    }
  })

  test('does not live for ever', async () => {
    for (const lifetime_s of [0, 0.5, 31 * 24 * 3600]) {
      const minted = await mintToken(key, { ...ann, lifetime_s }, now_us).catch((error) => error)
      expect(minted).toBeInstanceOf(RangeError)
    }
  })
})

test('a key file of another kind is refused', () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  expect(parseTokenKey(pem)?.equals(privateKey)).toBe(true)
  expect(parseTokenKey(privateKey.export({ format: 'der', type: 'pkcs8' }))).toBeDefined()
  expect(parseTokenKey('{}')).toBeUndefined()
  expect(parseTokenKey(new Uint8Array(48))).toBeUndefined()
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  expect(parseTokenKey(ec.export({ format: 'der', type: 'pkcs8' }))).toBeUndefined()
})
