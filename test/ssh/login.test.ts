/**
 * Who gets in, who does not, and what they are told.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { join } from 'node:path'
import { makeKey } from '../fixture/keys.ts'
import { ssh, ssh_audit, ssh_keygen, ssh_keyscan, sshd, testWith } from '../fixture/require.ts'
import type { Straight } from './straight.ts'
import { openWorld, type World, withoutWarning } from './world.ts'

const needs = [ssh, sshd, ssh_keygen]

describe('ssh login', () => {
  let world: World
  let gateway: Straight
  beforeAll(async () => {
    world = await openWorld()
    gateway = await world.straight()
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await world[Symbol.asyncDispose]()
  })

  testWith(needs, 'ten unknown keys before the right one are questions, not failures', async () => {
    const others = Array.from({ length: 10 }, (_, i) => makeKey(join(world.dir, `other-${i}`)))
    const identities = [...others.map((key) => key.file), world.user_key.file]
    const ran = await world.ssh(gateway, { command: 'echo in', identities })
    expect(ran.stdout.toString()).toBe('in\n')
  })

  testWith(needs, 'a client that asks about keys without end is disconnected', async () => {
    const other = makeKey(join(world.dir, 'other-0'))
    const copies = Array.from({ length: 70 }, (_, i) => {
      const file = join(world.dir, `copy-${i}`)
      return makeKey(file).file
    })
    const ran = await world.ssh(gateway, { command: 'true', identities: [other.file, ...copies] })
    expect(ran.code).toBe(255)
    expect(ran.stderr).toContain('too many authentication failures')
  })

  testWith(needs, 'an unknown key, and any account, see the same refusal', async () => {
    const other = makeKey(join(world.dir, 'stranger'))
    const seen = new Set<string>()
    for (const login of [`${world.sshd.account}@web-1`, 'nobody@nowhere', 'nobody']) {
      const ran = await world.ssh(gateway, { login, identities: [other.file], command: 'true' })
      expect(ran.code).toBe(255)
      seen.add(withoutWarning(ran.stderr).replace(login, 'LOGIN').trim())
    }
    expect([...seen]).toEqual(['LOGIN@127.0.0.1: Permission denied (publickey).'])
  })

  testWith(needs, 'a login name without a target is told the form', async () => {
    const ran = await world.ssh(gateway, { login: 'deploy', command: 'true' })
    expect(ran.code).toBe(126)
    expect(withoutWarning(ran.stderr)).toContain('ssh ACCOUNT@TARGET@GATEWAY')
  })

  testWith(needs, 'an unknown target and an unknown account are one clear line', async () => {
    const target = await world.ssh(gateway, { login: 'root@web-9', command: 'true' })
    expect(withoutWarning(target.stderr)).toBe('sluice: there is no target named "web-9"\r\n')
    const account = await world.ssh(gateway, { login: 'nobody@web-1', command: 'true' })
    expect(withoutWarning(account.stderr)).toContain('has no account named "nobody"')
    expect([target.code, account.code]).toEqual([126, 126])
  })

  testWith(
    needs,
    'a certificate of nobody is refused, and the plain key behind it gets in',
    async () => {
      const ca = makeKey(join(world.dir, 'ca'))
      const file = world.user_key.file
      const sign = ['ssh-keygen', '-q', '-s', ca.file, '-I', 'id', '-n', 'root', `${file}.pub`]
      expect(Bun.spawnSync(sign).exitCode).toBe(0)
      const before = gateway.probes.length
      const options = ['-o', `CertificateFile=${file}-cert.pub`]
      const ran = await world.ssh(gateway, { command: 'echo in', options })
      expect(ran.stdout.toString()).toBe('in\n')
      const kinds = gateway.probes.slice(before).map((it) => 'algorithm' in it && it.algorithm)
      const certificate = 'ssh-ed25519-cert-v01@openssh.com'
      expect(new Set(kinds)).toEqual(new Set([certificate, 'ssh-ed25519']))
    },
  )

  for (const type of ['rsa', 'ecdsa'] as const)
    testWith(needs, `an ${type} key gets in`, async () => {
      const key = makeKey(join(world.dir, `user-${type}`), type)
      await using own = await world.straight({ user_key: key })
      const ran = await world.ssh(own, { command: 'echo in', identities: [key.file] })
      expect(ran.stdout.toString()).toBe('in\n')
      const algorithm = own.greetings[0]?.proof.fields['algorithm'] ?? new Uint8Array()
      const expected = type === 'rsa' ? /^rsa-sha2-/ : /^ecdsa-sha2-nistp256$/
      expect(new TextDecoder().decode(algorithm)).toMatch(expected)
    })

  testWith(needs, 'the proof can be checked without us', async () => {
    await world.ssh(gateway, { command: 'true' })
    const { fields } = gateway.greetings.at(-1)?.proof ?? { fields: {} }
    const raw = Buffer.from(fields['public_key'] ?? []).subarray(-32)
    const prefix = Buffer.from('302a300506032b6570032100', 'hex')
    const key = createPublicKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'spki' })
    const data = fields['data'] ?? new Uint8Array()
    expect(verify(null, data, key, fields['signature'] ?? new Uint8Array())).toBe(true)
    // What was signed names the login (RFC 4252, section 7).
    expect(Buffer.from(data).includes(`${world.sshd.account}@web-1`)).toBe(true)
    expect(createHash('sha256').update(data).digest().length).toBe(32)
  })

  testWith(needs, 'a denied client is told on its channel, or in the disconnect', async () => {
    const denial = { allowed: false, rule: 'r', message: 'web-1 is closed to you' } as const
    await using own = await world.straight({ connect: () => denial })
    const exec = await world.ssh(own, { command: 'true' })
    expect(exec.code).toBe(126)
    expect(withoutWarning(exec.stderr)).toBe('sluice: web-1 is closed to you\r\n')
    const idle = await world.ssh(own, { options: ['-N'], timeout_ms: 10_000 })
    expect(idle.code).toBe(255)
    expect(idle.stderr).toContain('web-1 is closed to you')
  })

  testWith(
    [ssh_audit, ssh_keygen],
    'ssh-audit finds no failure, with an RSA host key either',
    async () => {
      const rsa = makeKey(join(world.dir, 'host-rsa'), 'rsa')
      const host_keys = [world.host_key.private_key, rsa.private_key]
      await using own = await world.straight({ host_keys })
      const child = Bun.spawn(
        ['ssh-audit', '-n', '-l', 'fail', '-p', String(own.port), '127.0.0.1'],
        {
          stdout: 'pipe',
        },
      )
      const text = await new Response(child.stdout).text()
      await child.exited
      expect(text).not.toContain('[fail]')
      const all = Bun.spawn(['ssh-audit', '-n', '-p', String(own.port), '127.0.0.1'], {
        stdout: 'pipe',
      })
      // The canary: it did speak to us.
      expect(await new Response(all.stdout).text()).toContain('curve25519-sha256')
      await all.exited
    },
  )

  testWith([ssh_keyscan], 'a scanner that waits for us to speak first gets the key', async () => {
    const child = Bun.spawn(
      ['ssh-keyscan', '-t', 'ed25519', '-p', String(gateway.port), '127.0.0.1'],
      { stdout: 'pipe', stderr: 'ignore' },
    )
    const key = world.host_key.public_line.split(' ').slice(0, 2).join(' ')
    expect(await new Response(child.stdout).text()).toContain(key)
    await child.exited
  })
})
