/** OpenID providers in a configuration: what they mean, and each mistake with the line that it produces. */
import { afterAll, describe, expect, test } from 'bun:test'
import { auditors, createConfigFixture } from './fixture.ts'

const { parse, problemOf, remove } = createConfigFixture()
afterAll(remove)

const one = (more: string, issuer = 'https://idp.example.com'): string =>
  `{ name: corp, issuer: "${issuer}", client_id: sluice${more} }`
const config = (...providers: string[]): string =>
  `${auditors}\nidentity:\n  oidc:\n${providers.map((each) => `    - ${each}\n`).join('')}`

const providersOf = (text: string) => {
  const parsed = parse(text)
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed
}

describe('a provider', () => {
  test('has defaults', () => {
    const { config: read, warnings } = providersOf(config(one('')))
    expect(read.identity.oidc).toEqual([
      {
        name: 'corp',
        issuer: 'https://idp.example.com',
        client_id: 'sluice',
        groups_claim: 'groups',
        subject_claim: 'sub',
        scopes: ['openid'],
        roles: {},
        bind_session_to_token: false,
        recheck_s: 300,
        recheck_grace_s: 3600,
        page_session_s: 28_800,
      },
    ])
    // Nobody has a key, and people can connect.
    expect(warnings.join()).not.toContain('nobody can connect')
  })

  test('has its secret in a file or in the environment, which is never printed', () => {
    for (const given of [
      'client_secret_file: password',
      'client_secret: "${ENV:DEPLOY_PASSWORD}"',
    ]) {
      const { config: read } = providersOf(config(one(`, ${given}`)))
      const secret = read.identity.oidc[0]?.client_secret
      expect(['tr0ub4dor', 'from the environment']).toContain(secret?.reveal() ?? '')
      expect(JSON.stringify(read)).toContain('"client_secret":"[secret]"')
    }
  })

  test('says which groups have a role, with names as a directory has them', () => {
    const roles = 'roles: { user: ["Domain Users"], admin: [platform], auditor: [] }'
    const more = `, scopes: [groups, openid], groups_claim: "https://x.example/groups", bind_session_to_token: true, ${roles}`
    expect(providersOf(config(one(more))).config.identity.oidc[0]).toMatchObject({
      scopes: ['openid', 'groups'],
      groups_claim: 'https://x.example/groups',
      roles: { user: ['Domain Users'], admin: ['platform'], auditor: [] },
      bind_session_to_token: true,
    })
  })

  const at = 's.yaml:4:'
  const bad: readonly (readonly [string, string])[] = [
    [config('{ name: corp }'), `${at}7 identity.oidc[0].issuer: is missing`],
    [
      config(one('', 'idp.example.com')),
      `${at}21 identity.oidc[0].issuer: expected a URL that begins with https://`,
    ],
    [
      config(one('', 'http://idp.example.com')),
      `${at}21 identity.oidc[0].issuer: expected https://; http:// is possible on loopback only`,
    ],
    [
      config(one('', 'https://idp.example.com?x')),
      `${at}21 identity.oidc[0].issuer: expected no user, query or fragment in the URL`,
    ],
    [
      config(one(', client_secret: sesame')),
      `${at}75 identity.oidc[0].client_secret: a secret is never written in here: use client_secret_file, or \${ENV:NAME}`,
    ],
    [
      config(one(', client_secret_file: nowhere')),
      `${at}75 identity.oidc[0].client_secret_file: nowhere: no such file`,
    ],
    [
      config(one(', client_secret_file: password, client_secret: "${ENV:DEPLOY_PASSWORD}"')),
      `${at}7 identity.oidc[0]: expected either client_secret_file or client_secret`,
    ],
    [
      config(one(', roles: { root: [a] }')),
      `${at}84 identity.oidc[0].roles.root: unknown key; known here: user, approver, auditor, admin`,
    ],
    [
      config(one(', scopes: ["a b"]')),
      `${at}84 identity.oidc[0].scopes[0]: expected a scope, without spaces`,
    ],
    [
      config(one(', bind_session_to_token: 1')),
      `${at}75 identity.oidc[0].bind_session_to_token: expected true or false`,
    ],
    [
      config(one(''), one('', 'https://b.example')),
      's.yaml:5:9 identity.oidc[1].name: another provider has this name',
    ],
    [
      config(one(''), one('').replace('corp', 'b')),
      's.yaml:5:18 identity.oidc[1].issuer: another provider has this issuer',
    ],
    [
      `${auditors}\ngateway: { public_url: "http://edge.example.com" }\nlisten: { api: "127.0.0.1:1" }`,
      's.yaml:2:12 gateway.public_url: expected https://; http:// is possible on loopback only',
    ],
    [
      `${auditors}\ngateway: { public_url: "https://edge.example.com" }`,
      's.yaml:2:12 gateway.public_url: listen.api is absent: nothing would answer there',
    ],
    [
      `${auditors}\ngateway: { public_url: "https://edge.example.com/x" }\nlisten: { api: "127.0.0.1:1" }`,
      's.yaml:2:12 gateway.public_url: expected no path after the host',
    ],
  ]
  for (const [text, problem] of bad)
    test(problem.slice(0, 100), () => {
      expect(problemOf(text)).toBe(problem)
      expect(problemOf(text)).not.toContain('sesame')
    })
})
