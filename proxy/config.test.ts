/**
 * What a good configuration becomes, and what it warns of.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { createECDH } from 'node:crypto'
import { join } from 'node:path'
import { account, auditors, createConfigFixture } from './config/fixture.ts'
import { loadConfig } from './config.ts'

const { folder, parse, remove } = createConfigFixture()
afterAll(remove)

describe('a good config', () => {
  test('everything that this version has', () => {
    const parsed = parse(`gateway: { name: edge-1, data: ./data, ssh_host_keys: [./ec-pem] }
listen: { ssh: "[::]:2222", api: "[::1]:0" }
identity:
  keys:
    - { subject: ann@example.com, groups: [dev], key: "HOST" }
targets:
  - name: web-1
    protocol: ssh
    address: "[2001:db8::1]:22"
    host_key: [HOST]
    accounts:
      deploy: { private_key_file: "\${ENV:KEYS}/deploy" }
      root: { password_file: password }
      ann@corp: { password: "\${ENV:DEPLOY_PASSWORD}" }
    labels: { env: prod }
policy: { forwarding: allow, shell: { minimum_confidence: shell }, transfers: { upload: allow } }
masking: { packs: [pii, pii], custom: [{ name: employee-id, pattern: "EMP-[0-9]{6}" }], idle_ms_max: 100, known_secrets_file: password }
evidence: { raw: commit, auditors: [./auditor.jwk] }
ssh: { env: [LANG] }
journal: { segment_bytes: 8388608 }
`)
    if (!parsed.ok) throw new Error(parsed.problem)
    const { config } = parsed
    expect(parsed.warnings).toEqual([])
    expect(config.gateway.data).toBe(join(folder, 'data'))
    expect(config.gateway.ssh_host_keys[0]?.public_key.algorithm).toBe('ecdsa-sha2-nistp256')
    expect(config.listen).toEqual({
      ssh: { host: '::', port: 2222 },
      api: { host: '::1', port: 0 },
    })
    expect(config.identity.keys[0]?.key.comment).toBe('deploy')
    const web = config.targets[0]
    expect(web?.address).toEqual({ host: '2001:db8::1', port: 22 })
    const { deploy, root, 'ann@corp': ann } = web?.accounts ?? {}
    expect(deploy?.kind === 'private_key' && deploy.key.pem.reveal()).toContain('OPENSSH')
    expect(deploy?.kind === 'private_key' && deploy.key.from).toBe(join(folder, 'deploy'))
    expect(deploy?.kind === 'private_key' && deploy.key.public_key.blob).toEqual(
      (web?.protocol === 'ssh' && web.host_keys[0]?.blob) || false,
    )
    expect(root?.kind === 'password' && root.password.reveal()).toBe('tr0ub4dor')
    expect(ann?.kind === 'password' && ann.password.reveal()).toBe('from the environment')
    expect(config.policy).toEqual({
      files: [],
      approvals: { webhooks: [] },
      forwarding: 'allow',
      agent_forwarding: 'deny',
      shell: 'shell',
      transfers: { upload: 'allow', download: 'deny' },
    })
    expect(config.masking.packs).toEqual(['pii'])
    expect(config.masking.known.count).toBe(2)
    expect(config.evidence.auditors[0]?.thumbprint).toMatch(/^[\w-]{43}$/)
    expect(parsed.locate(['masking', 'custom', 0, 'pattern'], 'is bad')).toBe(
      's.yaml:17:61 masking.custom[0].pattern: is bad',
    )
  })

  test('nothing in it can be changed or printed', () => {
    const parsed = parse(account('{ password_file: password }'))
    if (!parsed.ok) throw new Error(parsed.problem)
    const { config } = parsed
    expect(() => Object.assign(config.policy, { forwarding: 'allow' })).toThrow()
    expect(() => Object.assign(config.targets[0]?.labels ?? {}, { a: 'b' })).toThrow()
    const printed = `${JSON.stringify(config)}${Bun.inspect(config, { depth: 20 })}`
    expect(printed).toContain('[secret]')
    expect(printed).not.toContain('tr0ub4dor')
  })

  test('the defaults deny, mask, and listen on loopback', () => {
    const loaded = loadConfig(undefined, {})
    if (!loaded.ok) throw new Error(loaded.problem)
    expect(loaded.warnings).toEqual([])
    expect(loaded.config).toMatchObject({
      listen: { ssh: { host: '127.0.0.1', port: 2222 }, api: { host: '127.0.0.1', port: 7070 } },
      policy: {
        forwarding: 'deny',
        agent_forwarding: 'deny',
        transfers: { upload: 'deny', download: 'deny' },
      },
      masking: { packs: ['secrets', 'pci'], custom: [], idle_ms_max: 300 },
      journal: { segment_bytes: 64 * 1024 * 1024 },
    })
  })

  const warnings: readonly (readonly [text: string, warning: string])[] = [
    [
      account('{ password_file: password-open }'),
      's.yaml:8:17 targets[0].accounts.deploy.password_file: password-open: mode 0644 is too open for a secret: chmod 600',
    ],
    [
      `${auditors}\nidentity:\n  keys:\n    - { subject: ann, key: "HOST" }\n    - { subject: bob, key: "HOST" }`,
      's.yaml:5:23 identity.keys[1].key: this key also belongs to ann, so it identifies neither',
    ],
    [auditors, 's.yaml:1:1 targets: no target is configured: nothing can be reached'],
    [auditors, 's.yaml:1:1 identity.keys: no key and no provider is there: nobody can connect'],
    [
      `listen: { api: "127.0.0.1:1" }\n${auditors}`,
      's.yaml:1:1 listen: listen.ssh is absent: nobody can connect',
    ],
  ]
  for (const [text, warning] of warnings) {
    test(`warns: ${warning.slice(0, 80)}`, () => {
      const parsed = parse(text)
      expect(parsed.ok ? parsed.warnings : [parsed.problem]).toContain(warning)
    })
  }

  test('an ECDSA point that is not on its curve is no key', () => {
    const ecdh = createECDH('prime256v1')
    const point = Buffer.from(ecdh.generateKeys())
    point[64] = (point[64] ?? 0) ^ 1
    const part = (bytes: Buffer): Buffer => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return Buffer.concat([length, bytes])
    }
    const blob = Buffer.concat(
      [Buffer.from('ecdsa-sha2-nistp256'), Buffer.from('nistp256'), point].map(part),
    )
    const line = `ecdsa-sha2-nistp256 ${blob.toString('base64')}`
    const parsed = parse(`${auditors}\nidentity: { keys: [{ subject: a, key: "${line}" }] }`)
    expect(parsed.ok ? '' : parsed.problem).toContain('the ECDSA key is malformed')
  })
})
