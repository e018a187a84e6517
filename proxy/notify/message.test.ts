/** What a chat reads: within Slack's limits, masked parts named, and nothing that a client wrote is markup. */
import { describe, expect, test } from 'bun:test'
import type { ApprovalRequest } from '../core/approval.ts'
import { endMessage, requestMessage } from './message.ts'

const request = (changed: Partial<ApprovalRequest> = {}): ApprovalRequest => ({
  id: '7f3k2m9qtx',
  digest: 'd',
  session: 's',
  channel: 1,
  subject: 'ann',
  issuer: 'keys',
  groups: [],
  account: 'deploy',
  target: 'web-1',
  labels: {},
  source: '10.0.0.1:1',
  is_terminal: false,
  command: {
    text: 'login -p ******** now',
    rules: ['password'],
    spans: [{ at: 9, length: 8, rule: 'password' }],
  },
  rule: 'hold',
  risk: 'high',
  findings: ['reboot'],
  says: 'stops the machine',
  reason: 'it leaves traces',
  approvals: [{ group: 'dba', quorum: 2, given: [] }],
  passkey: false,
  requested_us: 0,
  expires_us: 1_800_000_000_000_000,
  ...changed,
})

const texts = (value: unknown): string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, inner]) =>
        name === 'text' && typeof inner === 'string' ? [inner] : texts(inner),
      )
    : []

describe('a message', () => {
  test('says of a grant who wants it, for what and why', () => {
    const command = { text: 'a grant of 60 min: ticket 7', rules: [] }
    const grant = { session: '', command, risk: 'low', findings: ['grant'], says: '' }
    const all = texts(requestMessage(request(grant), 'https://gw/')).join('\n')
    expect(all).toContain('ann asks for a grant for web-1 as deploy\na grant of 60 min: ticket 7')
    expect(all).not.toContain('Risk')
    const any_account = requestMessage(request({ ...grant, account: '' }), 'https://gw/')
    expect(any_account.text).toBe('ann asks for a grant for web-1')
  })

  test('says who, where, what, why, who may and until when, and where to go', () => {
    const message = requestMessage(request(), 'https://gw/approvals?link=x')
    const all = texts(message).join('\n')
    for (const part of [
      'ann asks to run a command as deploy on web-1',
      'login -p ********[password] now',
      'Risk: high: it stops the machine (reboot)',
      'Waits by: hold; it leaves traces',
      'Needs: 2 by dba',
      'Until: 2027-01-15 08:00:00 UTC',
    ])
      expect(all).toContain(part)
    expect(JSON.stringify(message)).toContain('"url":"https://gw/approvals?link=x"')
  })
  test('has no markup of a client, and nobody is called by it', () => {
    const hostile = '<!channel> *bold* `x` & <https://evil.example.com|click>\u202e\u0000'
    const message = requestMessage(
      request({ subject: hostile, command: { text: hostile, rules: [] } }),
      'https://gw',
    )
    expect(message.text).not.toMatch(/[<>]/)
    // All else is of the type that is shown as it is.
    const types = JSON.stringify(message.blocks).match(/"type":"[a-z_]+"/g)
    expect(new Set(types)).toEqual(
      new Set(['"type":"section"', '"type":"plain_text"', '"type":"actions"', '"type":"button"']),
    )
    expect(texts(message).join('')).not.toMatch(/[\u202e\u0000]/)
  })
  test('is short, whatever the command is', () => {
    const long = request({
      reason: 'r'.repeat(10_000),
      command: {
        text: '*'.repeat(100_000),
        rules: ['a'],
        spans: Array.from({ length: 50_000 }, (_, at) => ({ at: at * 2, length: 1, rule: 'a' })),
      },
    })
    for (const text of texts(requestMessage(long, 'https://gw')))
      expect(text.length).toBeLessThan(3_000)
    expect(texts(requestMessage(long, 'https://gw')).join()).toContain('characters more')
  })
  test('of the end says what became of it', () => {
    const by = [{ subject: 'bob', issuer: '' }]
    expect(endMessage(request(), { kind: 'denied', by, comment: 'not <today>' }).text).toBe(
      'Request 7f3k2m9qtx of ann on web-1: denied by bob: not &lt;today&gt;',
    )
    expect(endMessage(request(), { kind: 'expired' }).text).toEndWith('on web-1: expired')
  })
})
