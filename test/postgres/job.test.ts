/** A job's password for databases: what `sluice login --db` prints, or its ID token itself; and who is on record then. */
import { expect } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startFakeIssuer } from '../../proxy/identity/fixture.ts'
import { documentsIn } from '../fixture/identity.ts'
import { login } from '../fixture/login.ts'
import { psqlOn } from '../fixture/postgres.ts'
import { testWith } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'
import { components, openWorld } from './world.ts'

testWith(
  components,
  'a job is in by what it logged in for, and by its own token',
  async () => {
    const forge = await startFakeIssuer()
    const home = mkdtempSync(join(tmpdir(), 'sluice-home-'))
    try {
      const claims = { repository: 'org/app' }
      const job = { name: 'app', issuer: forge.url, audience: 'sluice', claims, subject: 'ci:app' }
      await using world = await openWorld({ identity: { ci: [{ ...job, groups: ['ci'] }] } })
      const now_s = Math.floor(Date.now() / 1000)
      const jwt = await forge.token({ ...claims, iat: now_s, exp: now_s + 300 })
      const file = join(home, 'token')
      writeFileSync(file, jwt)
      const words = ['--gateway', world.gateway.api, '--token-file', file, '--db']
      const ran = await login(home, words)
      expect(ran.code, ran.err).toBe(0)
      const select = (password: string) =>
        psqlOn(world.gateway.postgres.port, { user: 'owner@orders', password }, [
          ...['-d', 'postgres', '-c', 'SELECT 7'],
        ])
      // What a line of ~/.pgpass would have to quote is not in it.
      expect(ran.out.trim()).toMatch(/^[A-Za-z0-9._-]+$/)
      for (const password of [ran.out.trim(), jwt]) {
        const asked = await select(password)
        expect(asked.stdout, asked.stderr).toContain('7')
        expect(await world.show()).toContain(`ci:app (ci), by token of ${forge.url}`)
      }
      const expired = await forge.token({ ...claims, iat: now_s - 600, exp: now_s - 300 })
      expect((await select(expired)).code).not.toBe(0)
      const refused = await until('the refusal on record', async () =>
        (await documentsIn(world.data, 'identity.refused')).at(-1),
      )
      expect(refused).toMatchObject({ rule: 'identity.ci.expired', protocol: 'postgres' })
    } finally {
      forge.stop()
      rmSync(home, { recursive: true })
    }
  },
  60_000,
)
