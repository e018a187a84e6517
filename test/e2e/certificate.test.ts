/**
 * User certificates of a foreign authority, by the unmodified ssh and ssh-keygen, through a whole gateway: who gets in,
 * what the record says of it, and each way in which one is not good.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { generateKeyPairSync, type KeyObject, sign as signData } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeCertificate, withSignature } from '../../proxy/core/ssh-certificate.ts'
import { makeAuthenticator, sshString, startAgent } from '../fixture/authenticator.ts'
import {
  type Certificate,
  readCertificate,
  type SignOptions,
  sign,
} from '../fixture/certificates.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { documentsIn, identityOf } from '../fixture/identity.ts'
import { type KeyPair, makeKey } from '../fixture/keys.ts'
import { offer } from '../fixture/offer.ts'
import { ssh, ssh_keygen, sshd, testSlow, testWith } from '../fixture/require.ts'
import { runSsh, type SshResult } from '../fixture/ssh.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen]
const ed25519 = 'ssh-ed25519-cert-v01@openssh.com'

describe('certificates of a foreign authority', () => {
  let guarded: Guarded
  let authority: KeyPair
  let people: KeyPair
  let stranger: KeyPair
  let key: KeyPair
  let dir: string
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-certificate-'))
    authority = makeKey(join(dir, 'ca'))
    people = makeKey(join(dir, 'people-ca'), 'rsa')
    stranger = makeKey(join(dir, 'stranger-ca'))
    key = makeKey(join(dir, 'user'))
    const named = { name: 'people', key: people.public_line, subject: 'principal' }
    const groups = { groups: ['staff'], groups_extension: 'groups@example.com' }
    const identity = { ssh_ca: [authority.public_line, { ...named, ...groups }] }
    guarded = await openGuarded({ sections: { identity } })
    await guarded.trust()
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    rmSync(dir, { recursive: true })
  }, 30_000)

  const certified = (options: Partial<SignOptions> & { readonly name: string }): Certificate =>
    sign(dir, { authority, key, principals: [guarded.target.account], ...options })
  const login = (
    certificate: Certificate,
    by: KeyPair = key,
    ...options: string[]
  ): Promise<SshResult> =>
    runSsh({
      port: guarded.gateway.ssh.port,
      login: `${guarded.target.account}@web-1`,
      identities: [by.file],
      options: ['-o', `CertificateFile=${certificate.file}`, ...options],
      command: 'echo in',
    })

  for (const type of ['ed25519', 'ecdsa', 'rsa'] as const)
    testWith(
      needs,
      `an ${type} key with one gets in, and its session says which it was`,
      async () => {
        const own = makeKey(join(dir, `user-${type}`), type)
        const certificate = certified({ key: own, name: `good-${type}`, serial: 4711 })
        const ran = await login(certificate, own)
        expect(ran.stderr).not.toContain('denied')
        expect(ran.stdout.toString()).toBe('in\n')
        const [session] = await guarded.sessions()
        expect(session).toMatchObject({ subject: 'ada@example.com', method: 'certificate' })
        expect(await identityOf(guarded, session?.id ?? '')).toMatchObject({
          issuer: expect.stringMatching(/^ssh_ca:SHA256:/),
          subject: 'ada@example.com',
          groups: [],
          credential: expect.stringMatching(/^SHA256:/),
          certificate: { serial: '4711', key_id: 'ada@example.com' },
        })
      },
    )

  for (const bits of [256, 384, 521])
    testSlow(needs, `an authority with an ECDSA key of ${bits} bits is believed`, async () => {
      const file = join(dir, `ca-${bits}`)
      const made = ['ssh-keygen', '-q', '-t', 'ecdsa', '-b', String(bits), '-N', '', '-f', file]
      expect(Bun.spawnSync(made).exitCode).toBe(0)
      const ca = makeKey(file)
      await using other = await openGuarded({
        sections: { identity: { ssh_ca: [ca.public_line] } },
      })
      const certificate = sign(dir, {
        ...{ authority: ca, key, name: `by-${bits}`, principals: [other.target.account] },
      })
      const ran = await runSsh({
        port: other.gateway.ssh.port,
        login: `${other.target.account}@web-1`,
        identities: [key.file],
        options: ['-o', `CertificateFile=${certificate.file}`],
        command: 'echo in',
      })
      expect(ran.stdout.toString()).toBe('in\n')
    })

  testWith(needs, 'one whose principal is the person has the groups of its extension', async () => {
    const extension = 'extension:groups@example.com=["leads","on call"]'
    const certificate = certified({
      ...{ name: 'people', authority: people, principals: ['grace'], options: [extension] },
      words: ['-t', 'rsa-sha2-512'],
    })
    expect((await login(certificate)).stdout.toString()).toBe('in\n')
    const [session] = await guarded.sessions()
    expect(await identityOf(guarded, session?.id ?? '')).toMatchObject({
      ...{ issuer: 'ssh_ca:people', subject: 'grace', groups: ['staff', 'leads', 'on call'] },
    })
  })

  testWith(needs, 'one for the address that it comes from gets in', async () => {
    const options = ['source-address=192.0.2.0/24,127.0.0.0/8']
    expect((await login(certified({ name: 'here', options }))).stdout.toString()).toBe('in\n')
  })

  testWith(needs, 'ssh -J with one lets in twice', async () => {
    const certificate = certified({ name: 'jump' })
    const common = ['-o', `CertificateFile=${certificate.file}`, '-o', 'LogLevel=ERROR']
    const outer = [
      ...['ssh', '-F', 'none', '-p', String(guarded.gateway.ssh.port), '-i', key.file, ...common],
      ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
      ...['-o', 'IdentitiesOnly=yes', '-W', 'web-1:22', '-l', 'whoever', '127.0.0.1'],
    ]
    const ran = await runSsh({
      port: 22,
      login: guarded.target.account,
      identities: [key.file],
      options: [...common, '-o', `ProxyCommand=${outer.join(' ')}`],
      command: 'echo through',
    })
    expect(ran.stdout.toString()).toBe('through\n')
  })

  const byAgent = (path: string): Promise<SshResult> =>
    runSsh({
      port: guarded.gateway.ssh.port,
      login: `${guarded.target.account}@web-1`,
      identities: [],
      options: ['-o', `IdentityAgent=${path}`, '-o', 'IdentitiesOnly=no'],
      command: 'echo in',
    })

  /** With what its owner is told, if anything. */
  const refusals: readonly (readonly [string, string, Partial<SignOptions>, string?])[] = [
    ['for another account', 'principal', { principals: ['somebody'] }, 'not for this account'],
    ['for no account', 'principal', { principals: [] }, 'names no principal'],
    ['that has expired', 'expired', { validity: '-2h:-1h' }, 'has expired'],
    ['that is not valid yet', 'not_yet_valid', { validity: '+1h:+2h' }, 'not valid yet'],
    [
      ...(['for another address', 'source_address'] as const),
      { options: ['source-address=192.0.2.7'] },
      'not for the address',
    ],
    [
      'with an unknown restriction',
      'critical_option',
      { options: ['critical:what@x=y'] },
      'critical option',
    ],
    [
      'that forces a command',
      'critical_option',
      { options: ['force-command=id'] },
      'critical option',
    ],
    ['without a name', 'subject', { key_id: 'a b' }],
  ]
  for (const [what, refusal, options, told] of refusals)
    testWith(needs, `one ${what} is refused, named and recorded`, async () => {
      const certificate = certified({ name: `refused-${what.replaceAll(' ', '-')}`, ...options })
      await expectRefused(() => login(certificate), refusal, told)
    })

  testWith(needs, 'who has one of somebody and not its key is told nothing of it', async () => {
    const { blob } = certified({ name: 'found', validity: '-2h:-1h' })
    const told: string[] = []
    const { port } = guarded.gateway.ssh
    const heard = await offer({
      ...{ port, login: `${guarded.target.account}@web-1`, algorithm: ed25519, blob },
      banner: (text) => void told.push(text),
    })
    expect(heard).not.toBe('admitted')
    expect(told).toEqual([])
  })

  testWith(needs, 'one of an unknown authority is refused, named and recorded', async () => {
    const certificate = certified({ name: 'stranger', authority: stranger })
    await expectRefused(() => login(certificate), 'authority')
  })

  testWith(needs, 'one that is signed with SHA-1 is refused, named and recorded', async () => {
    const certificate = certified({
      ...{ name: 'sha1', authority: people, principals: ['grace'], words: ['-t', 'ssh-rsa'] },
    })
    await expectRefused(() => login(certificate), 'sha1')
  })

  // OpenSSH shows none of these.
  const shown: readonly (readonly [string, string, string, (pair: Pair) => Uint8Array])[] = [
    ['of a host', 'type', ed25519, ({ line }) => signLine(dir, authority, line, '-h')],
    [
      ...(['that another certificate signed', 'authority_is_certificate', ed25519] as const),
      ({ blob }) => byCertificate(blob, certified({ name: 'not-an-authority' }).blob),
    ],
    [
      ...(['that was changed', 'signature', ed25519] as const),
      ({ line }) => {
        const changed = signLine(dir, authority, line, '-n', guarded.target.account)
        changed[Buffer.from(changed).indexOf('permit-pty')] = 'q'.charCodeAt(0)
        return changed
      },
    ],
    [
      ...(['used with SHA-1', 'sha1', 'ssh-rsa-cert-v01@openssh.com'] as const),
      () => certified({ key: makeKey(join(dir, 'sha1-rsa'), 'rsa'), name: 'sha1-user' }).blob,
    ],
  ]
  for (const [what, refusal, algorithm, make] of shown)
    testWith(needs, `one ${what} is refused, named and recorded`, async () => {
      const { port } = guarded.gateway.ssh
      const name = `${guarded.target.account}@web-1`
      const blob = make(makePair())
      await expectRefused(async () => {
        const heard = await offer({ port, login: name, algorithm, blob })
        return { code: heard === 'admitted' ? 0 : 255, stdout: Buffer.alloc(0), stderr: heard }
      }, refusal)
    })

  testWith(needs, 'one in the hands of somebody else is refused, named and recorded', async () => {
    const device = makePair()
    const blob = signLine(dir, authority, device.line, '-n', guarded.target.account)
    const path = join(dir, 'agent-proof')
    await using agent = await startAgent(path, { blob }, (data) =>
      Buffer.concat([sshString('ssh-ed25519'), sshString(signData(null, data, makePair().key))]),
    )
    await expectRefused(() => byAgent(path), 'proof')
    expect(agent.signed()).toBe(1)
  })

  for (const type of ['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com'] as const)
    testWith(needs, `one for a key on a device, ${type}, lets in whoever touches it`, async () => {
      const device = makeAuthenticator(type)
      const { public_line } = device.pair
      const blob = signLine(dir, authority, public_line, '-n', guarded.target.account)
      for (const flags of [0, 1]) {
        const path = join(dir, `agent-${type}-${flags}`)
        await using agent = await startAgent(path, { blob }, (data) => device.sign(data, { flags }))
        const ran = await byAgent(path)
        expect(agent.signed()).toBe(1)
        expect(ran.stdout.toString()).toBe(flags === 0 ? '' : 'in\n')
      }
    })

  testWith(needs, 'what is left verifies', async () => {
    expect(await guarded.gateway.stop()).toBe(0)
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    expect(guarded.gateway.stderr()).not.toMatch(/"(fault|internal_error|api_fault)"/)
  })

  const refusedIn = async (rule: string) =>
    (await documentsIn(guarded.data, 'identity.refused')).filter((each) => each['rule'] === rule)

  /** No session, a line for the operator, an entry in the log of evidence. */
  async function expectRefused(
    run: () => Promise<SshResult>,
    refusal: string,
    told_owner?: string,
  ): Promise<void> {
    const rule = `identity.certificate.${refusal}`
    const before = await guarded.sessions()
    const told = (): number => guarded.gateway.stderr().split(`"rule":"${rule}"`).length
    const told_before = told()
    const recorded_before = (await refusedIn(rule)).length
    const ran = await run()
    expect(ran.code).toBe(255)
    expect(ran.stdout.toString()).toBe('')
    expect(ran.stderr).toMatch(/Permission denied|All configured authentication methods failed/)
    if (told_owner === undefined) expect(ran.stderr).not.toContain('sluice:')
    else expect(ran.stderr).toMatch(new RegExp(`^sluice: .*${told_owner}`, 'm'))
    await until(`${rule} in the log`, () => told() > told_before)
    await until(`${rule} on record`, async () => (await refusedIn(rule)).length > recorded_before)
    if (told_owner !== undefined) expect((await refusedIn(rule)).length).toBe(recorded_before + 1)
    expect((await guarded.sessions()).length).toBe(before.length)
  }
})

interface Pair {
  readonly key: KeyObject
  readonly blob: Uint8Array
  readonly line: string
}

/** A key whose private half has no file, for an agent of ours. */
function makePair(): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const blob = Buffer.concat([sshString('ssh-ed25519'), sshString(point)])
  return { key: privateKey, blob, line: `ssh-ed25519 ${blob.toString('base64')} made` }
}

let signed_lines = 0

/** The certificate that `ssh-keygen -s` makes for a public key. */
function signLine(dir: string, authority: KeyPair, line: string, ...words: string[]): Uint8Array {
  const file = join(dir, `line-${signed_lines++}`)
  writeFileSync(`${file}.pub`, `${line}\n`)
  const command = ['ssh-keygen', '-q', '-s', authority.file, '-I', 'ada', ...words, `${file}.pub`]
  const made = Bun.spawnSync(command)
  if (made.exitCode !== 0) throw new Error(`ssh-keygen -s: ${made.stderr.toString()}`)
  return readCertificate(`${file}-cert.pub`).blob
}

/** No tool makes one: its authority is not a key but what another one signed. */
function byCertificate(key: Uint8Array, authority: Uint8Array): Uint8Array {
  const signer = makePair()
  const times = { valid_after_s: 0n, valid_before_s: 2n ** 64n - 1n }
  const names = { key_id: 'ada', principals: ['ada'], serial: 0n, type: 'user' } as const
  const options = { critical_options: [], extensions: [] }
  const content = { key, authority, ...times, ...names, ...options }
  const signed = encodeCertificate(content, new Uint8Array(32))
  const signature = signData(null, signed, signer.key)
  return withSignature(signed, Buffer.concat([sshString('ssh-ed25519'), sshString(signature)]))
}
