/** Signing in with a browser, up to who it was; and answers that are for another browser, request, time or provider. */
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { type BrowserLogins, createBrowserLogins } from './browser-login.ts'
import { startFakeIssuer } from './fixture.ts'
import type { Vouched } from './issuers.ts'
import { browser_login_s } from './limits.ts'
import { ownPath } from './own-path.ts'
import type { OidcSettings } from './provider.ts'

const issuer = await startFakeIssuer()
const other = await startFakeIssuer()
beforeEach(() => {
  issuer.answers.clear()
  events.length = 0
})
afterAll(() => {
  issuer.stop()
  other.stop()
})

// The library that redeems codes has the clock of this machine.
const real_us = (): number => Date.now() * 1000
const events: string[] = []
const origin = 'http://127.0.0.1:7070'
const create = (changes: Partial<OidcSettings> = {}, now_us = real_us): BrowserLogins =>
  createBrowserLogins(
    [
      issuer.provider(changes, undefined, real_us),
      other.provider({ name: 'other' }, undefined, real_us),
    ],
    () => [],
    {
      origin: () => origin,
      now_us,
      log: (event, fields) =>
        void events.push(`${event} ${Object.values(fields).toSorted().join(' ')}`),
    },
  )
const begin = async (logins: BrowserLogins, to = '/console') => {
  const begun = await logins.begin('corp', { to })
  if ('allowed' in begun) throw new Error(begun.message)
  return { ...begun, asked: new URL(begun.url).searchParams }
}
/** What the provider makes of a code: tokens for the request that its browser came with. */
const answer = (asked: URLSearchParams, claims: Readonly<Record<string, unknown>> = {}): void => {
  issuer.answers.set('/token', async (request) => {
    const form = new URLSearchParams(await request.text())
    const challenge = createHash('sha256').update(form.get('code_verifier') ?? '')
    const is_right =
      form.get('code') === 'the code' &&
      form.get('redirect_uri') === `${origin}/login/callback/corp` &&
      challenge.digest('base64url') === asked.get('code_challenge')
    if (!is_right) return Response.json({ error: 'invalid_grant' }, { status: 400 })
    const now_s = Math.floor(Date.now() / 1000)
    const id_token = await issuer.token({
      nonce: asked.get('nonce'),
      iat: now_s,
      exp: now_s + 60,
      ...claims,
    })
    return Response.json({ access_token: 'x', token_type: 'bearer', id_token })
  })
}
const query = (asked: URLSearchParams): string =>
  `?${new URLSearchParams({ code: 'the code', state: asked.get('state') ?? '' }).toString()}`
const messageOf = (result: Vouched | { message: string }): string =>
  'message' in result ? result.message : `signed in as ${result.identity.subject}`

describe('a sign-in with a browser', () => {
  test('begins at the provider, with all that its answer will be checked against', async () => {
    const { url, ticket, asked } = await begin(create())
    expect(url).toStartWith(`${issuer.url}/authorize?`)
    expect(Object.fromEntries(asked)).toMatchObject({
      client_id: 'sluice',
      response_type: 'code',
      redirect_uri: `${origin}/login/callback/corp`,
      scope: 'openid',
      code_challenge_method: 'S256',
    })
    for (const name of ['state', 'nonce', 'code_challenge'])
      expect(asked.get(name)).toMatch(/^[\w-]{43}$/)
    // The browser keeps a secret that it cannot read.
    expect(ticket).toMatch(/^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/)
    expect(ticket.length).toBeLessThan(1500)
    const again = await begin(create())
    expect(again.asked.get('state')).not.toBe(asked.get('state'))
  })

  test('ends with who it is, their roles, and where they wanted to go', async () => {
    const logins = create({ roles: { approver: ['leads'] } })
    const { ticket, asked } = await begin(logins, '/console/requests?id=1')
    answer(asked, { groups: ['leads'] })
    expect(await logins.finish(ticket, query(asked), 'corp')).toMatchObject({
      identity: { issuer: issuer.url, subject: 'ann', groups: ['leads'], method: 'token' },
      roles: ['user', 'approver'],
      to: '/console/requests?id=1',
    })
    expect(events).toEqual(['signed_in ann browser corp'])
  })

  test('of a provider that sends the browser on to another gets nothing of that one (mix-up)', async () => {
    const asked: string[] = []
    other.answers.set('/token', async (request) => {
      asked.push(await request.text())
      return Response.json({ error: 'invalid_grant' }, { status: 400 })
    })
    const logins = create()
    const begun = await logins.begin('other', { to: '/console' })
    if ('allowed' in begun) throw new Error(begun.message)
    const own = new URL(begun.url).searchParams
    expect(own.get('redirect_uri')).toBe(`${origin}/login/callback/other`)
    // The other one's code, with the state of this sign-in, comes to the callback that was registered there.
    for (const at of ['corp', undefined, 'nobody'])
      expect(messageOf(await logins.finish(begun.ticket, query(own), at))).toBe(
        'this is the answer of another provider',
      )
    expect(asked).toEqual([])
    expect(events).toEqual(Array(3).fill('sign_in_failed browser other state'))
  })

  test('has one callback where there is one provider', async () => {
    const logins = createBrowserLogins([issuer.provider({}, undefined, real_us)], () => [], {
      ...{ origin: () => origin, now_us: real_us, log: () => {} },
    })
    const { ticket, asked } = await begin(logins)
    expect(asked.get('redirect_uri')).toBe(`${origin}/login/callback`)
    expect(messageOf(await logins.finish(ticket, query(asked), 'corp'))).toContain(
      'another provider',
    )
  })

  test('of somebody without a role ends with that', async () => {
    const logins = create({ roles: { user: ['staff'] } })
    const { ticket, asked } = await begin(logins)
    answer(asked, { groups: ['guests'] })
    expect(messageOf(await logins.finish(ticket, query(asked), 'corp'))).toContain(
      'none of your groups',
    )
    expect(events).toEqual(['sign_in_failed browser corp role'])
  })

  test('that the provider refuses says so', async () => {
    const logins = create()
    const { ticket, asked } = await begin(logins)
    const refused = `?error=access_denied&state=${asked.get('state')}`
    expect(messageOf(await logins.finish(ticket, refused, 'corp'))).toBe(
      'the sign-in was refused at corp',
    )
    const strange = `?error=${encodeURIComponent('<b>x</b>')}&state=${asked.get('state')}`
    expect(messageOf(await logins.finish(ticket, strange, 'corp'))).toContain('(an error)')
  })

  test('at a provider that is down, before or after, is a line that says so', async () => {
    const logins = create()
    const { ticket, asked } = await begin(logins)
    issuer.answers.set('/token', () => new Response('', { status: 503 }))
    const late = await logins.finish(ticket, query(asked), 'corp')
    expect(late).toMatchObject({ allowed: false, rule: 'identity.sign_in.unavailable' })
    issuer.answers.set('/.well-known/openid-configuration', () => new Response('', { status: 503 }))
    const early = await create().begin('corp', { to: '/' })
    expect(early).toMatchObject({ allowed: false, rule: 'identity.sign_in.unavailable' })
  })

  test('at a provider that would send the browser into the clear does not begin', async () => {
    issuer.answers.set('/.well-known/openid-configuration', () =>
      Response.json({
        issuer: issuer.url,
        jwks_uri: `${issuer.url}/keys`,
        authorization_endpoint: 'http://idp.example.com/authorize',
      }),
    )
    expect(messageOf((await create().begin('corp', { to: '/' })) as { message: string })).toContain(
      'no page to sign in at',
    )
  })
})

describe('an answer is refused', () => {
  const refused = async (
    change: (asked: URLSearchParams, ticket: string) => { query?: string; ticket?: string },
    claims: Readonly<Record<string, unknown>> = {},
  ): Promise<string> => {
    const logins = create()
    const { ticket, asked } = await begin(logins)
    answer(asked, claims)
    const changed = change(asked, ticket)
    return messageOf(
      await logins.finish(changed.ticket ?? ticket, changed.query ?? query(asked), 'corp'),
    )
  }
  test('canary: unchanged it is not', async () => {
    expect(await refused(() => ({}))).toBe('signed in as ann')
  })

  const cases: readonly (readonly [string, Parameters<typeof refused>[0], string])[] = [
    ['without a ticket', () => ({ ticket: '' }), 'not begun'],
    ['with a ticket that was changed', (_, ticket) => ({ ticket: `${ticket}A` }), 'not begun'],
    ['with a ticket without an end', () => ({ ticket: 'x'.repeat(10_000) }), 'not begun'],
    ['without anything', () => ({ query: '' }), 'another sign-in'],
    ['without a state', () => ({ query: '?code=the%20code' }), 'another sign-in'],
    ['for another state', () => ({ query: '?code=the%20code&state=x' }), 'another sign-in'],
    [
      'with a second state',
      (asked) => ({ query: `${query(asked)}&state=${asked.get('state')}` }),
      'another sign-in',
    ],
    [
      'without a code',
      (asked) => ({ query: `?state=${asked.get('state')}` }),
      'does not answer as it should',
    ],
    [
      'with a code of somebody else',
      (asked) => ({ query: `?code=other&state=${asked.get('state')}` }),
      'invalid_grant',
    ],
    // RFC 9207: the answer of one provider is brought to the sign-in at another.
    [
      'from another issuer',
      (asked) => ({ query: `${query(asked)}&iss=https%3A%2F%2Fevil.example` }),
      'does not answer as it should',
    ],
  ]
  for (const [name, change, reason] of cases)
    test(name, async () => {
      expect(await refused(change)).toContain(reason)
    })

  const tokens: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['another nonce', { nonce: 'x' }],
    ['no nonce', { nonce: undefined }],
    ['another audience', { aud: 'other' }],
    ['another issuer', { iss: 'https://evil.example' }],
    ['an end that has been', { iat: 1_700_000_000, exp: 1_700_000_060 }],
  ]
  for (const [name, claims] of tokens)
    test(`whose token has ${name}`, async () => {
      expect(await refused(() => ({}), claims)).not.toContain('signed in as')
    })

  test('whose token somebody else has signed', async () => {
    const logins = create()
    const { ticket, asked } = await begin(logins)
    const now_s = Math.floor(Date.now() / 1000)
    const claims = { iss: issuer.url, nonce: asked.get('nonce'), iat: now_s, exp: now_s + 60 }
    const id_token = await other.token(claims)
    issuer.answers.set('/token', () =>
      Response.json({ access_token: 'x', token_type: 'bearer', id_token }),
    )
    expect(messageOf(await logins.finish(ticket, query(asked), 'corp'))).toBe(
      'corp: the token is not signed by its issuer',
    )
  })

  test('in another browser, whose own sign-in it does not fit', async () => {
    const logins = create()
    const attacker = await begin(logins)
    const victim = await begin(logins)
    answer(attacker.asked)
    expect(messageOf(await logins.finish(victim.ticket, query(attacker.asked), 'corp'))).toContain(
      'another sign-in',
    )
  })

  test('too late, and by a gateway that has begun anew', async () => {
    let now_us = real_us()
    const logins = create({}, () => now_us)
    const { ticket, asked } = await begin(logins)
    answer(asked)
    now_us += (browser_login_s + 1) * 1e6
    expect(messageOf(await logins.finish(ticket, query(asked), 'corp'))).toContain('too long ago')
    expect(messageOf(await create().finish(ticket, query(asked), 'corp'))).toContain('not begun')
  })
})

test('a sign-in leads to a path of the gateway, whatever the link says', () => {
  const own = ['/', '/console', '/console/requests?id=a%20b&x=/y', '/api/docs', '/loginx']
  for (const path of own) expect(ownPath(path)).toBe(path)
  const elsewhere = [
    ...['', 'console', 'https://evil.example/', '//evil.example', '/\\evil.example', '\\/evil'],
    ...['/\t/evil.example', '/%0d%0ax: y\r\n', 'javascript:alert(1)', '/\u00e4', ' /console'],
    // Round and round, or out at once.
    ...['/login', '/login/callback?code=x', '/logout', '/./login', '/x/../logout'],
    `/${'a'.repeat(2000)}`,
  ]
  for (const path of elsewhere) expect([path, ownPath(path)]).toEqual([path, '/'])
  expect(ownPath('/.//evil.example')).toBe('/evil.example')
  expect(ownPath('/a/..//evil.example')).toBe('/evil.example')
})
