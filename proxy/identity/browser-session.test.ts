/** Browsers in which somebody is signed in: for how long, how many, and what they can be made to believe. */
import { expect, test } from 'bun:test'
import type { Identity } from '../core/identity.ts'
import { createBrowserSessions } from './browser-session.ts'
import { browser_session_idle_ms } from './limits.ts'

const ann: Identity = {
  issuer: 'https://idp.example.com',
  subject: 'ann',
  groups: ['leads'],
  method: 'token',
  credential: 'jti-1',
}
const page_session_s = 8 * 3600
const browser_session_ms = page_session_s * 1000
const roles = ['user', 'approver'] as const
const start_us = 1_800_000_000_000_000
const create = (limits?: Parameters<typeof createBrowserSessions>[1]) => {
  let now_us = start_us
  const sessions = createBrowserSessions(() => now_us, limits)
  const open = (identity = ann): string => sessions.open({ identity, roles, page_session_s }) ?? ''
  const pass = (ms: number): void => void (now_us += ms * 1000)
  return { sessions, open, pass }
}

test('a session is who signed in, by a name that cannot be guessed', () => {
  const { sessions, open } = create()
  const cookie = open()
  expect(cookie).toMatch(/^[\w-]{43}$/)
  expect(sessions.find(cookie)).toMatchObject({
    caller: { issuer: ann.issuer, subject: 'ann', groups: ['leads'], roles: [...roles] },
    ends_us: start_us + browser_session_ms * 1000,
  })
  expect(sessions.find(cookie)?.csrf_token).toMatch(/^[\w-]{43}$/)
  expect(sessions.find(cookie)?.csrf_token).not.toBe(cookie)
  const other = open()
  expect(sessions.find(other)?.csrf_token).not.toBe(sessions.find(cookie)?.csrf_token)
  for (const wrong of ['', 'x', cookie.slice(1), `${cookie}x`, cookie.toLowerCase()])
    expect(sessions.find(wrong)).toBeUndefined()
})

test('it ends when its person says so, and only theirs', () => {
  const { sessions, open } = create()
  const [first, second] = [open(), open()]
  sessions.close(first)
  sessions.close(first)
  expect(sessions.find(first)).toBeUndefined()
  expect(sessions.find(second)).toBeDefined()
})

test('it ends when nobody was there for long, and after a working day also when somebody was', () => {
  const { sessions, open, pass } = create()
  const idle = open()
  pass(browser_session_idle_ms)
  expect(sessions.find(idle)).toBeUndefined()
  const used = open()
  for (let passed = 0; passed < browser_session_ms; passed += browser_session_idle_ms - 1) {
    expect(sessions.find(used)).toBeDefined()
    pass(browser_session_idle_ms - 1)
  }
  expect(sessions.find(used)).toBeUndefined()
})

test('it ends with the token where that is asked for', () => {
  const { sessions, open, pass } = create()
  const cookie = open({ ...ann, ends_us: start_us + 60_000_000 })
  pass(59_000)
  expect(sessions.find(cookie)).toBeDefined()
  pass(1_000)
  expect(sessions.find(cookie)).toBeUndefined()
})

test('one person has so many, and everybody together too', () => {
  const { sessions, open, pass } = create({ sessions_max: 5, per_person_max: 2 })
  const bob = { ...ann, subject: 'bob' }
  // The same name at another provider is somebody else.
  const cyd = { ...ann, issuer: 'https://other.example.com' }
  const opened = [open(), open(), open(bob), open(cyd)]
  const [first = '', second = '', ...others] = opened
  const third = open()
  expect(sessions.find(first)).toBeUndefined()
  for (const cookie of [second, third, ...others]) expect(sessions.find(cookie)).toBeDefined()
  open({ ...ann, subject: 'dan' })
  expect(
    sessions.open({ identity: { ...ann, subject: 'eve' }, roles, page_session_s }),
  ).toBeUndefined()
  // Who has gone makes room.
  pass(browser_session_idle_ms)
  expect(
    sessions.open({ identity: { ...ann, subject: 'eve' }, roles, page_session_s }),
  ).toBeDefined()
})
