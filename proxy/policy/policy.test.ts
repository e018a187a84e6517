/** Every decision of the static policy. */
import { describe, expect, test } from 'bun:test'
import type { ChannelRequest } from '../core/connector.ts'
import type { Identity } from '../core/identity.ts'
import type { Capability } from '../core/verdict.ts'
import { createPolicy as createWithParts, type PolicySource, type StaticPolicy } from './policy.ts'
import { preparePolicy } from './prepare.ts'

const prepared = await preparePolicy([])
if (!prepared.ok) throw new Error(prepared.problem)
const { parts } = prepared
const permitting = await preparePolicy([
  { name: 'open.cedar', text: 'permit (principal, action, resource);' },
])
if (!permitting.ok) throw new Error(permitting.problem)
const all_permitted = permitting.parts
const createPolicy = (config: PolicySource): StaticPolicy => createWithParts(config, parts)

const ann: Identity = {
  issuer: 'keys',
  subject: 'ann',
  groups: [],
  method: 'public_key',
  credential: 'SHA256:x',
}
const source = (policy: Partial<PolicySource['policy']> = {}): PolicySource => ({
  policy: {
    forwarding: 'deny',
    agent_forwarding: 'deny',
    transfers: { upload: 'deny', download: 'deny' },
    ...policy,
  },
  targets: [{ name: 'web-1', accounts: { deploy: {}, root: {} } }],
})
const request = (kind: ChannelRequest['kind'], command = ''): ChannelRequest => ({
  kind,
  command: Buffer.from(command),
  env: {},
})
const policy = createPolicy(source())

describe('connect', () => {
  test('to what is configured', () => {
    expect(policy.connect(ann, 'deploy', 'web-1')).toEqual({
      allowed: true,
      rule: 'policy.identified',
    })
  })
  test('not to an unknown target, and names no other', () => {
    const verdict = policy.connect(ann, 'deploy', 'web-2')
    expect(verdict).toMatchObject({ allowed: false, rule: 'policy.unknown_target' })
    expect(JSON.stringify(verdict)).not.toContain('web-1')
  })
  test('not to an unknown account, nor to what objects inherit', () => {
    for (const account of ['admin', '', 'constructor', '__proto__', 'DEPLOY']) {
      expect(policy.connect(ann, account, 'web-1')).toMatchObject({
        allowed: false,
        rule: 'policy.unknown_account',
      })
    }
    expect(policy.connect(ann, 'deploy', '__proto__').allowed).toBe(false)
  })
  test('a message is one short printable line, whatever the name', () => {
    const verdict = policy.connect(ann, 'a', `\u001b[2J\n\u202e${'x'.repeat(10_000)}`)
    if (verdict.allowed) throw new Error('allowed')
    expect(verdict.message).toMatch(/^[\x20-\x7e]{1,300}$/)
  })
})

describe('a channel', () => {
  test('may be a shell or a command', () => {
    expect(policy.channel(ann, 'web-1', request('shell')).allowed).toBe(true)
    expect(policy.channel(ann, 'web-1', request('exec', 'uptime')).allowed).toBe(true)
  })
  test('is nothing on a target that does not exist', () => {
    expect(policy.channel(ann, 'web-2', request('shell')).allowed).toBe(false)
    expect(policy.capability(ann, 'web-2', 'forwarding').allowed).toBe(false)
  })
  test('may not be a tool that leads past the gateway', () => {
    const copy_id = `exec sh -c 'cd; umask 077; mkdir -p ".ssh" && { [ -z \`tail -1c .ssh/authorized_keys 2>/dev/null\` ] || echo >> ".ssh/authorized_keys" || exit 1; } && cat >> ".ssh/authorized_keys" || exit 1; if type restorecon >/dev/null 2>&1; then restorecon -F ".ssh" ".ssh/authorized_keys"; fi'`
    const refused = [
      [copy_id, 'ssh-copy-id'],
      ['mosh-server new -c 256 -s -l LANG=C.UTF-8', 'mosh'],
      ['env LANG=C /usr/bin/mosh-server new -s -- sh', 'mosh'],
    ]
    for (const [command, tool] of refused)
      expect(policy.channel(ann, 'web-1', request('exec', command))).toEqual({
        allowed: false,
        rule: `policy.detour.${tool}`,
        message: expect.stringContaining(`${tool} is refused: `),
      })
    for (const command of [
      'cat .ssh/authorized_keys',
      'man mosh-server',
      'umask 077; cat >> notes',
    ])
      expect(policy.channel(ann, 'web-1', request('exec', command))).toMatchObject({
        allowed: true,
      })
  })
  test('of an unknown subsystem is denied', () => {
    for (const name of ['netconf', '', 'SFTP', 'sftp '])
      expect(policy.channel(ann, 'web-1', request('subsystem', name))).toMatchObject({
        rule: 'policy.subsystem',
      })
  })

  const up = { upload: 'allow', download: 'deny' } as const
  const down = { upload: 'deny', download: 'allow' } as const
  const all = { upload: 'allow', download: 'allow' } as const
  const none = { upload: 'deny', download: 'deny' } as const
  const transfers = [
    ['exec', 'scp -t /tmp', { none: false, up: true, down: false, all: true }],
    ['exec', 'scp -f /etc/motd', { none: false, up: false, down: true, all: true }],
    ['exec', 'rsync --server -e.LsfxCIvu . /x', { none: false, up: true, down: false, all: true }],
    ['exec', 'rsync --server --sender -e. . /x', { none: false, up: false, down: true, all: true }],
    ['subsystem', 'sftp', { none: false, up: true, down: true, all: true }],
    ['exec', '/usr/lib/openssh/sftp-server', { none: false, up: false, down: false, all: true }],
    ['exec', 'uptime', { none: true, up: true, down: true, all: true }],
  ] as const
  for (const [kind, command, allowed] of transfers) {
    test(`${kind} ${command}`, () => {
      for (const [name, choices] of Object.entries({ none, up, down, all })) {
        const decided = createPolicy(source({ transfers: choices }))
        const verdict = decided.channel(ann, 'web-1', request(kind, command))
        expect(verdict.allowed, name).toBe(allowed[name as keyof typeof allowed])
      }
    })
  }

  test('that is refused says that it is policy, and which key', () => {
    expect(policy.channel(ann, 'web-1', request('exec', 'scp -t .'))).toEqual({
      allowed: false,
      rule: 'policy.transfers.upload',
      message: 'file transfer by scp is off by policy: policy.transfers.upload: deny',
    })
    expect(policy.channel(ann, 'web-1', request('subsystem', 'sftp'))).toEqual({
      allowed: false,
      rule: 'policy.transfers.upload+download',
      message:
        'file transfer by sftp is off by policy: policy.transfers.upload: deny, policy.transfers.download: deny',
    })
    expect(policy.channel(ann, 'web-1', request('exec', 'internal-sftp'))).toMatchObject({
      message: expect.stringContaining('(it can do both, so it needs both allowed)'),
    })
  })

  const scanned = createPolicy(source({ transfers: { upload: 'scan', download: 'allow' } }))
  const known = [
    ['scp -t /tmp', true],
    ['scp -v -r -p -d -t -- /tmp/x', true],
    ["scp -f '/tmp/a b' ", true],
    ['rsync --server -vlogDtpre.iLsfxCIvu . /x', true],
    ['rsync --server --sender -e.LsfxCIvu . /x\\ y', true],
    ['/usr/bin/scp -f /x', false],
    ['sudo scp -f /x', false],
    ['scp -f /x; cat /etc/shadow', false],
    ['scp -f $(cat /x)', false],
    ['scp -f /x > /y', false],
    ['scp -f /x\ncat /y', false],
    ['scp -f "/x"', false],
    ['scp -S /bin/sh -f /x', false],
    ['scp -t -f /x', false],
    ['scp -f /x /y', false],
    ['PATH=/tmp scp -f /x', false],
    ['rsync --sender --server . /x', false],
    ['rsync --server --daemon . /x', false],
  ] as const
  for (const [command, is_known] of known)
    test(`whose wire is${is_known ? '' : ' not'} known: ${JSON.stringify(command)}`, () => {
      const decided = createWithParts(source({ transfers: all }), all_permitted)
      const verdict = decided.channel(ann, 'web-1', request('exec', command))
      expect(verdict.allowed).toBe(true)
      expect('transfer' in verdict).toBe(is_known)
    })

  test('that must be scanned is refused where its wire is not known', () => {
    expect(scanned.channel(ann, 'web-1', request('exec', 'scp -t /x')).allowed).toBe(true)
    expect(scanned.channel(ann, 'web-1', request('exec', 'sudo scp -t /x'))).toEqual({
      allowed: false,
      rule: 'policy.transfers.upload',
      message:
        'file transfer by scp in this form cannot be scanned, and policy demands it: policy.transfers.upload: scan',
    })
  })
})

describe('a capability', () => {
  const names: readonly Capability[] = [
    'forwarding',
    'agent_forwarding',
    'upload',
    'download',
    'x11',
  ]
  test('is denied unless the configuration allows it', () => {
    for (const name of names) {
      const verdict = policy.capability(ann, 'web-1', name)
      expect(verdict.allowed).toBe(false)
      expect(!verdict.allowed && verdict.rule).toMatch(
        new RegExp(`^policy\\.(transfers\\.)?${name}$`),
      )
    }
    const open = createPolicy(
      source({
        forwarding: 'allow',
        agent_forwarding: 'allow',
        transfers: { upload: 'allow', download: 'allow' },
      }),
    )
    expect(names.filter((name) => open.capability(ann, 'web-1', name).allowed)).toEqual([
      'forwarding',
      'agent_forwarding',
      'upload',
      'download',
    ])
  })
})

describe('its hash', () => {
  test('changes with each decision and not with the order of the file', () => {
    const one = source()
    const targets = [{ name: 'b', accounts: { y: {}, x: {} } }, ...one.targets]
    const forward = createPolicy({ ...one, targets })
    const backward = createPolicy({
      ...one,
      targets: [...one.targets, { name: 'b', accounts: { x: {}, y: {} } }],
    })
    expect(forward.hash).toBe(backward.hash)
    const hashes = [
      policy,
      forward,
      createPolicy(source({ forwarding: 'allow' })),
      createPolicy(source({ agent_forwarding: 'allow' })),
      createPolicy(source({ shell: 'none' })),
      createPolicy(source({ shell: 'shell' })),
      createPolicy(source({ transfers: { upload: 'allow', download: 'deny' } })),
      createPolicy(source({ transfers: { upload: 'deny', download: 'allow' } })),
    ].map(({ hash }) => hash)
    expect(new Set(hashes).size).toBe(hashes.length)
    const cedar = new Bun.CryptoHasher('sha256').update(parts.text).digest('hex')
    expect(policy.text).toBe(
      `{"agent_forwarding":"deny","cedar":"${cedar}","forwarding":"deny","targets":{"web-1":{"accounts":["deploy","root"],"labels":[],"shell_integration":false}},"shell":"screen","transfers":{"download":"deny","upload":"deny"},"v":3}`,
    )
    expect(createWithParts(source(), all_permitted).hash).not.toBe(policy.hash)
    expect(policy.hash).toMatch(/^[0-9a-f]{64}$/)
  })
})
