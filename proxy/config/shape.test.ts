/**
 * Configurations of a wrong shape, each with the exact line that it must produce.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { account, auditors, createConfigFixture } from './fixture.ts'

const { problemOf, remove } = createConfigFixture()
afterAll(remove)

const bad: readonly (readonly [text: string, problem: string])[] = [
  // Shape.
  [
    'gateway: [',
    's.yaml:1:11 is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  ['listen: {}\nlisten: {}', 's.yaml:2:1 is not valid YAML: Map keys must be unique'],
  ['just text', 's.yaml:1:1 expected a mapping of keys to values'],
  ['gateway:\n', 's.yaml:1:1 gateway: is empty; expected a mapping of keys to values'],
  ['gateway:\n  nam: edge', 's.yaml:2:3 gateway.nam: unknown key; did you mean "name"?'],
  [
    'colour: red',
    's.yaml:1:1 colour: unknown key; known here: gateway, listen, identity, targets, policy, masking, evidence, ssh, encryption, journal',
  ],
  ['"ta\\u001brgets": []', 's.yaml:1:1 ["ta\\u001brgets"]: unknown key; did you mean "targets"?'],
  [
    'gateway: { name: "a b" }',
    's.yaml:1:12 gateway.name: expected letters, digits, "." and "-", at most 63',
  ],
  ['gateway: { name: 7 }', 's.yaml:1:12 gateway.name: expected a string'],
  [
    'policy: { shell: { minimum_confidence: none } }',
    's.yaml:1:11 policy.shell: expected allow or deny, or { minimum_confidence: screen, shell or exact }',
  ],
  ['policy: { forwarding: maybe }', 's.yaml:1:11 policy.forwarding: expected allow or deny'],
  [
    'policy:\n  transfers:\n    upload: true',
    's.yaml:3:5 policy.transfers.upload: expected allow or deny or scan',
  ],
  ['masking: { idle_ms_max: 0.5 }', 's.yaml:1:12 masking.idle_ms_max: expected a whole number'],
  ['masking: { idle_ms_max: 60000 }', 's.yaml:1:12 masking.idle_ms_max: expected at most 5000'],
  [
    'masking: { packs: [secrets, all] }',
    's.yaml:1:29 masking.packs[1]: expected secrets or pci or pii or hipaa or network',
  ],
  [
    'masking: { custom: [{ name: a, pattern: b }, { name: a, pattern: c }] }\n' + auditors,
    's.yaml:1:48 masking.custom[1].name: another custom rule has this name',
  ],
  [
    'journal: { segment_bytes: 1024 }',
    's.yaml:1:12 journal.segment_bytes: expected at least 4194304',
  ],
  [
    'ssh: { env: [LANG, "LD_*x"] }',
    's.yaml:1:20 ssh.env[1]: expected a variable name, or a prefix and "*"',
  ],
  // The first problem in the file is the one that is told.
  [
    'policy: { forwarding: x }\ngateway: { name: 7 }',
    's.yaml:1:11 policy.forwarding: expected allow or deny',
  ],
  // What a later version has.
  [
    'listen: { ssh: 127.0.0.1:2222, kubernetes: 127.0.0.1:6443 }',
    's.yaml:1:32 listen.kubernetes: is not available in this version',
  ],
  [
    'targets: [{ name: o, protocol: kubernetes, address: "h:1" }]',
    's.yaml:1:22 targets[0].protocol: "kubernetes" is not available in this version',
  ],
  ['targets: [{ columns: 5 }]', 's.yaml:1:11 targets[0].name: is missing'],
  [
    'targets: [{ name: 5, protocol: docker }]',
    's.yaml:1:22 targets[0].protocol: "docker" is not available in this version',
  ],
  ['policy: { files: [] }', 's.yaml:1:11 policy.files: expected at least 1 entry'],
  ['evidence: { raw: open }', 's.yaml:1:13 evidence.raw: expected commit or sealed'],
  ['events: []', 's.yaml:1:1 events: is not available in this version'],
  // Addresses.
  [`listen: { ssh: 2222 }`, 's.yaml:1:11 listen.ssh: expected a string'],
  [
    `listen: { ssh: ":2222" }\n${auditors}`,
    's.yaml:1:11 listen.ssh: the host is missing; every interface is 0.0.0.0 or [::]',
  ],
  [
    `listen: { ssh: "::1:2222" }\n${auditors}`,
    's.yaml:1:11 listen.ssh: an IPv6 address needs brackets: [ADDRESS]:PORT',
  ],
  [
    `listen: { ssh: "[10.0.0.1]:1" }\n${auditors}`,
    's.yaml:1:11 listen.ssh: inside [ ] belongs an IPv6 address',
  ],
  [
    `listen: { ssh: "127.0.0.1:65536" }\n${auditors}`,
    's.yaml:1:11 listen.ssh: the port must be 0 to 65535',
  ],
  [
    `listen: { ssh: "h:1", api: 0.0.0.0:7070 }\n${auditors}`,
    's.yaml:1:23 listen.api: the API is plaintext and is served on loopback only (127.0.0.1, [::1], localhost)',
  ],
  [
    account('{ password_file: password }').replace('10.0.0.5:22', '10.0.0.5'),
    's.yaml:5:5 targets[0].address: expected HOST:PORT or [IPv6]:PORT',
  ],
  [
    account('{ password_file: password }').replace('10.0.0.5:22', '10.0.0.5:0'),
    's.yaml:5:5 targets[0].address: the port must be 1 to 65535',
  ],
  [
    account('{ password_file: password }').replace('10.0.0.5:22', '10.0.0.256:22'),
    's.yaml:5:5 targets[0].address: this is not an IPv4 address',
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
})
