/** A certificate of the gateway is believed by each of its workers, and what they refuse is on record in their own log. */
import { describe, expect } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startFakeIssuer } from '../../proxy/identity/fixture.ts'
import { sign } from '../fixture/certificates.ts'
import { openGuarded } from '../fixture/guarded.ts'
import { documentsIn } from '../fixture/identity.ts'
import { makeKey } from '../fixture/keys.ts'
import { login } from '../fixture/login.ts'
import { ssh, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'
import { runSsh } from '../fixture/ssh.ts'
import { until } from '../fixture/until.ts'
import { endsIn } from '../fixture/workers.ts'

const workers = 2

describe('certificates with workers', () => {
  testSlow(
    [ssh, sshd, ssh_keygen],
    'each worker believes it, and names what it refuses',
    async () => {
      const home = mkdtempSync(join(tmpdir(), 'sluice-home-'))
      const forge = await startFakeIssuer()
      const claims = { repository: 'org/app' }
      const job = { name: 'app', issuer: forge.url, audience: 'sluice', claims, subject: 'ci:app' }
      await using guarded = await openGuarded({
        sections: { identity: { ci: [job] } },
        arguments: ['--workers', String(workers)],
      })
      const run = (identity: string, certificate: string) =>
        runSsh({
          port: guarded.gateway.ssh.port,
          login: `${guarded.target.account}@web-1`,
          identities: [identity],
          options: ['-o', `CertificateFile=${certificate}`],
          command: 'echo in',
        })
      const folders = Array.from({ length: workers }, (_, at) =>
        join(guarded.data, 'workers', String(at + 1)),
      )
      try {
        const now_s = Math.floor(Date.now() / 1000)
        const token = join(home, 'token')
        writeFileSync(token, await forge.token({ ...claims, iat: now_s, exp: now_s + 300 }))
        const words = ['--gateway', guarded.gateway.api, '--dir', home, '--no-include']
        const ran = await login(home, [...words, '--token-file', token])
        expect(ran.code, ran.err).toBe(0)
        // Where nobody signs in by a browser, what is typed is the token.
        const askpass = join(home, 'askpass')
        writeFileSync(askpass, `#!/bin/sh\ncat ${token}\n`, { mode: 0o755 })
        const method = 'PreferredAuthentications=keyboard-interactive'
        const typed = await runSsh({
          port: guarded.gateway.ssh.port,
          login: `${guarded.target.account}@web-1`,
          identities: [],
          options: ['-o', 'BatchMode=no', '-o', method],
          env: { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' },
          command: 'echo typed',
        })
        expect(typed.stdout.toString(), typed.stderr).toBe('typed\n')
        const authority = makeKey(join(home, 'stranger'))
        const key = makeKey(join(home, 'key'))
        const bad = sign(home, { authority, key, name: 'bad', principals: ['ann'] })
        // The system spreads connections by their ports: before long each worker had some.
        await until('each worker had both', async () => {
          const good = await run(join(home, 'id_ed25519'), join(home, 'id_ed25519-cert.pub'))
          expect(good.stdout.toString(), good.stderr).toBe('in\n')
          expect((await run(key.file, bad.file)).code).toBe(255)
          const seen = await Promise.all(
            folders.map(async (folder) => {
              const refused = await documentsIn(folder, 'identity.refused')
              return refused.length > 0 && (await endsIn(folder)).size > 0
            }),
          )
          return seen.every((each) => each)
        })
        const sessions = await guarded.sessions()
        expect(new Set(sessions.map(({ subject }) => subject))).toEqual(new Set(['ci:app']))
      } finally {
        forge.stop()
        rmSync(home, { recursive: true })
      }
    },
  )
})
