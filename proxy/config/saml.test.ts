/** SAML providers in a configuration: what they mean, and each mistake with the line that it produces. */
import { afterAll, describe, expect, test } from 'bun:test'
import { auditors, createConfigFixture } from './fixture.ts'

const { parse, problemOf, remove } = createConfigFixture()
afterAll(remove)

// What is in the files is looked at later: any that is there will do.
const file = 'password'
const listen = 'listen: { ssh: "127.0.0.1:2222", api: "127.0.0.1:7070" }'
const config = (...providers: string[]): string =>
  `${auditors}\n${listen}\nidentity:\n  saml:\n${providers.map((each) => `    - ${each}\n`).join('')}`
const named = 'idp_entity_id: "https://idp.example.com", entry_point: "https://idp.example.com/sso"'

describe('a SAML provider', () => {
  test('is what its metadata says', () => {
    const parsed = parse(config(`{ name: corp, idp_metadata_file: ${file} }`))
    if (!parsed.ok) throw new Error(parsed.problem)
    expect(parsed.config.identity.saml).toEqual([
      {
        name: 'corp',
        idp: { kind: 'metadata', xml: expect.stringContaining('tr0ub4dor') },
        groups_attribute: 'groups',
        page_session_s: 3600,
        roles: {},
      },
    ])
    expect(parsed.warnings.join()).not.toContain('nobody can connect')
  })

  test('or what an administrator has copied', () => {
    const more =
      'page_session_s: 600, groups_attribute: memberOf, subject_attribute: uid, roles: { auditor: [audit] }'
    const parsed = parse(config(`{ name: corp, ${named}, idp_cert_file: ${file}, ${more} }`))
    if (!parsed.ok) throw new Error(parsed.problem)
    expect(parsed.config.identity.saml[0]).toMatchObject({
      idp: {
        kind: 'named',
        entity_id: 'https://idp.example.com',
        entry_point: 'https://idp.example.com/sso',
      },
      page_session_s: 600,
      groups_attribute: 'memberOf',
      subject_attribute: 'uid',
      roles: { auditor: ['audit'] },
    })
  })

  const bad: readonly (readonly [string, string])[] = [
    [
      '{ name: corp }',
      'expected either idp_metadata_file, or idp_entity_id, entry_point, idp_cert_file',
    ],
    [`{ name: corp, idp_metadata_file: ${file}, ${named} }`, 'expected either'],
    [`{ name: corp, ${named} }`, 'idp_cert_file is missing'],
    ['{ name: corp, idp_metadata_file: nowhere }', 'nowhere: no such file'],
    [`{ name: corp, idp_metadata_file: ${file}, entity: x }`, 'entity'],
    [`{ name: corp, idp_metadata_file: ${file}, page_session_s: 28801 }`, 'expected at most 28800'],
    [`{ name: corp, idp_metadata_file: ${file}, page_session_s: 0 }`, 'expected at least 1'],
    [`{ name: "a b", idp_metadata_file: ${file} }`, 'expected letters'],
    [`{ name: corp, idp_metadata_file: ${file}, roles: { root: [a] } }`, 'root'],
  ]
  for (const [provider, problem] of bad)
    test(`is refused: ${provider}`, () => {
      expect(problemOf(config(provider))).toContain(problem)
    })

  test('has a name of its own, among those of OpenID Connect too', () => {
    const one = `{ name: corp, idp_metadata_file: ${file} }`
    expect(problemOf(config(one, one))).toContain('another provider has this name')
    const oidc = '  oidc: [{ name: corp, issuer: "https://idp.example.com", client_id: x }]\n'
    expect(problemOf(`${config(one)}${oidc}`)).toContain('another provider has this name')
  })

  test('needs the pages', () => {
    const text = config(`{ name: corp, idp_metadata_file: ${file} }`).replace(listen, '')
    expect(problemOf(text)).toContain('needs listen.api')
  })
})
