/**
 * A FIDO key that a configuration registers: its owner gets in, and the auditor can check the proof again.
 */
import { describe, expect } from 'bun:test'
import type { JsonWebKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openEnvelope } from '../../storage/evidence/envelope.ts'
import { openReader } from '../../storage/store/reader.ts'
import {
  type AuthenticatorType,
  isProven,
  makeAuthenticator,
  startAgent,
} from '../fixture/authenticator.ts'
import { openGuarded } from '../fixture/guarded.ts'
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

      const records = await guarded.records(session?.id ?? '')
      const start = records.find(({ header }) => header.kind === 'start')?.header
      if (start?.kind !== 'start') throw new Error('the session has no start')
      const reader = openReader(guarded.data)
      const sealed = await reader.document(start.envelope)
      reader.close()
      const key = readFileSync(join(guarded.dir, 'gateway/auditor.private.jwk'), 'utf8')
      const opened = await openEnvelope(
        sealed?.bytes ?? new Uint8Array(),
        JSON.parse(key) as JsonWebKey,
      )
      if (!opened.ok) throw new Error(opened.reason)
      const proof = JSON.parse(new TextDecoder().decode(opened.content.proof)) as {
        readonly kind: string
        readonly fields: Readonly<Record<string, string>>
      }
      expect(proof.kind).toBe('ssh_signature')
      const fields = Object.fromEntries(
        Object.entries(proof.fields).map(([name, text]) => [name, Buffer.from(text, 'base64')]),
      )
      expect(Buffer.from(device.blob).equals(fields['public_key'] ?? Buffer.alloc(0))).toBe(true)
      expect(isProven(fields)).toBe(true)
    })
})
