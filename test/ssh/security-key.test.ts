/**
 * Logins with FIDO keys, by the unmodified ssh: through an agent whose device does as it is told, and through OpenSSH's
 * own code for devices, with a device in software.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type AuthenticatorType,
  isProven,
  makeAuthenticator,
  type Statement,
  startAgent,
} from '../fixture/authenticator.ts'
import {
  gcc,
  openssl_headers,
  ssh,
  ssh_keygen,
  ssh_sk_helper,
  sshd,
  testWith,
} from '../fixture/require.ts'
import type { SshResult } from '../fixture/ssh.ts'
import { openWorld, type World, withoutWarning } from './world.ts'

const needs = [ssh, sshd, ssh_keygen]
const types: readonly AuthenticatorType[] = [
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
]

describe('ssh security keys', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
  })

  let agents = 0
  const login = async (
    device: ReturnType<typeof makeAuthenticator>,
    statement: Statement = {},
    registered = device.pair,
  ): Promise<{ ran: SshResult; signed: number; proof?: Readonly<Record<string, Uint8Array>> }> => {
    await using gateway = await world.straight({ user_key: registered })
    const path = join(world.dir, `agent-${agents++}`)
    await using agent = await startAgent(path, device, (data) => device.sign(data, statement))
    const options = ['-v', '-o', `IdentityAgent=${path}`, '-o', 'IdentitiesOnly=no']
    const ran = await world.ssh(gateway, { command: 'echo in', identities: [], options })
    const proof = gateway.greetings.at(-1)?.proof.fields
    return { ran, signed: agent.signed(), ...(proof === undefined ? {} : { proof }) }
  }

  for (const type of types) {
    testWith(needs, `${type} gets in, and the proof can be checked without us`, async () => {
      const { ran, proof = {} } = await login(makeAuthenticator(type))
      expect(ran.stdout.toString()).toBe('in\n')
      expect(isProven(proof)).toBe(true)
      expect(new TextDecoder().decode(proof['algorithm'])).toBe(type)
      expect([...(proof['counter'] ?? [])]).toEqual([0, 0, 0, 7])
      // What was signed names the login (RFC 4252, section 7).
      const data = Buffer.from(proof['data'] ?? [])
      expect(data.includes(`${world.sshd.account}@web-1`)).toBe(true)
      // The canary: the check sees a touch that was not signed, and other data.
      expect(isProven({ ...proof, flags: Uint8Array.of(5) })).toBe(false)
      expect(isProven({ ...proof, data: Uint8Array.of(...data, 0) })).toBe(false)
    })

    const refused: Readonly<Record<string, Statement>> = {
      'that nobody touched': { flags: 0 },
      'that lies about a touch': { signed_flags: 0 },
      'that lies about its counter': { counter: 9, signed_counter: 8 },
      'that signed for a website': { signed_application: 'https://example.com' },
    }
    for (const [what, statement] of Object.entries(refused))
      testWith(needs, `${type} of a device ${what} does not get in`, async () => {
        const { ran, signed, proof } = await login(makeAuthenticator(type), statement)
        expect(ran.code).toBe(255)
        expect(withoutWarning(ran.stderr)).toContain('Permission denied (publickey).')
        // The key was known, and the signature was asked for: it is what was refused.
        expect(signed).toBe(1)
        expect(proof).toBeUndefined()
      })

    testWith(needs, `${type} that is not registered is not asked to sign`, async () => {
      const { ran, signed } = await login(makeAuthenticator(type), {}, makeAuthenticator(type).pair)
      expect(ran.code).toBe(255)
      expect(signed).toBe(0)
    })

    testWith(
      [...needs, ssh_sk_helper, gcc, openssl_headers],
      `${type} by OpenSSH's own code for devices gets in`,
      async () => {
        const provider = await buildProvider(world.dir)
        const file = join(world.dir, `device-${type}`)
        const name = type.includes('ed25519') ? 'ed25519-sk' : 'ecdsa-sk'
        const keygen = ['ssh-keygen', '-q', '-t', name, '-w', provider, '-N', '', '-f', file]
        const made = Bun.spawnSync(keygen)
        expect(made.stderr.toString()).toBe('')
        const public_line = readFileSync(`${file}.pub`, 'utf8').trim()
        expect(public_line).toStartWith(type)
        const blob = new Uint8Array(Buffer.from(public_line.split(' ')[1] ?? '', 'base64'))
        const user_key = { file, private_key: '', public_line, blob }
        await using gateway = await world.straight({ user_key })
        const options = ['-o', `SecurityKeyProvider=${provider}`]
        const ran = await world.ssh(gateway, { command: 'echo in', identities: [file], options })
        expect(ran.stdout.toString()).toBe('in\n')
        const proof = gateway.greetings[0]?.proof.fields ?? {}
        expect([...(proof['counter'] ?? [])]).toEqual([1, 2, 3, 4])
        expect(isProven(proof)).toBe(true)
      },
    )
  }

  testWith(needs, 'the client is told that such signatures are accepted', async () => {
    const { ran } = await login(makeAuthenticator('sk-ssh-ed25519@openssh.com'))
    const told = /server-sig-algs=<([^>]*)>/.exec(ran.stderr)?.[1]?.split(',') ?? []
    expect(told).toContain('ssh-ed25519')
    for (const type of types) expect(told).toContain(type)
  })
})

async function buildProvider(dir: string): Promise<string> {
  const library = join(dir, 'authenticator.so')
  const source = join(import.meta.dir, '../fixture/authenticator.c')
  const warnings = ['-Wall', '-Wextra', '-Werror']
  const compiler = Bun.spawn(
    ['gcc', ...warnings, '-shared', '-fPIC', '-o', library, source, '-lcrypto'],
    { stderr: 'pipe' },
  )
  const said = await new Response(compiler.stderr).text()
  if ((await compiler.exited) !== 0) throw new Error(`gcc: ${said}`)
  return library
}
