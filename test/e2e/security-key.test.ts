/**
 * A FIDO key that a configuration registers: its owner gets in, and the auditor can check the proof again.
 */
import { describe, expect } from 'bun:test'
import { join } from 'node:path'
import {
  type AuthenticatorType,
  isProven,
  makeAuthenticator,
  startAgent,
} from '../fixture/authenticator.ts'
import { openGuarded } from '../fixture/guarded.ts'
import { lastProof } from '../fixture/last-proof.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { runSsh } from '../fixture/ssh.ts'

const types: readonly AuthenticatorType[] = [
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
]

describe('a registered security key', () => {
  for (const type of types)
    testWith([ssh, sshd, ssh_keygen], `${type}: its session is proven to the auditor`, async () => {
      const device = makeAuthenticator(type)
      const keys = [{ subject: 'eve', groups: ['staff'], key: device.pair.public_line }]
      await using guarded = await openGuarded({ sections: { identity: { keys } } })
      const path = join(guarded.dir, 'agent')
      await using agent = await startAgent(path, device, (data) => device.sign(data))
      const ran = await runSsh({
        port: guarded.gateway.ssh.port,
        login: `${guarded.target.account}@web-1`,
        identities: [],
        options: ['-o', `IdentityAgent=${agent.path}`, '-o', 'IdentitiesOnly=no'],
        command: 'echo in',
      })
      expect(ran.stdout.toString()).toBe('in\n')
      const [session] = await guarded.sessions()
      expect(session?.subject).toBe('eve')

      const proof = await lastProof(guarded)
      expect(proof.kind).toBe('ssh_signature')
      const { fields } = proof
      expect(Buffer.from(device.blob).equals(fields['public_key'] ?? Buffer.alloc(0))).toBe(true)
      expect(isProven(fields)).toBe(true)
    })
})
