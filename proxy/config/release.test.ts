/** Who agrees before evidence is let go: by the file, or because there is somebody to ask. */
import { afterAll, expect, test } from 'bun:test'
import { createConfigFixture } from './fixture.ts'

const fixture = createConfigFixture()
afterAll(() => fixture.remove())

const provider = (roles: string): string =>
  `identity: { oidc: [{ name: corp, issuer: "https://idp.example.com", client_id: sluice, groups_claim: groups, roles: { ${roles} } }] }`
const evidence = (release: string): string =>
  `evidence: { auditors: [auditor.jwk]${release === '' ? '' : `, release: ${release}`} }`
const api = 'listen: { ssh: "127.0.0.1:0", api: "127.0.0.1:0" }'

for (const [title, roles, release, terms] of [
  ['nobody, where nobody signs in as an approver', 'admin: [ops]', '', { quorum: 0 }],
  ['one, where somebody does', 'approver: [leads]', '', { quorum: 1 }],
  ['nobody, where the file says so', 'approver: [leads]', '{ quorum: 0 }', { quorum: 0 }],
  [
    'one of a group that is named',
    'admin: [ops]',
    '{ group: legal }',
    { quorum: 1, group: 'legal' },
  ],
  ['two with a passkey', '', '{ quorum: 2, passkey: true }', { quorum: 2, passkey: true }],
] as const)
  test(title, () => {
    const loaded = fixture.parse([api, provider(roles), evidence(release)].join('\n'))
    if (!loaded.ok) throw new Error(loaded.problem)
    expect(loaded.config.evidence.release).toEqual({ group: '', passkey: false, ...terms })
  })

test('what could never be is one line', () => {
  const problemOf = (release: string, ...more: string[]): string =>
    fixture.problemOf([...more, evidence(release)].join('\n'))
  expect(problemOf('{ quorum: 1 }', 'listen: { ssh: "127.0.0.1:0" }')).toContain(
    'evidence.release: listen.api is missing: nobody could approve',
  )
  expect(problemOf('{ quorum: 0, group: legal }', api)).toContain(
    'evidence.release.quorum: is 0: nobody would be asked',
  )
  expect(problemOf('{ quorum: 9 }', api)).toContain('evidence.release.quorum: expected at most 8')
  expect(problemOf('{ quorums: 1 }', api)).toContain('unknown key')
})
