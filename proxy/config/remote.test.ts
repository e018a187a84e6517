import { afterAll, expect, test } from 'bun:test'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createConfigFixture } from './fixture.ts'

const fixture = createConfigFixture()
const write = (name: string, text: string, mode = 0o600): void => {
  writeFileSync(join(fixture.folder, name), text)
  chmodSync(join(fixture.folder, name), mode)
}
write('access', 'AKIAEXAMPLE\n')
write('secret', 'wJalrXUtnFEMI/K7MDENG\n')
write('two-lines', 'one\ntwo\n')
afterAll(() => fixture.remove())

const keys = 'access_key_file: access, secret_key_file: secret'
const evidence = (s3: string, rest = 'retention: [{ labels: {}, days: 400 }]'): string =>
  `evidence: { auditors: [auditor.jwk], ${rest}, s3: { ${s3} } }`
const good = `endpoint: "https://s3.example.com", bucket: evidence, ${keys}`

test('a bucket has defaults, and its secrets are read and kept', () => {
  const loaded = fixture.parse(evidence(good))
  if (!loaded.ok) throw new Error(loaded.problem)
  const { remote } = loaded.config.evidence
  expect(remote?.access_key.reveal()).toBe('AKIAEXAMPLE')
  expect(remote?.secret_key.reveal()).toBe('wJalrXUtnFEMI/K7MDENG')
  expect({ ...remote, access_key: 0, secret_key: 0 }).toEqual({
    ...{ endpoint: 'https://s3.example.com', bucket: 'evidence', region: 'us-east-1' },
    ...{ path_style: true, replication: 'required', lag_max_s: 60, queue_bytes_max: 2 ** 34 },
    ...{ retention: [{ labels: {}, days: 400 }], access_key: 0, secret_key: 0 },
  })
  expect(JSON.stringify(loaded.config)).not.toContain('wJalrXUtnFEMI')
})

test('the secret key is masked wherever it is printed, as the other credentials are', () => {
  const loaded = fixture.parse(evidence(good))
  if (!loaded.ok) throw new Error(loaded.problem)
  expect(loaded.config.masking.known.count).toBe(1)
})

const at = 's.yaml:1:'
const cases: readonly (readonly [title: string, text: string, problem: string])[] = [
  [
    'plaintext that leaves the machine',
    evidence(`endpoint: "http://10.0.0.9:9000", bucket: evidence, ${keys}`),
    'evidence.s3.endpoint: expected https://; http:// is possible on loopback only',
  ],
  [
    'a path in the endpoint',
    evidence(`endpoint: "https://s3.example.com/evidence", bucket: evidence, ${keys}`),
    'evidence.s3.endpoint: expected nothing but a scheme, a host and a port',
  ],
  [
    'a name that no bucket has',
    evidence(`endpoint: "https://s3.example.com", bucket: Evidence, ${keys}`),
    'evidence.s3.bucket: expected a-z, 0-9, "." and "-", 3 to 63 characters',
  ],
  [
    'no credential',
    evidence('endpoint: "https://s3.example.com", bucket: evidence, access_key_file: access'),
    'evidence.s3.secret_key_file: is missing',
  ],
  [
    'a secret in the text',
    evidence(`${good}, secret_key: abcdefgh`.replace(', secret_key_file: secret', '')),
    'evidence.s3.secret_key: a secret is never written in here: use secret_key_file, or ${ENV:NAME}',
  ],
  [
    'a credential twice',
    evidence(`${good}, access_key: "\${ENV:KEYS}"`),
    'evidence.s3.access_key_file: give it or access_key',
  ],
  [
    'a file with more than a key',
    evidence(good.replace('access_key_file: access', 'access_key_file: two-lines')),
    'evidence.s3.access_key_file: two-lines: expected one line without spaces',
  ],
  [
    'no retention, which nobody can take back',
    evidence(good, 'raw: commit'),
    'evidence.retention: is missing: for how many days evidence is locked in the bucket',
  ],
  [
    'sessions without a rule',
    evidence(good, 'retention: [{ labels: { env: prod }, days: 30 }]'),
    'evidence.retention: expected a last rule for every session: labels: {}',
  ],
  [
    'a rule that no session comes to',
    evidence(good, 'retention: [{ labels: {}, days: 30 }, { labels: { env: prod }, days: 60 }]'),
    'evidence.retention[1]: no session comes to this rule: the one before is for every',
  ],
  [
    'a century and more',
    evidence(good, 'retention: [{ labels: {}, days: 36526 }]'),
    'evidence.retention[0].days: expected at most 36525',
  ],
  [
    'a limit that every round would break',
    evidence(`${good}, lag_max_s: 1`),
    'evidence.s3.lag_max_s: expected at least 5',
  ],
  [
    'replication to nowhere',
    'evidence: { auditors: [auditor.jwk], replication: required }',
    'evidence.replication: evidence.s3 is missing: nowhere to replicate to',
  ],
  [
    'retention without a rule for every session, also where nothing is replicated',
    'evidence: { auditors: [auditor.jwk], retention: [{ labels: { env: prod }, days: 30 }] }',
    'evidence.retention: expected a last rule for every session: labels: {}',
  ],
]

for (const [title, text, problem] of cases)
  test(`refused: ${title}`, () => {
    const said = fixture.problemOf(text)
    expect(said).toStartWith(at)
    expect(said.replace(/^s\.yaml:\d+:\d+ /, '')).toBe(problem)
  })
