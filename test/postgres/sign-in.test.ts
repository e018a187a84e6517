/** People without a token: psql shows an address, they sign in there at a real OpenID provider, and are in. */
import { expect } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startIssuer } from '../../proxy/trial/issuer.ts'
import { login } from '../fixture/login.ts'
import { psqlOn } from '../fixture/postgres.ts'
import { testSlow } from '../fixture/require.ts'
import { signIn } from '../fixture/sign-in.ts'
import { components, openWorld } from './world.ts'

testSlow(
  components,
  'psql waits while its user signs in with a browser',
  async () => {
    const client_id = 'sluice'
    const issuer = await startIssuer({
      client_id,
      people: [
        { name: 'eve', groups: ['staff'] },
        { name: 'carl', groups: ['visitors'] },
      ],
    })
    try {
      await using world = await openWorld({
        identity: {
          oidc: [
            {
              ...{ name: 'corp', issuer: issuer.url, client_id, groups_claim: 'groups' },
              ...{ scopes: ['groups'], roles: { user: ['staff'] } },
            },
          ],
        },
      })
      const connect = async (name: string) => {
        const child = Bun.spawn(
          [
            ...['psql', '-X', '-A', '-t', '-w', 'options=-csluice.login=corp dbname=postgres'],
            ...['-c', 'SELECT 7'],
          ],
          {
            env: { ...world.env, PGPASSWORD: '' },
            ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
          },
        )
        let said = ''
        const decoder = new TextDecoder()
        const reading = (async () => {
          for await (const chunk of child.stderr) said += decoder.decode(chunk, { stream: true })
        })()
        const address = /open (\S+) and check that it shows the code (\S+)/
        while (!address.test(said) && child.exitCode === null) await Bun.sleep(10)
        const [, url = '', code = ''] = address.exec(said) ?? []
        const { asked } = await signIn(url, name, issuer.passwords.get(name) ?? '')
        expect(asked.text).toContain(code)
        const [stdout] = await Promise.all([child.stdout.text(), reading])
        return { stdout, said, code: await child.exited }
      }
      const eve = await connect('eve')
      expect(eve.said).toContain('NOTICE')
      expect(eve.stdout).toBe('7\n')
      const shown = await world.show()
      expect(shown).toContain(`eve (staff), by token of ${issuer.url}`)
      // Once a day, for programs that ask nobody: a line of a password file.
      const home = mkdtempSync(join(tmpdir(), 'sluice-home-'))
      try {
        const eves = issuer.passwords.get('eve') ?? ''
        const ran = await login(home, ['--gateway', world.gateway.api, '--db'], (url) =>
          signIn(url, 'eve', eves),
        )
        expect(ran.code, ran.err).toBe(0)
        const { port } = world.gateway.postgres
        const passfile = join(home, 'pgpass')
        const line = `127.0.0.1:${port}:*:owner@orders:${ran.out.trim()}\n`
        writeFileSync(passfile, line, { mode: 0o600 })
        const asked = await psqlOn(
          port,
          { user: 'owner@orders', password: '' },
          ['-d', 'postgres', '-c', 'SELECT 8'],
          { env: { PGPASSFILE: passfile } },
        )
        expect(asked.stderr).toBe('')
        expect(asked.stdout).toBe('8\n')
        expect(await world.show()).toContain(`eve (staff), by token of ${issuer.url}`)
      } finally {
        rmSync(home, { recursive: true })
      }
      const carl = await connect('carl')
      expect(carl.said).toContain('none of your groups may connect here')
      expect(carl.stdout).toBe('')
      const other = await psqlOn(
        world.gateway.postgres.port,
        { user: 'owner@orders', password: '' },
        [...['-d', 'options=-csluice.login=elsewhere dbname=postgres', '-c', 'SELECT 1']],
      )
      expect(other.stderr).toContain('no such provider: there is corp')
    } finally {
      issuer.stop()
    }
  },
  60_000,
)
