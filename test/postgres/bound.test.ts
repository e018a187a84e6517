/** A password that is bound to a certificate: who reads it cannot come in with it. */
import { expect } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startFakeIssuer } from '../../proxy/identity/fixture.ts'
import { sluice } from '../fixture/gateway.ts'
import { documentsIn } from '../fixture/identity.ts'
import { login } from '../fixture/login.ts'
import { psqlOn } from '../fixture/postgres.ts'
import { testSlow } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'
import { components, openWorld } from './world.ts'

/** A key, and a certificate that nobody but itself has signed. */
function makeCertificate(dir: string, name: string): { cert: string; key: string } {
  const [cert, key] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)]
  const words = ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-days', '1']
  const ran = Bun.spawnSync(
    ['openssl', ...words, '-subj', `/CN=${name}`, '-keyout', key, '-out', cert],
    { stderr: 'pipe' },
  )
  if (ran.exitCode !== 0) throw new Error(ran.stderr.toString())
  return { cert, key }
}

testSlow(
  components,
  'a bound token is good with its certificate alone, whoever made it',
  async () => {
    const forge = await startFakeIssuer()
    const home = mkdtempSync(join(tmpdir(), 'sluice-home-'))
    try {
      const claims = { repository: 'org/app' }
      const job = { name: 'app', issuer: forge.url, audience: 'sluice', claims, subject: 'ci:app' }
      await using world = await openWorld({ identity: { ci: [{ ...job, groups: ['ci'] }] } })
      const own = makeCertificate(home, 'own')
      const others = makeCertificate(home, 'others')
      const select = (password: string, words: string) =>
        psqlOn(world.gateway.postgres.port, { user: 'owner@orders', password }, [
          ...['-d', `dbname=postgres ${words}`, '-c', 'SELECT 7'],
        ])
      const shown = ({ cert, key }: typeof own) =>
        `sslmode=require sslcert=${cert} sslkey=${key}` as const
      const minted = await sluice([
        ...['token', '--database', '--subject', 'ada', '--certificate', own.cert],
        ...['--data', world.data],
      ])
      expect(minted.stderr).toBe('')
      const now_s = Math.floor(Date.now() / 1000)
      const jwt = await forge.token({ ...claims, iat: now_s, exp: now_s + 300 })
      const file = join(home, 'token')
      writeFileSync(file, jwt)
      const given = ['--gateway', world.gateway.api, '--token-file', file, '--db']
      const logged_in = await login(home, [...given, '--certificate', own.cert])
      expect(logged_in.err).toBe('')
      const [thumbprint] = await documentsIn(world.data, 'token.issued')
      expect(thumbprint?.['certificate']).toMatch(/^[\w-]{43}$/)
      // One that its issuer bound itself.
      const cnf = { 'x5t#S256': thumbprint?.['certificate'] }
      const bound_by_issuer = await forge.token({ ...claims, iat: now_s, exp: now_s + 300, cnf })
      const unknown = { ...cnf, jwk: { kty: 'OKP' } }
      const nobodys = await forge.token({ ...claims, iat: now_s, exp: now_s + 300, cnf: unknown })

      for (const password of [minted.stdout.trim(), logged_in.out.trim(), bound_by_issuer]) {
        expect((await select(password, shown(own))).stdout).toBe('7\n')
        for (const words of [shown(others), 'sslmode=require', 'sslmode=disable']) {
          const refused = await select(password, words)
          expect(refused.stderr).toContain('this token is bound to a certificate')
          expect(refused.stdout).toBe('')
        }
      }
      expect((await select(nobodys, shown(own))).stderr).toContain('bound to a certificate')
      // A certificate gives nothing by itself, and takes nothing from who needs none.
      expect((await select('', shown(own))).code).not.toBe(0)
      expect((await select(world.login.password, shown(others))).stdout).toBe('7\n')
      const refused = await until('the refusal on record', async () =>
        (await documentsIn(world.data, 'identity.refused')).find(
          ({ rule }) => rule === 'identity.token.certificate',
        ),
      )
      expect(refused).toMatchObject({ protocol: 'postgres' })

      const wrong = await login(home, [...given, '--certificate', file])
      expect(wrong.err).toContain('is not a certificate in PEM')
      const useless = await login(home, ['--gateway', world.gateway.api, '--certificate', own.cert])
      expect(useless.err).toContain('--certificate is for --db')
    } finally {
      forge.stop()
      rmSync(home, { recursive: true })
    }
  },
  90_000,
)
