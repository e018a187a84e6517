/** A target's login log, read and put beside what the gateway did: who came in past it. */
import { describe, expect, test } from 'bun:test'
import { type Login, type ReadLogins, readLogins } from './logins.ts'
import { type Arrival, reconcile } from './reconcile.ts'

const now_us = Date.parse('2026-03-02T00:00:00Z') * 1000
const options = { offset_min: 0, now_us }
const at = (time: string): number => Date.parse(`2026-03-01T${time}Z`) * 1000
const read = (text: string, more: Partial<typeof options> = {}): ReadLogins =>
  readLogins(Buffer.from(text), { ...options, ...more })
const loginsIn = (text: string, more: Partial<typeof options> = {}): readonly Login[] => {
  const found = read(text, more)
  if (!found.ok) throw new Error(found.reason)
  return found.logins
}

describe('sshd', () => {
  const line =
    'host sshd[42]: Accepted publickey for deploy from 10.0.0.9 port 50022 ssh2: ED25519 SHA256:abc'
  test('in each form that a syslog has', () => {
    const forms: readonly (readonly [text: string, t_us: number])[] = [
      [`Mar  1 08:00:00 ${line}`, at('08:00:00')],
      [`2026-03-01T08:00:00.123456+00:00 ${line}`, at('08:00:00') + 123_456],
      [`2026-03-01T10:00:00+0200 ${line}`, at('08:00:00')],
      [`2026-03-01T08:00:00Z ${line.replace('sshd[', 'sshd-session[')}`, at('08:00:00')],
      [
        JSON.stringify({
          SYSLOG_IDENTIFIER: 'sshd',
          __REALTIME_TIMESTAMP: String(at('08:00:00')),
          MESSAGE: line.slice(line.indexOf('Accepted')),
        }),
        at('08:00:00'),
      ],
    ]
    for (const [text, t_us] of forms)
      expect(loginsIn(`noise\n${text}\n`), text).toEqual([
        { t_us, account: 'deploy', from: '10.0.0.9', at: 2 },
      ])
  })
  test('the old form has no year and no zone: the last one, and the one that is said', () => {
    expect(loginsIn(`Dec 31 23:59:59 ${line}`)[0]?.t_us).toBe(
      Date.parse('2025-12-31T23:59:59Z') * 1000,
    )
    expect(loginsIn(`Mar  1 10:00:00 ${line}`, { offset_min: 120 })[0]?.t_us).toBe(at('08:00:00'))
  })
  test('what somebody wrote into a name is no login', () => {
    const others = [
      'Mar  1 08:00:00 host sshd[42]: Invalid user Accepted publickey for root from 10.0.0.9 port 1 ssh2',
      'Mar  1 08:00:00 host sshd[42]: Failed password for invalid user x from 10.0.0.9 port 1 ssh2',
      'Mar  1 08:00:00 host app[1]: x sshd[42]: Accepted publickey for root from 10.0.0.9 port 1 ssh2',
      '{"SYSLOG_IDENTIFIER":"app","MESSAGE":"Accepted publickey for root from 10.0.0.9 port 1 ssh2"}',
      '{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":["Accepted"]}',
      '{"SYSLOG_IDENTIFIER":"sshd"',
    ]
    expect(loginsIn([`Mar  1 07:00:00 ${line}`, ...others].join('\n'))).toHaveLength(1)
    const named = `Mar  1 08:00:00 host sshd[1]: Accepted password for a from b from ::1 port 9 ssh2`
    expect(loginsIn(named)).toMatchObject([{ account: 'a from b', from: '::1' }])
  })
  test('a login whose time cannot be read is said, not passed over', () => {
    for (const time of ['Foo  1 08:00:00', '2026-03-01T08:00:00', '2026-13-01T08:00:00Z'])
      expect(read(`${time} ${line}`)).toEqual({
        ok: false,
        reason:
          'line 1 has a login, and a time that cannot be read: it needs a date, and UTC or an offset',
      })
  })
})

describe('PostgreSQL', () => {
  test('a connection counts once it is authorized, from where it was received', () => {
    const log = `2026-03-01 08:00:00.123 UTC [7] LOG:  connection received: host=10.0.0.9 port=50022
2026-03-01 08:00:00.200 UTC [7] app_ro@orders LOG:  connection authenticated: identity="app_ro" method=scram-sha-256
2026-03-01 08:00:00.250 UTC [7] app_ro@orders LOG:  connection authorized: user=app_ro database=orders application_name=psql
2026-03-01 08:01:00.000 UTC [8] LOG:  connection received: host=10.0.0.8 port=50023
2026-03-01 08:01:00.001 UTC [8] x@y FATAL:  password authentication failed for user "x"
2026-03-01 08:02:00 UTC [9] LOG:  connection authorized: user=two words database=y
2026-03-01 08:03:00 UTC [9] LOG:  statement: select 'LOG:  connection authorized: user=evil'
`
    expect(loginsIn(log)).toEqual([
      { t_us: at('08:00:00') + 250_000, account: 'app_ro', from: '10.0.0.9', at: 3 },
      { t_us: at('08:02:00'), account: 'two words', from: '', at: 6 },
    ])
    expect(read(log.replaceAll('UTC', 'CET')).ok).toBe(false)
  })
})

test('PostgreSQL 15 itself wrote these, with log_connections on', () => {
  const log = `2026-02-27 16:29:35.336 UTC [29557] LOG:  database system is ready to accept connections
2026-02-27 16:29:38.324 UTC [29587] LOG:  connection received: host=127.0.0.1 port=33838
2026-02-27 16:29:38.326 UTC [29587] LOG:  connection authorized: user=app database=postgres application_name=psql
2026-02-27 16:29:38.422 UTC [29589] LOG:  connection received: host=[local]
2026-02-27 16:29:38.422 UTC [29589] LOG:  connection authorized: user=app database=postgres application_name=psql
2026-02-27 16:29:38.931 UTC [29557] LOG:  received fast shutdown request
`
  const found = read(log)
  expect(found).toMatchObject({ ok: true, kind: 'postgres' })
  expect(loginsIn(log).map(({ from, at: line }) => [from, line])).toEqual([
    ['127.0.0.1', 3],
    ['[local]', 5],
  ])
})

describe('what is no such log', () => {
  test('is refused', () => {
    for (const bytes of ['', 'nothing', 'x'.repeat(384)])
      expect(read(bytes)).toMatchObject({
        ok: false,
        reason: expect.stringContaining('neither a wtmp'),
      })
    const torn = readLogins(new Uint8Array(385), { ...options, kind: 'wtmp' })
    expect(torn).toEqual({ ok: false, reason: 'this is not a whole wtmp file' })
  })
})

describe('reconciling', () => {
  const login = (time: string, account = 'deploy', from = '10.0.0.9'): Login => ({
    ...{ t_us: at(time), account, from, at: 1 },
  })
  const arrival = (
    session: string,
    time: string,
    account: string | undefined = 'deploy',
  ): Arrival => ({
    ...{ session, t_us: at(time), account },
  })
  const slack_us = 10_000_000
  test('each login has its own arrival; the nearest', () => {
    const logins = [login('08:00:01'), login('08:00:05'), login('08:00:06')]
    const arrivals = [arrival('a', '08:00:00'), arrival('b', '08:00:05')]
    const found = reconcile(logins, arrivals, slack_us, [])
    expect(found).toEqual({ strange: [login('08:00:06')], missing: [], matched: 2 })
  })
  test('another account, another time, another address', () => {
    const arrivals = [arrival('a', '08:00:00')]
    for (const strange of [login('08:00:00', 'root'), login('08:00:11'), login('07:59:49')])
      expect(reconcile([strange], arrivals, slack_us, [])).toEqual({
        ...{ strange: [strange], missing: arrivals, matched: 0 },
      })
    const elsewhere = login('08:00:00', 'deploy', '10.9.9.9')
    expect(reconcile([elsewhere], arrivals, slack_us, ['10.0.0.9']).strange).toEqual([elsewhere])
    const mapped = login('08:00:00', 'deploy', '::ffff:10.0.0.9')
    expect(reconcile([mapped], arrivals, slack_us, ['10.0.0.9']).matched).toBe(1)
  })
  test('a target on the way of others', () => {
    const through = { ...arrival('a', '08:00:00'), account: undefined }
    expect(reconcile([login('08:00:01', 'jump')], [through], slack_us, []).matched).toBe(1)
  })
  test('a hundred thousand in a moment', () => {
    const logins = Array.from({ length: 100_000 }, (_, index) => ({
      ...login('08:00:00'),
      t_us: at('08:00:00') + index * 30_000_000,
    }))
    const arrivals = logins.map(({ t_us }, index) => ({
      session: String(index),
      t_us,
      account: 'deploy',
    }))
    const before_ms = performance.now()
    expect(reconcile(logins, arrivals.slice(1), slack_us, []).strange).toEqual(logins.slice(0, 1))
    expect(performance.now() - before_ms).toBeLessThan(5000)
  })
})
