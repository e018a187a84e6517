/**
 * Configurations whose keys, targets or files are wrong, each with the exact line that it must produce.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { loadConfig } from '../config.ts'
import { account, auditors, createConfigFixture, target } from './fixture.ts'

const { folder, parse, problemOf, remove } = createConfigFixture()
afterAll(remove)

const bad: readonly (readonly [text: string, problem: string])[] = [
  // Keys of people.
  [
    `${auditors}\nidentity:\n  keys:\n    - { subject: ann, key: "RSA" }`,
    's.yaml:4:23 identity.keys[0].key: an RSA key of 1024 bits is too weak; 2048 are the least',
  ],
  [
    `${auditors}\nidentity:\n  keys:\n    - { subject: ann, key: "ssh-ed25519 AAAA" }`,
    's.yaml:4:23 identity.keys[0].key: the key is cut off',
  ],
  [
    `${auditors}\nidentity:\n  keys:\n    - { subject: ann, key: "ssh-ed25519 A!AA" }`,
    's.yaml:4:23 identity.keys[0].key: the part after the algorithm is not base64',
  ],
  [
    `${auditors}\nidentity:\n  keys:\n    - { subject: ann, key: "ssh-foo AAAAB3NzaC1mb28=" }`,
    's.yaml:4:23 identity.keys[0].key: unknown key algorithm; accepted are ssh-ed25519, ecdsa-sha2-nistp256/384/521 and ssh-rsa',
  ],
  [
    `${auditors}\nidentity:\n  keys:\n    - { subject: ann, key: "ssh-foo AAAAB3NzaC1mb28" }`,
    's.yaml:4:23 identity.keys[0].key: the part after the algorithm is not base64',
  ],
  [
    `${auditors}\nidentity:\n  keys:\n    - { subject: ann, key: "10.0.0.5 HOST" }`,
    's.yaml:4:23 identity.keys[0].key: "ssh-ed25519 AAAA..." must come first, without a host or options before it',
  ],
  [
    `${auditors}\nidentity:\n  keys:\n    - { subject: "ann lee", key: "HOST" }`,
    's.yaml:4:9 identity.keys[0].subject: expected a name without spaces, at most 128 characters',
  ],
  [
    `${auditors}\nidentity:\n  keys:\n    - { subject: ann, key: "HOST" }\n    - { subject: ann, key: "HOST" }`,
    's.yaml:5:23 identity.keys[1].key: this key is registered twice',
  ],
  // Targets.
  [target('    accounts: {}'), 's.yaml:3:5 targets[0].host_key: is missing'],
  [
    target('    host_key: []\n    accounts: {}'),
    's.yaml:6:5 targets[0].host_key: expected at least 1 entry',
  ],
  [
    target(
      '    host_key: "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIMFjYhlP9sfvmPgh9+HAQ/oEXJJb+gyc6FKeOO2cO5RcAAAABHNzaDo="\n    accounts: { a: { password: "${ENV:P}" } }',
    ),
    "s.yaml:6:5 targets[0].host_key: a key on a security device (sk-...) is a person's, not a host's",
  ],
  [
    target(
      '    host_key: HOST\n    accounts: { a: { password: "${ENV:DEPLOY_PASSWORD}" } }\n    via: web-1',
    ),
    's.yaml:8:5 targets[0].via: expected ACCOUNT@TARGET',
  ],
  [
    target(
      '    host_key: HOST\n    accounts: { a: { password: "${ENV:DEPLOY_PASSWORD}" } }\n    via: a@web-2',
    ),
    's.yaml:8:5 targets[0].via: there is no target of that name',
  ],
  [
    target(
      '    host_key: HOST\n    accounts: { a: { password: "${ENV:DEPLOY_PASSWORD}" } }\n    via: b@web-1',
    ),
    's.yaml:8:5 targets[0].via: that target has no such account',
  ],
  [
    target(
      '    host_key: HOST\n    accounts: { a: { password: "${ENV:DEPLOY_PASSWORD}" } }\n    via: a@web-1',
    ),
    's.yaml:8:5 targets[0].via: this way leads in a circle',
  ],
  [
    target('    host_key: 5\n    accounts: {}'),
    's.yaml:6:5 targets[0].host_key: expected a string or a list of strings',
  ],
  [
    target('    host_key: HOST\n    accounts: {}'),
    's.yaml:7:5 targets[0].accounts: expected at least one account',
  ],
  [
    target('    host_key: [HOST, nonsense]\n    accounts: { a: { password_file: password } }'),
    's.yaml:6:X targets[0].host_key[1]: expected an OpenSSH public key: "ssh-ed25519 AAAA..."',
  ],
  [
    `${account('{ password_file: password }')}  - { name: WEB-1, protocol: ssh, address: "a:1", host_key: "HOST", accounts: { a: { password_file: password } } }`,
    's.yaml:9:7 targets[1].name: another target has this name',
  ],
  [
    account('{}'),
    's.yaml:8:7 targets[0].accounts.deploy: expected either private_key_file or password_file',
  ],
  [
    account('{ password_file: password, private_key_file: deploy }'),
    's.yaml:8:7 targets[0].accounts.deploy: expected either private_key_file or password_file',
  ],
  [
    account('{ passwort_file: password }'),
    's.yaml:8:17 targets[0].accounts.deploy.passwort_file: unknown key; did you mean "password_file"?',
  ],
  [
    account('{ password_file: password }').replace('deploy:', '"-x":'),
    's.yaml:8:7 targets[0].accounts.-x: expected an account name, at most 64 characters',
  ],
  // Secrets and files.
  [
    account('{ password: hunter2 }'),
    's.yaml:8:17 targets[0].accounts.deploy.password: a secret is never written in here: use password_file, or ${ENV:NAME}',
  ],
  [
    account('{ private_key: "-----BEGIN OPENSSH PRIVATE KEY-----" }'),
    's.yaml:8:17 targets[0].accounts.deploy.private_key: a secret is never written in here: use private_key_file, or ${ENV:NAME}',
  ],
  [
    account('{ private_key_file: "-----BEGIN OPENSSH PRIVATE KEY-----" }'),
    's.yaml:8:17 targets[0].accounts.deploy.private_key_file: this is the path of a file; a secret is never written in here',
  ],
  [
    account('{ password: "${ENV:NOT_THERE}" }'),
    's.yaml:8:17 targets[0].accounts.deploy.password: the environment variable NOT_THERE is not set',
  ],
  [
    account('{ password_file: "${HOME}/x" }'),
    's.yaml:8:17 targets[0].accounts.deploy.password_file: a variable is written ${ENV:NAME}',
  ],
  [
    account('{ password_file: ./nowhere }'),
    's.yaml:8:17 targets[0].accounts.deploy.password_file: ./nowhere: no such file',
  ],
  [
    account('{ password_file: . }'),
    's.yaml:8:17 targets[0].accounts.deploy.password_file: .: this is not a file',
  ],
  [
    account('{ password_file: empty }'),
    's.yaml:8:17 targets[0].accounts.deploy.password_file: empty: the password is empty',
  ],
  [
    account('{ private_key_file: garbage }'),
    's.yaml:8:17 targets[0].accounts.deploy.private_key_file: garbage: this is not a private key',
  ],
  [
    account('{ private_key_file: deploy.pub }'),
    's.yaml:8:17 targets[0].accounts.deploy.private_key_file: deploy.pub: this is a public key, not a private one',
  ],
  [
    account('{ private_key_file: cut }'),
    's.yaml:8:17 targets[0].accounts.deploy.private_key_file: cut: the private key is malformed or cut off',
  ],
  [
    account('{ private_key_file: weak }'),
    's.yaml:8:17 targets[0].accounts.deploy.private_key_file: weak: an RSA key of 1024 bits is too weak; 2048 are the least',
  ],
  [
    account('{ private_key_file: locked }'),
    's.yaml:8:17 targets[0].accounts.deploy.private_key_file: locked: the key is encrypted, and nobody is there to type its passphrase: ssh-keygen -p -N "" -f FILE',
  ],
  [
    account('{ private_key_file: locked-pem }'),
    's.yaml:8:17 targets[0].accounts.deploy.private_key_file: locked-pem: the key is encrypted, and nobody is there to type its passphrase: ssh-keygen -p -N "" -f FILE',
  ],
  [
    account('{ private_key_file: pkcs8 }'),
    's.yaml:8:17 targets[0].accounts.deploy.private_key_file: pkcs8: this is PKCS#8; convert it to OpenSSH\'s format: ssh-keygen -p -N "" -f FILE',
  ],
  [
    `gateway: { ssh_host_keys: [deploy, nowhere] }\n${auditors}`,
    's.yaml:1:36 gateway.ssh_host_keys[1]: nowhere: no such file',
  ],
  // Auditors.
  [
    'listen: { ssh: "h:1" }',
    "s.yaml:1:1 evidence.auditors: is missing: the auditors' public keys; `sluice keygen auditor` makes a pair",
  ],
  ['evidence: { auditors: [] }', 's.yaml:1:13 evidence.auditors: expected at least 1 entry'],
  [
    'evidence: { auditors: [garbage] }',
    's.yaml:1:24 evidence.auditors[0]: garbage: this is not a JWK: not JSON',
  ],
  [
    'evidence: { auditors: [auditor-private.jwk] }',
    "s.yaml:1:24 evidence.auditors[0]: auditor-private.jwk: this is a private key, with which the gateway could open its own evidence; give the auditor's public one",
  ],
  [
    'evidence: { auditors: [p384.jwk] }',
    's.yaml:1:24 evidence.auditors[0]: p384.jwk: expected an EC key on P-256, as `sluice keygen auditor` makes it',
  ],
  [
    'evidence: { auditors: [auditor.jwk, ./auditor.jwk] }',
    's.yaml:1:37 evidence.auditors[1]: this key is given twice',
  ],
  [
    'evidence: { auditors: [auditor.jwk], timestamp_url: "tsa.example" }',
    's.yaml:1:38 evidence.timestamp_url: expected an http or https address',
  ],
  // Witnesses.
  [
    'evidence: { auditors: [auditor.jwk], witnesses: [{ url: "ftp://w", key: k }] }',
    's.yaml:1:52 evidence.witnesses[0].url: expected an http or https address',
  ],
  [
    'evidence: { auditors: [auditor.jwk], witnesses: [{ url: "http://a:b@w", key: k }] }',
    's.yaml:1:52 evidence.witnesses[0].url: expected an address without a login, a query or a fragment',
  ],
  [
    'evidence: { auditors: [auditor.jwk], witnesses: [{ url: "http://w", key: k }] }',
    's.yaml:1:69 evidence.witnesses[0].key: expected NAME+HASH+KEY as `sluice witness` prints it',
  ],
]

describe('a bad config is one line with its key and position', () => {
  for (const [text, problem] of bad) {
    test(problem.slice(0, 100), () => {
      const found = problemOf(text)
      expect(found).toBe(problem)
      expect(found).not.toContain('\n')
    })
  }

  test('a file that is not there', () => {
    const path = join(folder, 'absent.yaml')
    expect(loadConfig(path, {})).toEqual({ ok: false, problem: `${path}: no such file` })
  })

  test('no value of the file is repeated, wherever a secret was put', () => {
    const secret = 'hunter2-hunter2'
    for (const text of [
      `gateway: ${secret}`,
      `policy: { forwarding: ${secret} }`,
      `gateway: { name: "${secret} " }`,
      `identity: { keys: [{ subject: a, key: ${secret} }] }\n${auditors}`,
      account(`{ password: ${secret} }`),
      account(secret),
      `gateway: "${secret}`,
      `gateway: !${secret} x`,
      `gateway: *${secret}`,
      `gateway: 'a' ${secret}`,
    ]) {
      const parsed = parse(text)
      expect(parsed.ok ? 'accepted' : parsed.problem).not.toContain('hunter2')
      expect(parsed.ok).toBe(false)
    }
  })
})
