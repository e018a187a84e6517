/**
 * A provider that is asked again whether people whom it has signed in still may: a real OpenID provider with refresh tokens, a
 * real ssh and a real sshd. Who is gone there, or in fewer groups, loses sessions, certificates and pages; nobody else does, and
 * a provider that does not answer ends nothing before its grace is over.
 */
import { describe, expect } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Issuer, startIssuer } from '../../proxy/trial/issuer.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { holdOpen } from '../fixture/held-open.ts'
import { documentsIn } from '../fixture/identity.ts'
import { login } from '../fixture/login.ts'
import { freePort } from '../fixture/net.ts'
import { ssh, ssh_keygen, sshd, testSlow, worker_counts } from '../fixture/require.ts'
import { createVisitor, signIn } from '../fixture/sign-in.ts'
import { until } from '../fixture/until.ts'
import { openSignedIn } from './signed-in.ts'
import type { Terminal } from './terminal.ts'

const needs = [ssh, sshd, ssh_keygen]
const people = ['ann', 'eve', 'max', 'zoe'].map((name) => ({ name, groups: ['staff', name] }))
const client_id = 'sluice'

interface World extends AsyncDisposable {
  readonly guarded: Guarded
  readonly issuer: Issuer
  /** Whatever opens something at the provider. */
  readonly tokens: readonly string[]
  /** Somebody in a session, signed in by a device code. */
  open(name: string): Promise<Terminal>
  endOf(subject: string): Promise<string | undefined>
}

async function openWorld(workers: number, settings: object): Promise<World> {
  await using started = new AsyncDisposableStack()
  const tokens: string[] = []
  const issuer = await startIssuer({ people, client_id, refreshed: (token) => tokens.push(token) })
  started.defer(() => issuer.stop())
  const api = `127.0.0.1:${await freePort()}`
  const corp = { name: 'corp', issuer: issuer.url, client_id, scopes: ['groups'], ...settings }
  const guarded = started.use(
    await openGuarded({
      sections: {
        gateway: { name: 'edge-1', public_url: `http://${api}` },
        listen: { ssh: '127.0.0.1:0', api },
        identity: { oidc: [corp] },
      },
      arguments: workers === 1 ? [] : ['--workers', String(workers)],
    }),
  )
  await guarded.trust()
  const stack = started.move()
  return {
    ...{ guarded, issuer, tokens },
    open: (name) => openSignedIn(guarded, issuer, name),
    endOf: async (subject) =>
      (await guarded.sessions()).find((each) => each.subject === subject)?.end_reason,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function expectAlive(terminal: Terminal, word: string): Promise<void> {
  terminal.type(`${word}\r`)
  await terminal.until(new RegExp(`${word}[^]*${word}`))
}

for (const workers of worker_counts)
  describe(`with ${workers === 1 ? 'one process' : 'workers'}`, () => {
    testSlow(
      needs,
      'who is gone, or in fewer groups, is out; who is still somebody is not',
      async () => {
        await using world = await openWorld(workers, { recheck_s: 1 })
        const { guarded, issuer, tokens } = world
        await using of_ann = await world.open('ann')
        await using of_eve = await world.open('eve')
        await using of_max = await world.open('max')
        // Each is asked about again and again, and its token is a new one each time.
        const signed_in = tokens.length
        await until('two more rounds', () => tokens.length >= signed_in + 6 || undefined)
        issuer.change('eve', ['staff'])
        await of_eve.until(/sluice: your groups at corp are not what they were: connect again/)
        issuer.change('max', undefined)
        await of_max.until(/sluice: corp says that your sign-in is over: connect again/)
        for (const subject of ['eve', 'max'])
          expect(await until('an end', () => world.endOf(subject))).toBe('revoked')
        // More groups are no reason.
        issuer.change('ann', ['staff', 'ann', 'more'])
        const asked = tokens.length
        await until('two more rounds', () => tokens.length >= asked + 2 || undefined)
        await expectAlive(of_ann, 'here')
        expect(await world.endOf('ann')).toBeUndefined()
        const documents = await documentsIn(guarded.data, 'access.revoked')
        expect(documents).toMatchObject([
          { reason: 'asked again: groups', by: { subject: 'corp', issuer: issuer.url } },
          { reason: 'asked again: refused', by: { subject: 'corp', issuer: issuer.url } },
        ])
        // Eve signs in anew, with the groups that she has now.
        await using again = await world.open('eve')
        await expectAlive(again, 'again')
        for (const token of tokens) expect(guarded.gateway.stderr()).not.toContain(token)
        const list = join(guarded.dir, 'tokens')
        writeFileSync(list, tokens.join('\n'))
        const found = await Bun.$`grep -raF -f ${list} ${guarded.data}`.nothrow().quiet()
        expect({ code: found.exitCode, bytes: found.stdout.length }).toEqual({ code: 1, bytes: 0 })
        expect(await guarded.verify()).toMatchObject({ code: 0 })
      },
      120_000,
    )

    testSlow(
      needs,
      'a provider that does not answer ends sessions when its grace is over, and not before',
      async () => {
        await using world = await openWorld(workers, { recheck_s: 1, recheck_grace_s: 6 })
        const { guarded, issuer } = world
        await using of_zoe = await world.open('zoe')
        issuer.stop()
        await until(
          'no answer',
          () => guarded.gateway.stderr().includes('recheck_unanswered') || undefined,
        )
        await expectAlive(of_zoe, 'here')
        expect(await world.endOf('zoe')).toBeUndefined()
        await of_zoe.until(/sluice: corp has not said for too long that you still may/)
        expect(await until('an end', () => world.endOf('zoe'))).toBe('revoked')
        expect(await documentsIn(guarded.data, 'access.revoked')).toMatchObject([
          { reason: 'asked again: unanswered' },
        ])
      },
      120_000,
    )
  })

testSlow(
  needs,
  'what was made out of a sign-in ends with it: a certificate, its session, a page',
  async () => {
    await using world = await openWorld(1, { recheck_s: 1 })
    const { guarded, issuer } = world
    const home = mkdtempSync(join(tmpdir(), 'sluice-home-'))
    using _ = { [Symbol.dispose]: () => rmSync(home, { recursive: true }) }
    const password = issuer.passwords.get('eve') ?? ''
    const { api } = guarded.gateway
    const ran = await login(home, ['--gateway', api, '--no-include'], (url) =>
      signIn(url, 'eve', password),
    )
    expect(ran.code, ran.err).toBe(0)
    const visitor = createVisitor()
    const page = await visitor.open(`${api}/login?to=/approvals`)
    const landed = await visitor.send(page, { name: 'eve', password })
    expect(landed).toMatchObject({ status: 200, url: `${api}/approvals` })

    const folder = join(home, '.ssh/sluice')
    const [key = ''] = [...new Bun.Glob('*-cert.pub').scanSync(folder)]
    const options = ['-o', `CertificateFile=${join(folder, key)}`]
    const of_certificate = { key: join(folder, key.replace('-cert.pub', '')), options }
    await using held = await holdOpen(guarded, of_certificate)
    expect(await held.echo('here')).toBe('here\n')
    // No session of the device's own is there, and the sign-in is asked about all the same.
    issuer.change('eve', undefined)
    const { code, stderr } = await held.ended
    expect(code).toBe(255)
    expect(stderr).toContain('sluice: corp says that your sign-in is over: connect again')
    const refused = await holdOpen(guarded, of_certificate).catch(String)
    expect(refused).toContain('your sign-in is over')
    await until('the page asks for a sign-in', async () => {
      const { url } = await visitor.open(`${api}/approvals`)
      return url.startsWith(issuer.url) || url.includes('/login') || undefined
    })
  },
  120_000,
)
