/** Webhooks in a configuration: what they mean, and each mistake with the line that it produces. */
import { afterAll, expect, test } from 'bun:test'
import { auditors, createConfigFixture } from './fixture.ts'

const { parse, problemOf, remove } = createConfigFixture()
afterAll(remove)

const open =
  'gateway: { public_url: "https://gw.example.com" }\nlisten: { ssh: "[::1]:0", api: "[::1]:0" }'
const config = (webhooks: string, gateway = open): string =>
  `${auditors}\n${gateway}\npolicy:\n  approvals:\n    webhooks:\n      - ${webhooks}\n`

test('an address is given, in a file or in the environment, and never printed', () => {
  const parsed = parse(
    config('{ name: chat, url: "https://hook.example.com/a?b=c", secret_file: password }'),
  )
  if (!parsed.ok) throw new Error(parsed.problem)
  const [webhook] = parsed.config.policy.approvals.webhooks
  expect(webhook?.url.reveal()).toBe('https://hook.example.com/a?b=c')
  expect(webhook?.secret?.reveal()).toBe('tr0ub4dor')
  expect(JSON.stringify(parsed.config)).not.toMatch(/hook\.example|tr0ub4dor/)
})

test('each mistake is one line with its place', () => {
  for (const [webhook, problem] of [
    ['{ name: chat }', 'policy.approvals.webhooks[0].url_file: is missing'],
    [
      '{ name: chat, url: "http://hook.example.com" }',
      'webhooks[0].url: expected an address with https://',
    ],
    ['{ name: chat, url: "https://u:p@hook.example.com" }', 'webhooks[0].url: expected no user'],
    [
      '{ name: chat, url_file: password }',
      'webhooks[0].url_file: expected an address with https://',
    ],
    [
      '{ name: chat, url: "https://a.example.com", secret: x }',
      'a secret is never written in here',
    ],
    ['{ name: chat, url: "https://a.example.com", to: x }', 'webhooks[0]'],
  ] as const)
    expect(problemOf(config(webhook))).toContain(problem)
  expect(problemOf(config('{ name: chat, url: "https://a.example.com" }', ''))).toContain(
    'policy.approvals.webhooks: needs gateway.public_url',
  )
})
