/** Logout tokens of a real issuer's form, each way in which one may not be what it says. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { fits } from '../core/access.ts'
import type { Identity } from '../core/identity.ts'
import { type FakeIssuer, now_us, startFakeIssuer } from './fixture.ts'
import type { Provider } from './provider.ts'

let issuer: FakeIssuer
let provider: Provider
beforeAll(async () => {
  issuer = await startFakeIssuer()
  provider = issuer.provider()
})
afterAll(() => issuer.stop())

const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
let tokens = 0
const token = (changes: Readonly<Record<string, unknown>> = {}): Promise<string> =>
  issuer.token({ events, sid: 's1', jti: `logout-${tokens++}`, ...changes })

test('says whose sign-in is over, once', async () => {
  const jwt = await token()
  expect(await provider.verifyLogout(jwt)).toMatchObject({
    ok: true,
    logout: { issuer: issuer.url, sub: 'ann', sid: 's1', issued_us: now_us() },
  })
  expect(await provider.verifyLogout(jwt)).toEqual({
    ok: false,
    reason: 'the token was used before',
  })
  for (const changes of [{ sid: undefined }, { sub: undefined }])
    expect(await provider.verifyLogout(await token(changes))).toMatchObject({ ok: true })
})

test('is not what lacks something, is for another, is old, or is an ID token', async () => {
  const now_s = now_us() / 1e6
  for (const changes of [
    { iss: 'https://other.example.com' },
    { aud: 'other' },
    { iat: undefined },
    { iat: now_s - 3600 },
    { iat: now_s + 3600 },
    { exp: undefined },
    { exp: now_s - 60 },
    { jti: undefined },
    { events: undefined },
    { events: {} },
    { events: { 'http://schemas.openid.net/event/backchannel-logout': true } },
    { nonce: 'n' },
    { nonce: null },
    { sub: undefined, sid: undefined },
    { sub: '' },
    { sid: 7 },
  ])
    expect(
      await provider.verifyLogout(await token(changes)),
      JSON.stringify(changes),
    ).toMatchObject({
      ok: false,
    })
  expect(await provider.verifyLogout(await issuer.token({ jti: 'x' }))).toMatchObject({ ok: false })
  const [head = '', body = ''] = (await token()).split('.')
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`
  for (const jwt of ['', 'x', `${head}.${body}.`, unsigned, 'a'.repeat(100_000)])
    expect(await provider.verifyLogout(jwt)).toMatchObject({ ok: false })
})

test('fits the sign-in that it names, and none that began after it', () => {
  const who: Identity = {
    ...{ issuer: issuer.url, subject: 'ann', groups: [], method: 'token', credential: 'x' },
    login: { sub: 'ann', sid: 's1', issued_us: 5 },
  }
  const at = (login: object, identity: Identity = who): boolean =>
    fits(
      { id: 'r', issuer: issuer.url, login: { issued_us_max: 5, ...login }, message: '' },
      identity,
    )
  expect([at({ sub: 'ann' }), at({ sid: 's1' }), at({ sub: 'ann', sid: 's1' })]).toEqual([
    true,
    true,
    true,
  ])
  expect([at({ sub: 'bob' }), at({ sid: 's2' }), at({ sub: 'ann', sid: 's2' })]).toEqual([
    false,
    false,
    false,
  ])
  expect(at({ sub: 'ann', issued_us_max: 4 })).toBe(false)
  expect(at({ sub: 'ann' }, { ...who, issuer: 'https://other.example.com' })).toBe(false)
  // Whose sign-in has no name is out with any of that person's.
  const unnamed = { ...who, login: { sub: 'ann', issued_us: 5 } }
  expect([at({ sub: 'ann', sid: 's2' }, unnamed), at({ sid: 's2' }, unnamed)]).toEqual([
    true,
    false,
  ])
})
