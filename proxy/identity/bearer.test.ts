/** Whose a bearer token is, when several issue them. */
import { afterAll, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { createBearerVerifier } from './bearer.ts'
import { now_us, startFakeIssuer } from './fixture.ts'
import { createIssuers } from './issuers.ts'
import { createTokenVerifier, mintToken } from './token.ts'

const issuer = await startFakeIssuer()
const other = await startFakeIssuer()
afterAll(() => {
  issuer.stop()
  other.stop()
})
const key = generateKeyPairSync('ed25519').privateKey
const issuers = createIssuers(
  [issuer.provider({ roles: { user: ['staff'], auditor: ['audit'] } })],
  [],
  { now_us, monotonic_ms: () => performance.now() },
)
const verify = createBearerVerifier(createTokenVerifier(key, now_us, issuers), issuers)

test("the gateway's own token is its holder's, with no provider behind it", async () => {
  const { jwt, token } = await mintToken(
    key,
    { subject: 'ann', roles: ['user'], lifetime_s: 60 },
    now_us(),
  )
  expect(await verify(jwt)).toEqual({
    ok: true,
    caller: { subject: 'ann', roles: ['user'], token },
  })
})

test('a token of the gateway for somebody whom an issuer vouched for is theirs, while that one is configured', async () => {
  const voucher = { issuer: issuer.url, ends_us: now_us() + 5_000_000 }
  const asked = { subject: 'ann', groups: ['staff'], roles: ['user'], lifetime_s: 60 } as const
  const { jwt, token } = await mintToken(key, { ...asked, ...voucher }, now_us())
  expect(await verify(jwt)).toEqual({
    ok: true,
    caller: { subject: 'ann', roles: ['user'], groups: ['staff'], token, ...voucher },
  })
  const gone = await mintToken(key, { ...asked, issuer: other.url }, now_us())
  expect(await verify(gone.jwt)).toMatchObject({ ok: false, rule: 'identity.token.issuer' })
})

test("a provider's ID token has the roles of its groups", async () => {
  const jwt = await issuer.token({ groups: ['audit', 'admin'], jti: 't' })
  expect(await verify(jwt)).toEqual({
    ok: true,
    caller: {
      issuer: issuer.url,
      subject: 'ann',
      groups: ['audit', 'admin'],
      roles: ['auditor'],
      token: 't',
      login: { sub: 'ann', issued_us: now_us() },
    },
  })
  expect(await verify(await issuer.token({ jti: 't' }))).toMatchObject({ caller: { roles: [] } })
})

test('roles that a token claims for itself are none', async () => {
  expect(await verify(await issuer.token({ roles: ['admin'] }))).toMatchObject({
    caller: { roles: [] },
  })
})

test('nobody else is believed', async () => {
  const refused = {
    ok: false,
    rule: 'identity.token.malformed',
    reason: 'this is not a token of this gateway',
  } as const
  // Another issuer's, also under the name of one that is known.
  expect(await verify(await other.token())).toMatchObject({ ok: false })
  expect(await verify(await other.token({ iss: issuer.url }))).toMatchObject({ ok: false })
  // A provider does not speak for the gateway, nor the gateway for a provider.
  expect(
    await verify(await issuer.token({ iss: 'sluice', aud: 'sluice-api', roles: ['admin'] })),
  ).toEqual(refused)
  expect(await verify('x')).toEqual(refused)
  expect(await verify('a.b.c')).toEqual(refused)
  expect(await verify('x'.repeat(1_000_000))).toMatchObject({ ok: false })
  const short = (await issuer.token()).slice(0, -2)
  expect(await verify(short)).toMatchObject({ ok: false })
})
