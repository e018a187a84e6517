/**
 * A `sluice.yaml` that is wrong is one line that names the key, before any port opens.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gatewayConfig, runGateway } from '../fixture/gateway.ts'
import { makeKey } from '../fixture/keys.ts'
import type { Ran } from '../fixture/ran.ts'

interface Section {
  [key: string]: unknown
}
type Sections = Record<string, Section & Section[]>

/** Each mistake, and the key that the line must name. */
const mistakes: readonly (readonly [title: string, key: string, make: (file: Sections) => void])[] =
  [
    ['an unknown section', 'targts', (file) => Object.assign(file, { targts: [] })],
    ['an unknown key', 'gateway.nam', ({ gateway }) => Object.assign(gateway ?? {}, { nam: 'x' })],
    [
      'a wrong type',
      'targets[0].name',
      ({ targets }) => Object.assign(targets?.[0] ?? {}, { name: 7 }),
    ],
    [
      'a port that is none',
      'targets[0].address',
      ({ targets }) => Object.assign(targets?.[0] ?? {}, { address: '10.0.0.5:70000' }),
    ],
    [
      'a host key that is none',
      'targets[0].host_key',
      ({ targets }) => Object.assign(targets?.[0] ?? {}, { host_key: 'ssh-ed25519 AAAA' }),
    ],
    [
      'a target without a pinned host key',
      'targets[0].host_key',
      ({ targets }) => delete targets?.[0]?.['host_key'],
    ],
    [
      'a credential file that is not there',
      'targets[0].accounts.root.private_key_file',
      ({ targets }) =>
        Object.assign(targets?.[0] ?? {}, {
          accounts: { root: { private_key_file: './no-such-key' } },
        }),
    ],
    [
      "an auditor's key that is not there",
      'evidence.auditors[0]',
      ({ evidence }) => Object.assign(evidence ?? {}, { auditors: ['./no-such.jwk'] }),
    ],
    [
      'a pattern that does not compile',
      'masking.custom[0]',
      (file) => Object.assign(file, { masking: { custom: [{ name: 'broken', pattern: 'a(' }] } }),
    ],
    [
      'a file of known secrets that is not there',
      'masking.known_secrets_file',
      (file) => Object.assign(file, { masking: { known_secrets_file: './no-such-file' } }),
    ],
    [
      'a file of known secrets with too short a value',
      'known: line 2: shorter than 6 bytes',
      (file) => Object.assign(file, { masking: { known_secrets_file: './known' } }),
    ],
    [
      'a listener that is none',
      'listen.ssh',
      ({ listen }) => Object.assign(listen ?? {}, { ssh: 'somewhere' }),
    ],
  ]

describe('a wrong sluice.yaml', () => {
  let dir = ''
  let good = ''
  let taken: Server

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-config-'))
    const key = makeKey(join(dir, 'client'))
    // Both listeners ask for a port that is taken: who opens ports first stumbles over that instead.
    taken = createServer()
    const listening = Promise.withResolvers<void>()
    taken.listen(0, '127.0.0.1', listening.resolve)
    await listening.promise
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    mkdirSync(join(dir, 'gateway'))
    writeFileSync(join(dir, 'gateway/known'), 'long enough\nshort\n', { mode: 0o600 })
    good = gatewayConfig({
      dir: join(dir, 'gateway'),
      keys: [{ subject: 'ann', key: key.public_line }],
      targets: [
        {
          name: 'web-1',
          address: '127.0.0.1:22',
          host_key: key.public_line,
          accounts: { root: { private_key_file: key.file } },
        },
      ],
      sections: { listen: { ssh: `127.0.0.1:${port}`, api: `127.0.0.1:${port}` } },
    })
  })
  afterAll(() => {
    taken.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const start = (text: string): Promise<Ran> => {
    const config = join(dir, 'gateway/wrong.yaml')
    writeFileSync(config, text)
    return runGateway({ config, data: join(dir, 'data') })
  }

  for (const [title, key, make] of mistakes)
    test(title, async () => {
      const file = JSON.parse(readFileSync(good, 'utf8')) as Sections
      make(file)
      const ran = await start(JSON.stringify(file, undefined, 2))
      expect(ran.code).toBe(2)
      expect(ran.stdout).toBe('')
      const lines = ran.stderr.trim().split('\n')
      expect(lines, ran.stderr).toHaveLength(1)
      expect(lines[0]).toContain(key)
      expect(lines[0]).toMatch(/wrong\.yaml:\d+:\d+/)
    }, 30_000)

  test('text that is not YAML', async () => {
    const ran = await start('gateway: { name: edge-1\nlisten: [')
    expect(ran.code).toBe(2)
    expect(ran.stdout).toBe('')
    expect(ran.stderr.trim().split('\n')).toHaveLength(1)
    expect(ran.stderr).toMatch(/wrong\.yaml:\d+:\d+/)
  }, 30_000)

  test('a file that is not there', async () => {
    const ran = await runGateway({ config: join(dir, 'no-such.yaml'), data: join(dir, 'data') })
    expect(ran.code).toBe(2)
    expect(ran.stderr.trim().split('\n')).toHaveLength(1)
    expect(ran.stderr).toContain('no-such.yaml')
  }, 30_000)

  test('canary: the file that all mistakes start from gets as far as the taken port', async () => {
    const ran = await runGateway({ config: good, data: join(dir, 'data') })
    expect(ran.code).not.toBe(0)
    expect(ran.stderr).toContain('in use')
  }, 30_000)
})
