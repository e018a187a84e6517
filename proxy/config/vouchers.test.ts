/** Authorities and jobs in a configuration: what they mean, and each mistake with the line that it produces. */
import { afterAll, describe, expect, test } from 'bun:test'
import { auditors, createConfigFixture } from './fixture.ts'

const { parse, problemOf, remove } = createConfigFixture()
afterAll(remove)

const config = (key: string, ...entries: string[]): string =>
  `${auditors}\nidentity:\n  ${key}:\n${entries.map((each) => `    - ${each}\n`).join('')}`
const identityOf = (text: string) => {
  const parsed = parse(text)
  if (!parsed.ok) throw new Error(parsed.problem)
  return { ...parsed.config.identity, warnings: parsed.warnings.join('\n') }
}
const job = (more = '', subject = 'ci:org/app'): string =>
  `{ name: app, issuer: "https://ci.example.com", audience: sluice, claims: { repository: org/app }, subject: "${subject}"${more} }`

describe('an authority', () => {
  test('is a public key, and what its certificates mean', () => {
    const { ssh_ca, warnings } = identityOf(config('ssh_ca', '"HOST"'))
    expect(ssh_ca).toMatchObject([
      { name: expect.stringMatching(/^SHA256:/), subject: 'key_id', groups: [] },
    ])
    expect(warnings).not.toContain('nobody can connect')
    const more = 'subject: principal, groups: [staff], groups_extension: groups@example.com'
    expect(identityOf(config('ssh_ca', `{ name: hr, key: "HOST", ${more} }`)).ssh_ca).toMatchObject(
      [{ name: 'hr', subject: 'principal', groups: ['staff'] }],
    )
  })

  test('has certificates that are taken back, by its name, its key, or as the gateway itself', () => {
    const text = (...entries: string[]): string =>
      `${config('ssh_ca', '{ name: people, key: "HOST" }')}  revoked_certificates:\n${entries
        .map((each) => `    - ${each}\n`)
        .join('')}`
    const taken = identityOf(
      text(
        '{ serials: [7, "8-9"] }',
        '{ authority: people, key_ids: [ada] }',
        '{ authority: "SHA256:abc", serials: ["18446744073709551615"] }',
      ),
    )
    expect(taken.revoked_certificates).toEqual([
      {
        authority: 'gateway',
        serials: [
          { from: 7n, to: 7n },
          { from: 8n, to: 9n },
        ],
        key_ids: [],
      },
      { authority: expect.stringMatching(/^SHA256:/), serials: [], key_ids: ['ada'] },
      {
        authority: 'SHA256:abc',
        serials: [{ from: 2n ** 64n - 1n, to: 2n ** 64n - 1n }],
        key_ids: [],
      },
    ])
    for (const [entry, problem] of [
      ['{ authority: nobody, serials: [7] }', 'authority: expected a name of identity.ssh_ca'],
      ['{ authority: people }', 'revoked_certificates[0]: expected serials, key_ids, or both'],
      ...[0, '"9-8"', '"0-8"', '"18446744073709551616"', '18446744073709551615', '1.5', 'x'].map(
        (serial) => [`{ serials: [${serial}] }`, 'serials[0]: expected a serial from 1'] as const,
      ),
    ] as const)
      expect(problemOf(text(entry)), entry).toContain(problem)
  })

  test('is refused in words for each mistake', () => {
    const at = 's.yaml:4:'
    for (const [entries, problem] of [
      [['"HOST"', '"HOST"'], 's.yaml:5:7 identity.ssh_ca[1]: this authority is given twice'],
      [
        ['"RSA"'],
        `${at}7 identity.ssh_ca[0]: an RSA key of 1024 bits is too weak; 2048 are the least`,
      ],
      [['"x"'], `${at}7 identity.ssh_ca[0]: expected an OpenSSH public key: "ssh-ed25519 AAAA..."`],
      [['{ key: "HOST" }'], `${at}7 identity.ssh_ca[0].name: is missing`],
      [
        ['{ name: a, key: "HOST", subjet: key_id }'],
        'identity.ssh_ca[0].subjet: unknown key; did you mean "subject"?',
      ],
      [
        ['{ name: a, key: "HOST", subject: email }'],
        'identity.ssh_ca[0].subject: expected key_id or principal',
      ],
    ] as const)
      expect(problemOf(config('ssh_ca', ...entries))).toContain(problem)
    const both = `${config('ssh_ca', '"HOST"')}  keys: [{ subject: ann, key: "HOST" }]\n`
    expect(problemOf(both)).toContain('identity.keys has this key too')
  })
})

describe('a job', () => {
  test('has a name, or a template that is safe', () => {
    expect(identityOf(config('ci', job())).ci).toMatchObject([
      { subject: 'ci:org/app', claims: { repository: 'org/app' }, groups: [] },
    ])
    for (const subject of ['ci:{repository}', 'ci:{repository}:{ref}', 'ci:{a}@{b}', 'ci:x-{a}-x'])
      expect(problemOf(config('ci', job('', subject))), subject).toBe('accepted')
    for (const [subject, problem] of [
      ['{repository}', 'a template begins with a name of its own'],
      ['{a}:{b}', 'a template begins with a name of its own'],
      ['ci-{a}', 'a template begins with a name of its own'],
      ['ci:{a}{b}', 'between two claims'],
      ['ci:{a}-{b}', 'between two claims'],
      ['ci:{a', 'expected claims as {NAME}'],
      ['ci:{}', 'expected claims as {NAME}'],
      ['ci:{{a}}', 'expected claims as {NAME}'],
    ] as const)
      expect(problemOf(config('ci', job('', subject))), subject).toContain(problem)
  })

  test('is bound, and shares no name with anybody', () => {
    expect(problemOf(config('ci', job().replace('{ repository: org/app }', '{}')))).toContain(
      'expected at least one claim',
    )
    expect(problemOf(config('ci', job().replace('https:', 'http:')))).toContain('expected https://')
    expect(problemOf(config('ci', job(), job()))).toContain('another entry has this name')
    const oidc = '  oidc: [{ name: corp, issuer: "https://ci.example.com", client_id: sluice }]\n'
    expect(problemOf(config('ci', job()) + oidc)).toContain('identity.oidc has this issuer')
    const twice = identityOf(config('ci', job(), job().replace('name: app', 'name: other')))
    expect(twice.warnings).toContain('another entry has this subject: each job is its own')
    const person = `${config('ci', job('', 'ann'))}  keys: [{ subject: ann, key: "HOST" }]\n`
    expect(identityOf(person).warnings).toContain('identity.keys has this subject too')
  })

  test('two people on one key is a warning', () => {
    const keys = config('keys', '{ subject: ann, key: "HOST" }', '{ subject: bob, key: "HOST" }')
    expect(identityOf(keys).warnings).toContain('so it identifies neither')
  })
})
