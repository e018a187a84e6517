/** What a browser gets and keeps when it signs in, and what a request with its cookie may do. */
import { afterAll, describe, expect, test } from 'bun:test'
import { createApi } from '../api/app.ts'
import { createApiFixture } from '../api/fixture.ts'
import { createDataFixture } from '../cli/fixture.ts'
import { consolePorts, nobody } from './fixture.ts'
import type { ConsoleSession } from './ports.ts'

const fixture = await createDataFixture([{ subject: 'ann', records: [] }])
const served = createApiFixture(fixture.data)
afterAll(() => {
  served.close()
  fixture.remove()
})

const tls = 'https://edge.example.com'
const plain = 'http://127.0.0.1:7070'
const csrf_token = 'the-token-of-the-page'
const terminal = 'abcdefghijklmnopqrstuv'
const signedIn = (subject: string): ConsoleSession => ({
  caller: { issuer: 'https://idp.example.com', subject, roles: ['auditor'] },
  csrf_token,
  ends_us: 1_800_000_000_000_000,
})
const create = (origin: string, providers: readonly string[] = ['corp']) => {
  const sessions = new Map<string, ConsoleSession>([['known', signedIn('eve')]])
  const usual = consolePorts(origin)
  const console = consolePorts(origin, {
    logins: {
      ...usual.logins,
      providers,
      begin: async (provider, aim) =>
        provider === 'down'
          ? { allowed: false, rule: 'identity.sign_in.unavailable', message: `<b>${provider}</b>` }
          : {
              url: `https://idp.example.com/${provider}`,
              ticket: `ticket:${aim.to}${aim.terminal ?? ''}`,
            },
      finish: async (ticket, query) =>
        ticket.startsWith('ticket:/console') && query === '?code=1'
          ? {
              identity: {
                issuer: 'https://idp.example.com',
                subject: 'ann',
                groups: [],
                method: 'token',
                credential: 'x',
              },
              roles: ['user'],
              page_session_s: 60,
              proof: { kind: 'token', fields: {} },
              to: '/console',
              ...(ticket.endsWith(terminal) ? { terminal } : {}),
            }
          : nobody,
      saml: {
        metadata: async (name) => (name === 'corp' ? '<md/>' : undefined),
        accept: async (name, response) =>
          name === 'corp' && response === 'right' ? { query: '?saml=handle' } : nobody,
      },
    },
    terminals: { ...usual.terminals, hold: (id) => `held-${id}` },
    sessions: {
      open: ({ identity }) => {
        sessions.set('new', signedIn(identity.subject))
        return 'new'
      },
      find: (cookie) => sessions.get(cookie),
      close: (cookie) => void sessions.delete(cookie),
    },
  })
  const api = createApi({ ...served.ports, console })
  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const request = new Request(`${origin}${path}`, { redirect: 'manual', ...init })
    request.headers.set('host', new URL(origin).host)
    return api.fetch(request)
  }
  return { call, sessions }
}
const cookiesOf = (response: Response): string[] => response.headers.getSetCookie()

test('an address that leads nowhere is a page for a person, and a problem for a program', async () => {
  const { call } = create(tls)
  const typeOf = async (path: string, accept: string): Promise<readonly unknown[]> => {
    const { status, headers } = await call(path, { headers: { accept } })
    return [status, headers.get('content-type')?.split(';')[0]]
  }
  const browser = 'text/html,application/xhtml+xml,*/*;q=0.8'
  expect(await typeOf('/aprovals', browser)).toEqual([404, 'text/html'])
  expect(await typeOf('/aprovals', '*/*')).toEqual([404, 'application/problem+json'])
  expect(await typeOf('/api/sesions', browser)).toEqual([401, 'application/problem+json'])
  const page = await call('/<b>', { headers: { accept: browser } })
  expect(await page.text()).not.toContain('<b>')
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
})

describe('a browser that signs in', () => {
  test('over TLS keeps cookies that no other host and no plaintext can set or have', async () => {
    const { call } = create(tls)
    const begun = await call('/login')
    expect([begun.status, begun.headers.get('location')]).toEqual([
      303,
      'https://idp.example.com/corp',
    ])
    const attributes = '; Path=/; HttpOnly; Secure; SameSite=Lax'
    expect(cookiesOf(begun)).toEqual([
      `__Host-sluice-login=${encodeURIComponent('ticket:/console')}${attributes}`,
    ])
    const cookie = `__Host-sluice-login=${encodeURIComponent('ticket:/console')}; __Host-sluice-session=known`
    const done = await call('/login/callback?code=1', { headers: { cookie } })
    expect([done.status, done.headers.get('location')]).toEqual([303, '/console'])
    expect(cookiesOf(done)).toEqual([
      `__Host-sluice-login=; Max-Age=0${attributes}`,
      `__Host-sluice-session=new${attributes}`,
    ])
    // Whoever was signed in there before is not any more.
    expect((await call('/api/logs', { headers: { cookie } })).status).toBe(401)
  })

  test('on loopback keeps them under the name of the port', async () => {
    const { call } = create(plain)
    const attributes = '; Path=/; HttpOnly; SameSite=Lax'
    expect(cookiesOf(await call('/login'))).toEqual([
      `sluice-login-7070=${encodeURIComponent('ticket:/console')}${attributes}`,
    ])
    // One of a gateway behind TLS is none of this.
    const cookie = '__Host-sluice-session=known; sluice-session-7071=known'
    expect((await call('/api/logs', { headers: { cookie } })).status).toBe(401)
  })

  test('and fails keeps nothing, and is told so without being led anywhere', async () => {
    const { call } = create(tls)
    const failed = await call('/login/callback?code=2', {
      headers: { cookie: '__Host-sluice-login=x' },
    })
    expect(failed.status).toBe(403)
    expect(failed.headers.get('location')).toBeNull()
    expect(cookiesOf(failed)).toEqual([
      '__Host-sluice-login=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax',
    ])
    expect(await failed.text()).toContain('href="/login"')
    const down = await call('/login?provider=down')
    expect([down.status, cookiesOf(down)]).toEqual([503, []])
    const text = await down.text()
    expect(text).toContain('&lt;b&gt;down&lt;/b&gt;')
    expect(text).toContain('Try it again')
  })

  test('chooses among several providers, and is told when there are none', async () => {
    const several = create(tls, ['corp', 'partners'])
    const text = await (await several.call('/login?to=%2Fapi%2Fdocs%22%3E')).text()
    expect(text).toContain('href="/login?provider=corp&amp;to=%2Fapi%2Fdocs%22%3E"')
    expect(text).toContain('>partners</a>')
    const chosen = await several.call('/login?provider=partners&to=/api/docs')
    expect(chosen.headers.get('location')).toBe('https://idp.example.com/partners')
    expect(cookiesOf(chosen)[0]).toContain(encodeURIComponent('ticket:/api/docs'))
    const none = await create(tls, []).call('/login')
    expect(none.status).toBe(404)
    expect(await none.text()).toContain('identity.oidc')
  })

  test('sees pages that run nothing, load nothing from elsewhere, and are framed by nobody', async () => {
    const { call } = create(tls, ['corp', 'partners'])
    const pages = ['/login', '/login/callback', '/logout', '/console', '/login?provider=down']
    for (const path of pages) {
      const { headers } = await call(path, { headers: { cookie: '__Host-sluice-session=known' } })
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toStartWith("default-src 'none'; style-src 'self'; ")
      for (const part of ["base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"])
        expect(policy).toContain(part)
      expect(policy).not.toMatch(/unsafe|script|\*|https?:/)
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-frame-options')).toBe('DENY')
    }
    const style = await call('/console/page.css')
    expect(style.headers.get('content-type')).toStartWith('text/css')
  })

  test('comes back to the page that it wanted', async () => {
    const { call } = create(tls)
    const asked = await call('/console?x=1&y=/')
    expect([asked.status, asked.headers.get('location')]).toEqual([
      303,
      '/login?to=%2Fconsole%3Fx%3D1%26y%3D%2F',
    ])
    expect((await call('/')).headers.get('location')).toBe('/console')
    expect((await call('/console', { method: 'POST' })).status).toBe(405)
  })
})

describe('a browser that signs in for a terminal', () => {
  test('gets no session, but the question whether it is theirs', async () => {
    const { call, sessions } = create(tls)
    const begun = await call(`/login?provider=corp&terminal=${terminal}`)
    const [, ticket = ''] = /__Host-sluice-login=([^;]*)/.exec(cookiesOf(begun)[0] ?? '') ?? []
    expect(decodeURIComponent(ticket)).toBe(`ticket:/console${terminal}`)
    const done = await call('/login/callback?code=1', {
      headers: { cookie: `__Host-sluice-login=${ticket}` },
    })
    expect(done.headers.get('location')).toBe(`/login/device?login=${terminal}`)
    expect(cookiesOf(done)[1]).toStartWith(`__Host-sluice-terminal=held-${terminal}; `)
    expect([...sessions.keys()]).toEqual(['known'])
  })
  test('has to name one, and nothing else', async () => {
    const { call } = create(tls)
    for (const name of ['x', `${terminal}x`, `${terminal}/`, '%0d%0a'])
      expect(cookiesOf(await call(`/login?terminal=${name}`))[0]).toContain('ticket%3A%2Fconsole;')
  })
})

describe('a SAML provider', () => {
  test('reads who the gateway is', async () => {
    const { call } = create(tls)
    const metadata = await call('/saml/corp/metadata')
    expect(metadata.headers.get('content-type')).toBe('application/samlmetadata+xml')
    expect(await metadata.text()).toBe('<md/>')
    expect((await call('/saml/other/metadata')).status).toBe(404)
  })
  const post = (path: string, body: string): Promise<Response> =>
    create(tls).call(path, {
      method: 'POST',
      body,
      headers: {
        origin: 'https://idp.example.com',
        'content-type': 'application/x-www-form-urlencoded',
      },
    })
  test('posts a response, which goes on as a request of the browser itself', async () => {
    const right = await post('/saml/corp/acs', 'SAMLResponse=right&RelayState=https://evil.example')
    expect([right.status, right.headers.get('location')]).toEqual([
      303,
      '/login/callback?saml=handle',
    ])
    expect(cookiesOf(right)).toEqual([])
  })
  test('whose response is wrong, missing or a megabyte leads nowhere', async () => {
    const bodies = ['SAMLResponse=wrong', 'x', '', `SAMLResponse=${'a'.repeat(1024 * 1024)}`]
    for (const body of bodies) {
      const answer = await post('/saml/corp/acs', body)
      expect([answer.status, answer.headers.get('location')]).toEqual([403, null])
      expect(await answer.text()).toContain('role="alert"')
    }
    expect((await post('/saml/other/acs', 'SAMLResponse=right')).status).toBe(403)
  })
})

describe('a request with the cookie of somebody', () => {
  const approve = '/api/requests/0a/approve'
  const own = { origin: tls, 'sec-fetch-site': 'same-origin', 'x-csrf-token': csrf_token }
  const asked = async (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<number> => {
    const { call } = create(tls)
    const body = method === 'POST' ? { body: '{}' } : {}
    const cookie = '__Host-sluice-session=known'
    const all = { cookie, 'content-type': 'application/json', ...headers }
    return (await call(path, { method, headers: all, ...body })).status
  }

  test('reads as they may, where a page of the gateway or the person asked', async () => {
    expect(await asked('GET', '/api/logs', {})).toBe(200)
    for (const site of ['same-origin', 'none'])
      expect(await asked('GET', '/api/logs', { 'sec-fetch-site': site })).toBe(200)
    for (const site of ['same-site', 'cross-site', 'x'])
      expect(await asked('GET', '/api/logs', { 'sec-fetch-site': site })).toBe(403)
  })

  test('changes something only where a page of the gateway asked', async () => {
    // That there is no such request was looked up: it was let through.
    expect(await asked('POST', approve, own)).toBe(404)
    const { 'sec-fetch-site': _, ...without } = own
    expect(await asked('POST', approve, without)).toBe(404)
    const foreign: readonly Readonly<Record<string, string>>[] = [
      ...['same-site', 'cross-site', 'none'].map((site) => ({ ...own, 'sec-fetch-site': site })),
      ...['null', 'https://evil.example', `${tls}.evil.example`, 'http://edge.example.com', ''].map(
        (origin) => ({ ...own, origin }),
      ),
      ...['', 'x', `${csrf_token}x`, csrf_token.slice(1)].map((token) => ({
        ...own,
        'x-csrf-token': token,
      })),
      {},
      { origin: tls },
      { 'x-csrf-token': csrf_token },
    ]
    for (const headers of foreign)
      expect([headers, await asked('POST', approve, headers)]).toEqual([headers, 403])
  })

  test('is its bearer, where there is a token too', async () => {
    const { call } = create(tls)
    const cookie = '__Host-sluice-session=known'
    const withBearer = (authorization: string): Promise<Response> =>
      call('/api/logs', {
        headers: { cookie, authorization, 'sec-fetch-site': 'cross-site' },
      })
    expect((await withBearer('Bearer eve.auditor')).status).toBe(200)
    expect((await withBearer('Bearer nobody')).status).toBe(401)
    expect((await withBearer('x')).status).toBe(401)
  })

  test('signs out only with the token of a page', async () => {
    const { call, sessions } = create(tls)
    const post = (token: string, origin: string): Promise<Response> =>
      call('/logout', {
        method: 'POST',
        body: new URLSearchParams({ csrf_token: token }),
        headers: { cookie: '__Host-sluice-session=known', origin },
      })
    expect((await post('x', tls)).status).toBe(403)
    expect((await post(csrf_token, 'https://evil.example')).status).toBe(403)
    expect(sessions.has('known')).toBe(true)
    const large = await call('/logout', { method: 'POST', body: 'x'.repeat(5000) })
    expect(large.status).toBe(413)
    const out = await post(csrf_token, tls)
    expect([out.status, out.headers.get('location')]).toEqual([303, '/logout'])
    expect(cookiesOf(out)[0]).toContain('__Host-sluice-session=; Max-Age=0')
    expect(sessions.has('known')).toBe(false)
  })
})
