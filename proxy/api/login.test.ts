/** The page before a sign-in: what it shows, and what it cannot be made to do. */
import { expect, test } from 'bun:test'
import { createApi } from './app.ts'
import type { ApiPorts, WaitingLogin } from './ports.ts'

const login: WaitingLogin = {
  provider: 'corp',
  source: '192.0.2.7:4711',
  account: 'deploy',
  target: 'web-1',
  user_code: 'BCDF-GHJK',
  url: 'https://idp.example.com/device?code=BCDF-GHJK&x=1',
}
const unread = (): never => {
  throw new Error('a page reads no evidence')
}
const ports = (waiting: WaitingLogin): ApiPorts => ({
  reader: {
    sessions: unread,
    session: unread,
    records: unread,
  },
  logs: [],
  authenticate: async () => ({ ok: false, reason: 'nobody' }),
  evidenceRead: unread,
  health: () => ({ status: 'ok', reasons: [] }),
  hosts: ['gateway.example.com'],
  waitingLogin: async (id) => (id === 'known' ? waiting : undefined),
})
const get = async (
  path: string,
  waiting = login,
  init: RequestInit & { host?: string } = {},
): Promise<{ response: Response; text: string }> => {
  const { host = 'gateway.example.com', ...rest } = init
  const api = createApi(ports(waiting))
  const response = await api.fetch(new Request(`http://${host}${path}`, rest))
  return { response, text: await response.text() }
}

test('it shows whose connection waits, and leads on to the provider', async () => {
  const { response, text } = await get('/login/device?login=known')
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8')
  for (const shown of ['192.0.2.7:4711', 'web-1', 'deploy', 'BCDF-GHJK'])
    expect(text).toContain(`<dd>${shown}</dd>`)
  expect(text).toContain('<a href="https://idp.example.com/device?code=BCDF-GHJK&amp;x=1"')
  expect(text).toContain('go on to corp')
  const onward = await get('/login/device?login=known', { ...login, target: '' })
  expect(onward.text).toContain('<dd>this gateway, to go on from it</dd>')
})

test('it runs nothing, is framed by nobody, and is not kept', async () => {
  const { response, text } = await get('/login/device?login=known')
  const policy = response.headers.get('content-security-policy') ?? ''
  for (const part of [
    "default-src 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ])
    expect(policy).toContain(part)
  expect(policy).not.toContain('unsafe')
  expect(policy).not.toContain('script')
  // The one style is the one that is let through.
  const style = /<style>([^<]*)<\/style>/.exec(text)?.[1] ?? ''
  const digest = new Bun.CryptoHasher('sha256').update(style).digest('base64')
  expect(policy).toContain(`style-src 'sha256-${digest}'`)
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('referrer-policy')).toBe('no-referrer')
  expect(response.headers.get('x-frame-options')).toBe('DENY')
})

test('what a client calls itself is text', async () => {
  const account = '</dd><script>alert(1)</script><img src=x onerror="alert(1)">'
  const { text } = await get('/login/device?login=known', { ...login, account, target: account })
  expect(text).not.toContain('<script')
  expect(text).not.toContain('<img')
  expect(text.match(/&lt;script&gt;/g)).toHaveLength(2)
  const turned = await get('/login/device?login=known', { ...login, account: 'a\u202eb\u0000' })
  expect(turned.text).toContain('<dd>a\ufffdb\ufffd</dd>')
})

test('a login that is over, or never was, says so and nothing else', async () => {
  for (const path of ['/login/device?login=other', '/login/device', '/login/device?login=']) {
    const { response, text } = await get(path)
    expect(response.status).toBe(404)
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(text).toContain('Nobody waits here')
    expect(text).not.toContain('192.0.2.7')
  }
})

test('it is there for reading, and under its own name', async () => {
  expect((await get('/login/device?login=known', login, { method: 'POST' })).response.status).toBe(
    405,
  )
  const other = await get('/login/device?login=known', login, { host: 'evil.example' })
  expect(other.response.status).toBe(421)
})
