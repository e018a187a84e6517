/** The page before a sign-in: what it shows, and what it cannot be made to do. */
import { expect, test } from 'bun:test'
import { createApi } from '../api/app.ts'
import type { ApiPorts } from '../api/ports.ts'
import { consolePorts } from './fixture.ts'
import type { HeldLogin, WaitingLogin } from './ports.ts'

const origin = 'http://gateway.example.com'
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
const held: HeldLogin = { terminal: 'known', subject: 'ann', csrf_token: 'the-token' }
const decided: string[] = []
const terminals = (waiting: WaitingLogin) => ({
  waiting: async (id: string) => (id === 'known' ? waiting : undefined),
  hold: () => undefined,
  held: (cookie: string) =>
    cookie === 'ours' ? held : cookie === 'other' ? { ...held, terminal: 'other' } : undefined,
  decide: async (cookie: string, yes: boolean) => {
    decided.push(`${cookie} ${yes}`)
    return yes ? { ok: true as const } : { ok: false as const, message: 'refused' }
  },
})
const ports = (waiting: WaitingLogin): ApiPorts => ({
  reader: {
    sessions: unread,
    session: unread,
    erasedBy: unread,
    document: unread,
    records: unread,
  },
  logs: [],
  authenticate: async () => ({ ok: false, reason: 'nobody' }),
  evidenceRead: unread,
  metrics: unread,
  health: () => ({ status: 'ok', reasons: [] }),
  hosts: ['gateway.example.com'],
  mayRead: () => false,
  mayConfigure: () => false,
  console: consolePorts(origin, { terminals: terminals(waiting) }),
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
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  for (const shown of ['192.0.2.7:4711', 'web-1', 'deploy', 'BCDF-GHJK'])
    expect(text).toContain(`<dd>${shown}</dd>`)
  expect(text).toContain('<a href="https://idp.example.com/device?code=BCDF-GHJK&amp;x=1"')
  expect(text).toContain('go on to corp')
  const onward = await get('/login/device?login=known', { ...login, target: '' })
  expect(onward.text).toContain('<dd>this gateway, to go on from it</dd>')
})

test('it runs nothing, is framed by nobody, and is not kept', async () => {
  const { response } = await get('/login/device?login=known')
  const policy = response.headers.get('content-security-policy') ?? ''
  for (const part of [
    "default-src 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ])
    expect(policy).toContain(part)
  expect(policy).not.toContain('unsafe')
  expect(policy).not.toContain('script')
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('referrer-policy')).toBe('same-origin')
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

const cookie = (value: string): RequestInit => ({
  headers: { cookie: `sluice-terminal-=${value}` },
})

test('who has signed in for it is asked whether it is theirs, and by which code', async () => {
  const { text } = await get('/login/device?login=known', login, cookie('ours'))
  expect(text).toContain('corp says that you are <strong>ann</strong>')
  expect(text).toContain('<dd>192.0.2.7:4711</dd>')
  expect(text).toContain('<dd>BCDF-GHJK</dd>')
  expect(text).toContain('name="csrf_token" value="the-token"')
  // Whoever has signed in for another one has not for this.
  for (const other of ['other', 'x'])
    expect((await get('/login/device?login=known', login, cookie(other))).text).toContain(
      'Is this you?',
    )
})

test('the answer is one of the page, in the browser that signed in', async () => {
  const answer = async (
    form: Readonly<Record<string, string>>,
    from = origin,
    value = 'ours',
  ): Promise<number> => {
    decided.length = 0
    const { response } = await get('/login/device/answer', login, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers: { cookie: `sluice-terminal-=${value}`, origin: from },
    })
    return response.status
  }
  const yes = { csrf_token: 'the-token', answer: 'yes' }
  expect([await answer(yes), decided]).toEqual([200, ['ours true']])
  expect([await answer({ ...yes, answer: 'no' }), decided]).toEqual([403, ['ours false']])
  expect([await answer({ csrf_token: 'the-token' }), decided]).toEqual([403, ['ours false']])
  expect([await answer({ answer: 'yes' }), decided]).toEqual([403, []])
  expect([await answer({ ...yes, csrf_token: 'x' }), decided]).toEqual([403, []])
  expect([await answer(yes, 'http://evil.example'), decided]).toEqual([403, []])
  expect([await answer(yes, origin, 'x'), decided]).toEqual([404, []])
})
