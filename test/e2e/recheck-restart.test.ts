/**
 * What a gateway made out of a sign-in before it was started anew: its provider is asked about that again, with a real OpenID
 * provider whose refresh tokens are good once, a real ssh and a real sshd. What cannot be read is over for everybody.
 */
import { afterAll, beforeAll, expect } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Issuer, startIssuer } from '../../proxy/trial/issuer.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { documentsIn } from '../fixture/identity.ts'
import { login } from '../fixture/login.ts'
import { freePort } from '../fixture/net.ts'
import { describeSlow, ssh, ssh_keygen, sshd, testSlow, testWith } from '../fixture/require.ts'
import { signIn } from '../fixture/sign-in.ts'
import { runSsh } from '../fixture/ssh.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen]
const people = ['ann', 'eve', 'max'].map((name) => ({ name, groups: ['staff', name] }))
const client_id = 'sluice'
const is_in = { code: 0, text: expect.stringContaining('in\n') }

describeSlow('after a restart', () => {
  let guarded: Guarded
  let issuer: Issuer
  const tokens: string[] = []
  const homes = mkdtempSync(join(tmpdir(), 'sluice-homes-'))
  const folder = (): string => join(guarded.data, 'sign-ins')

  const signInAs = async (name: string): Promise<void> => {
    const words = ['--gateway', guarded.gateway.api, '--no-include', '--dir', join(homes, name)]
    const ran = await login(homes, words, (url) =>
      signIn(url, name, issuer.passwords.get(name) ?? ''),
    )
    expect(ran.code, ran.err).toBe(0)
  }
  const run = async (name: string): Promise<{ readonly code: number; readonly text: string }> => {
    const { code, stdout, stderr } = await runSsh({
      port: guarded.gateway.ssh.port,
      login: `${guarded.target.account}@web-1`,
      identities: [join(homes, name, 'id_ed25519')],
      options: ['-o', `CertificateFile=${join(homes, name, 'id_ed25519-cert.pub')}`],
      command: 'echo in',
    })
    return { code, text: stdout.toString() + stderr }
  }
  const restart = async (): Promise<void> => {
    await guarded.gateway.stop()
    await guarded.restart()
  }

  beforeAll(async () => {
    issuer = await startIssuer({ people, client_id, refreshed: (token) => tokens.push(token) })
    const api = `127.0.0.1:${await freePort()}`
    const corp = { name: 'corp', issuer: issuer.url, client_id, scopes: ['groups'], recheck_s: 1 }
    guarded = await openGuarded({
      sections: {
        gateway: { name: 'edge-1', public_url: `http://${api}` },
        listen: { ssh: '127.0.0.1:0', api },
        identity: { oidc: [corp] },
      },
    })
    await guarded.trust()
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    issuer.stop()
    rmSync(homes, { recursive: true })
  }, 30_000)

  testWith(
    needs,
    'the provider is asked about certificates of before, and who is gone is out',
    async () => {
      await signInAs('ann')
      await signInAs('eve')
      expect(await run('eve')).toMatchObject(is_in)
      const files = readdirSync(folder())
      expect(files).toHaveLength(2)
      for (const file of files) expect(statSync(join(folder(), file)).mode & 0o777).toBe(0o600)
      await guarded.gateway.stop()
      issuer.change('eve', undefined)
      const asked = tokens.length
      await guarded.restart()
      const refused = await until('eve is out', async () => {
        const ran = await run('eve')
        return ran.code === 0 ? undefined : ran
      })
      expect(refused.text).toContain('corp says that your sign-in is over')
      // A refresh token that is shown twice ends its sign-in: each start has the newest.
      await until('two rounds', () => tokens.length >= asked + 2 || undefined)
      expect(await run('ann')).toMatchObject(is_in)
      await restart()
      const again = tokens.length
      await until('two rounds', () => tokens.length >= again + 2 || undefined)
      expect(await run('ann')).toMatchObject(is_in)
      expect(readdirSync(folder())).toHaveLength(1)
      expect(await documentsIn(guarded.data, 'access.revoked')).toMatchObject([
        { reason: 'asked again: refused', by: { subject: 'corp' } },
      ])
      const list = join(homes, 'tokens')
      writeFileSync(list, tokens.join('\n'))
      const found = await Bun.$`grep -raF -f ${list} ${guarded.data}`.nothrow().quiet()
      expect({ code: found.exitCode, bytes: found.stdout.length }).toEqual({ code: 1, bytes: 0 })
    },
    120_000,
  )

  testSlow(
    needs,
    'what nobody can be asked about is over: a file that was cut, or whose key is lost',
    async () => {
      await signInAs('max')
      expect(await run('max')).toMatchObject(is_in)
      await guarded.gateway.stop()
      const [cut = ''] = readdirSync(folder())
      truncateSync(join(folder(), cut), 20)
      await guarded.restart()
      expect(guarded.gateway.stderr()).toContain('sign_ins_lost')
      for (const name of ['ann', 'max']) {
        const { code, text } = await run(name)
        expect(code).not.toBe(0)
        expect(text).toContain('who was signed in is not known here any more: sign in again')
      }
      // From the next second on, as an ID token says when it was issued.
      await until('a new sign-in counts', async () => {
        await signInAs('max')
        return (await run('max')).code === 0 || undefined
      })
      await guarded.gateway.stop()
      rmSync(join(guarded.data, 'keys/sign_ins.key'))
      await guarded.restart()
      expect((await run('max')).text).toContain('who was signed in is not known here any more')
      expect(readdirSync(folder())).toEqual([])
      expect(await guarded.verify()).toMatchObject({ code: 0 })
    },
    120_000,
  )
})
