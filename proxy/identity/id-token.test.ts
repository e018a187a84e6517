/** Which ID tokens are believed, and every way in which one is not. */
import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTVerifyGetKey, SignJWT } from 'jose'
import { type VerifiedIdToken, verifyIdToken } from './id-token.ts'

const issuer = 'https://idp.example.com'
const client_id = 'sluice'
const now_s = 1_800_000_000
const make = async (alg: string, kid: string) => {
  const { publicKey, privateKey } = await generateKeyPair(alg)
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } }
}
const ec = await make('ES256', 'one')
const rsa = await make('RS256', 'two')
const stranger = await make('ES256', 'one')
const keys = createLocalJWKSet({ keys: [ec.jwk, rsa.jwk] })

const good = { iss: issuer, aud: client_id, sub: 'ann', iat: now_s, exp: now_s + 600 }
type Key = typeof ec
type Header = Readonly<Record<string, string | undefined>>

const sign = (claims: object, by: Key = ec, header: Header = {}): Promise<string> =>
  new SignJWT({ ...good, ...claims })
    .setProtectedHeader({ alg: by.alg, kid: by.kid, ...header })
    .sign(by.privateKey)
const verify = (jwt: string, nonce?: string, from: JWTVerifyGetKey = keys) =>
  verifyIdToken(jwt, { issuer, client_id, keys: from, now_us: () => now_s * 1e6 }, nonce)
const reason = (result: VerifiedIdToken): string => (result.ok ? 'accepted' : result.reason)

describe('an ID token', () => {
  test('of the issuer is accepted, with the key that verified it', async () => {
    for (const key of [ec, rsa]) {
      const verified = await verify(await sign({ groups: ['staff'] }, key))
      if (!verified.ok) throw new Error(verified.reason)
      expect(verified.claims).toMatchObject({ sub: 'ann', groups: ['staff'] })
      expect(verified.key).toEqual({ ...key.jwk, alg: key.alg })
    }
  })

  test('is still one within the skew of two clocks, and with a nonce that is ours', async () => {
    for (const claims of [{ exp: now_s - 20 }, { iat: now_s + 20 }, { nbf: now_s + 20 }])
      expect(reason(await verify(await sign(claims)))).toBe('accepted')
    expect(reason(await verify(await sign({ nonce: 'n' }), 'n'))).toBe('accepted')
    expect(reason(await verify(await sign({}), 'n'))).toBe('accepted')
    expect(reason(await verify(await sign({ aud: [client_id, 'b'], azp: client_id })))).toBe(
      'accepted',
    )
  })

  const refused: readonly (readonly [string, object, string, Header?])[] = [
    [
      'another issuer',
      { iss: 'https://evil.example' },
      'the claim iss of the token is not valid here',
    ],
    ['another audience', { aud: 'other' }, 'the claim aud of the token is not valid here'],
    [
      'several audiences and no party',
      { aud: [client_id, 'b'] },
      'the token was issued to another client',
    ],
    ['another party', { azp: 'other' }, 'the token was issued to another client'],
    ['an end that has passed', { exp: now_s - 31 }, 'the token has expired'],
    [
      'a beginning that has not come',
      { nbf: now_s + 31 },
      'the claim nbf of the token is not valid here',
    ],
    ['an issue in the future', { iat: now_s + 31 }, 'the claim iat of the token is not valid here'],
    ['an issue two days ago', { iat: now_s - 172_800 }, 'the token has expired'],
    ['no end', { exp: undefined }, 'the claim exp of the token is not valid here'],
    ['no time of issue', { iat: undefined }, 'the claim iat of the token is not valid here'],
    ['no subject', { sub: undefined }, 'the claim sub of the token is not valid here'],
    ['another nonce', { nonce: 'other' }, 'the token answers to another request'],
    ['events, as a logout token', { events: {} }, 'this is no ID token'],
    ['the type of an access token', {}, 'this is no ID token', { typ: 'at+jwt' }],
    [
      'a key that is not published',
      {},
      'the token is signed by a key that its issuer does not publish',
      { kid: 'three' },
    ],
  ]
  for (const [name, claims, why, header] of refused)
    test(`with ${name} is refused`, async () => {
      expect(reason(await verify(await sign(claims, ec, header), 'n'))).toBe(why)
    })

  test("signed by somebody else under the key's name is refused", async () => {
    expect(reason(await verify(await sign({}, stranger)))).toBe(
      'the token is not signed by its issuer',
    )
  })

  test('that was changed is refused', async () => {
    const [header, , signature] = (await sign({})).split('.')
    const payload = Buffer.from(JSON.stringify({ ...good, sub: 'eve' })).toString('base64url')
    expect(reason(await verify(`${header}.${payload}.${signature}`))).toBe(
      'the token is not signed by its issuer',
    )
  })

  test('cannot choose its algorithm', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const unsigned = `${part({ alg: 'none' })}.${part(good)}.`
    expect(reason(await verify(unsigned))).toBe('the token is signed in a way that is not accepted')
    const signed = `${part({ alg: 'HS256', kid: 'two' })}.${part(good)}`
    const mac = createHmac('sha256', JSON.stringify(rsa.jwk)).update(signed).digest('base64url')
    expect(reason(await verify(`${signed}.${mac}`))).toBe(
      'the token is signed in a way that is not accepted',
    )
    // An EC key is not an RSA key, whatever the header says.
    expect((await verify(await sign({}, rsa, { kid: 'one' }))).ok).toBe(false)
  })

  test('is nothing else', async () => {
    for (const text of ['', 'x', 'a.b.c', `${'a'.repeat(100)}.${'b'.repeat(100)}.`, '..'])
      expect(reason(await verify(text))).toBe('this is no ID token')
    expect(reason(await verify('a'.repeat(1_000_000)))).toBe('the token is too long')
  })

  test('is not refused for good while the keys are not there', async () => {
    const down: JWTVerifyGetKey = () => Promise.reject(new Error('down'))
    expect(await verify(await sign({}), undefined, down)).toMatchObject({ code: 'unavailable' })
  })
})
