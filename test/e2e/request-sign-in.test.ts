/**
 * Somebody on their own machine, where no key of the gateway lies, asks for a grant: they sign in at a real OpenID provider, and
 * connect with the real ssh once a colleague has given it.
 */
import { afterAll, beforeAll, expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Issuer, startIssuer } from '../../proxy/trial/issuer.ts'
import { approvalsOf } from '../fixture/approvals.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { documentsIn } from '../fixture/identity.ts'
import { type Login, login, signedInVerb } from '../fixture/login.ts'
import { freePort } from '../fixture/net.ts'
import { describeSlow, ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { signIn } from '../fixture/sign-in.ts'
import { runSsh } from '../fixture/ssh.ts'

const needs = [ssh, sshd, ssh_keygen]
const policy = `
@id("by-grant") @approval("leads") permit (principal, action == Action::"connect", resource) when { context has grant };
@id("all") permit (principal, action in [Action::"exec", Action::"shell"], resource);
@id("approve") permit (principal, action == Action::"approve", resource) when { context.roles.contains("approver") };
`

describeSlow('who has no key of the gateway', () => {
  let guarded: Guarded
  let issuer: Issuer
  const home = mkdtempSync(join(tmpdir(), 'sluice-home-'))
  beforeAll(async () => {
    issuer = await startIssuer({
      people: ['eve', 'zoe'].map((name) => ({ name, groups: ['staff', 'leads'] })),
      client_id: 'sluice',
    })
    const api = `127.0.0.1:${await freePort()}`
    const corp = { name: 'corp', issuer: issuer.url, client_id: 'sluice', scopes: ['groups'] }
    guarded = await openGuarded({
      sections: {
        gateway: { name: 'edge-1', public_url: `http://${api}` },
        listen: { ssh: '127.0.0.1:0', api },
        identity: { oidc: [{ ...corp, roles: { user: ['staff'], approver: ['leads'] } }] },
        policy: { files: ['./policy.cedar'] },
      },
      files: { 'policy.cedar': policy },
    })
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    issuer.stop()
    rmSync(home, { recursive: true })
  }, 30_000)
  const visit = (url: string, name = 'eve') => signIn(url, name, issuer.passwords.get(name) ?? '')
  let asked_to_sign_in = 0
  const verbAs = (name: string, ...words: string[]): Promise<Login> =>
    signedInVerb(
      home,
      words,
      (url) => {
        asked_to_sign_in += 1
        return visit(url, name)
      },
      { SLUICE_GATEWAY: guarded.gateway.api },
    )
  const verb = (...words: string[]): Promise<Login> => verbAs('eve', ...words)
  const run = () =>
    runSsh({
      port: guarded.gateway.ssh.port,
      login: `${guarded.target.account}@web-1`,
      identities: [join(home, '.ssh/sluice/id_ed25519')],
      options: ['-o', `CertificateFile=${join(home, '.ssh/sluice/id_ed25519-cert.pub')}`],
      command: 'echo in',
    })

  testWith(
    needs,
    'asks for a grant with a sign-in, which decides about nothing',
    async () => {
      const signed_in = await login(home, ['--gateway', guarded.gateway.api], (url) => visit(url))
      expect(signed_in.code).toBe(0)
      // In the ssh_config too, where it says what is missing.
      expect(signed_in.err).toContain('targets: web-1')
      expect((await run()).stderr).toContain('this target needs a grant: sluice request')
      const made = await verb('request', '--target', 'web-1', '--for', '5m', '--reason', 'ticket 7')
      expect(made.code, made.err).toBe(0)
      const [, id = ''] = /^(g\w{11}): needs an approval by leads\n/.exec(made.out) ?? []
      expect(id).not.toBe('')
      expect(await documentsIn(guarded.data, 'grant.requested')).toMatchObject([
        { request: { issuer: issuer.url, subject: 'eve', groups: ['staff', 'leads'] } },
      ])
      const listed = await verb('requests')
      expect(listed.out).toContain(id)
      // A code can be phished: what it gives is no approver's, whatever groups they have.
      asked_to_sign_in = 0
      expect((await verb('approve', id)).err).toContain('by somebody else than who made it')
      // One sign-in is for all that a verb asks.
      expect(asked_to_sign_in).toBe(1)
      const other = await verbAs('zoe', 'approve', id)
      expect([other.code, other.out]).toEqual([1, ''])
      expect(other.err).toContain(`no request ${id} waits`)
      const { cli } = approvalsOf(() => guarded)
      expect(await cli('approve', id, '--as', 'max', '--group', 'leads')).toMatchObject({ code: 0 })
      const inside = await run()
      expect([inside.code, inside.stdout.toString()]).toEqual([0, 'in\n'])
    },
    120_000,
  )
})
