/**
 * Access for a time and access that is taken away, with a real ssh and a real sshd: asked for, approved, used, ended, revoked,
 * reviewed; what was given before a crash is given after it, and what was taken away is not back.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { openDocument } from '../../storage/evidence/document.ts'
import { openReader } from '../../storage/store/reader.ts'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { holdOpen } from '../fixture/held-open.ts'
import type { Ran } from '../fixture/ran.ts'
import { ssh, ssh_keygen, sshd, testSlow, testWith, worker_counts } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen]
const secret = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')

const policy = `
@id("with-grant") @approval("leads")
permit (principal, action == Action::"connect", resource)
when { context has grant && context.grant.minutes <= 120 };
@id("glass") @break_glass
permit (principal in Group::"staff", action == Action::"connect", resource);
@id("run")
permit (principal, action in [Action::"exec", Action::"shell"], resource);
@id("approve")
permit (principal, action == Action::"approve", resource) when { context.roles.contains("approver") };
`

type Json = Readonly<Record<string, unknown>>

for (const workers of worker_counts)
  describe(`with ${workers === 1 ? 'one process' : 'workers'}`, () => {
    let guarded: Guarded
    beforeAll(async () => {
      guarded = await openGuarded({
        sections: { policy: { files: ['./policy.cedar'] } },
        files: { 'policy.cedar': policy },
        arguments: workers === 1 ? [] : ['--workers', String(workers)],
      })
      await guarded.trust()
    }, 60_000)
    afterAll(async () => {
      await guarded[Symbol.asyncDispose]()
    }, 30_000)

    const cli = (...words: string[]): Promise<Ran> =>
      sluice([...words, '--data', guarded.data, '--url', guarded.gateway.api])
    /** As ann, who has the key; the gateway's own tokens name no group of hers. */
    const ask = async (...words: string[]): Promise<string> => {
      const ran = await cli('request', '--target', 'web-1', '--as', 'ann', '--json', ...words)
      if (ran.code !== 0) throw new Error(ran.stderr)
      return String((JSON.parse(ran.stdout) as Json)['id'])
    }
    const approve = (id: string, as = 'bob', ...words: string[]): Promise<Ran> =>
      cli('approve', id, '--as', as, '--group', 'leads', ...words)
    const given = async (...words: string[]): Promise<string> => {
      const id = await ask('--for', '1h', '--reason', 'ticket 7', ...words)
      const ran = await approve(id)
      if (ran.code !== 0) throw new Error(ran.stderr)
      return id
    }
    const newest = async (): Promise<string> => (await guarded.sessions())[0]?.id ?? ''
    const endOf = (id: string): Promise<string> =>
      until('an end', async () => (await guarded.look()).find((each) => each.id === id)?.end_reason)
    /** Grants of earlier tests are none of this one's. */
    const clear = async (): Promise<void> => {
      const { stdout } = await cli('grants', '--as', 'bob', '--json')
      for (const { id, state } of JSON.parse(stdout) as { id: string; state: string }[])
        if (state === 'given') await cli('revoke', id, '--as', 'bob')
    }
    const documents = async (type: string): Promise<readonly Json[]> => {
      const reader = openReader(guarded.data)
      try {
        return (await reader.documents(type)).map(({ bytes }): Json => ({ ...openDocument(bytes) }))
      } finally {
        reader.close()
      }
    }

    testWith(
      needs,
      'a target that wants a grant is reached with one, once it is approved',
      async () => {
        const refused = await guarded.run('true')
        expect(refused).toMatchObject({
          code: 126,
          stderr: expect.stringContaining(
            'this target needs a grant: sluice request --target web-1 --for 1h --reason TEXT',
          ),
        })
        const asked = await cli(
          ...['request', '--target', 'web-1', '--for', '1h', '--as', 'ann'],
          ...['--reason', `ticket 7 ${secret}`],
        )
        expect(asked.stdout).toMatch(/^g\w+: needs an approval by leads\n$/)
        const id = asked.stdout.slice(0, asked.stdout.indexOf(':'))
        expect((await guarded.run('true')).code).toBe(126)
        const { stdout } = await cli('requests', '--as', 'bob', '--json')
        expect(JSON.parse(stdout)).toMatchObject([
          {
            id,
            subject: 'ann',
            target: 'web-1',
            command: `a grant of 60 min: ticket 7 ${'*'.repeat(secret.length)}`,
          },
        ])
        expect((await approve(id, 'ann')).stderr).toContain('somebody else than who made it')
        expect((await cli('approve', id, '--as', 'bob')).stderr).toContain('members of leads')
        expect((await approve(id)).code).toBe(0)
        expect((await approve(id, 'eve')).stderr).toContain(`no request ${id} waits`)
        expect(await guarded.run('echo in')).toMatchObject({ code: 0, stdout: 'in\n' })
        const session = await newest()
        const found = (await guarded.records(session)).map(({ header }) => header)
        const at = found.findIndex(({ kind }) => kind === 'grant')
        expect(found.slice(at, at + 2)).toMatchObject([
          {
            kind: 'grant',
            grant: id,
            by: [{ subject: 'bob', issuer: '' }],
            break_glass: false,
            reason: `ticket 7 ${'*'.repeat(secret.length)}`,
          },
          { kind: 'verdict', asked: 'connect', allowed: true, rule: 'with-grant' },
        ])
        const grant = found[at]
        if (grant?.kind !== 'grant') throw new Error('no grant on record')
        expect(grant.ends_us - grant.starts_us).toBe(3_600_000_000)
        // The log has who asked and who decided, by which credential, under which policy.
        expect(await documents('grant.requested')).toMatchObject([
          {
            by: { subject: 'ann', credential: expect.stringMatching(/./) },
            request: { id, digest: grant.digest, policy_hash: grant.policy_hash },
          },
        ])
        expect(await documents('grant.decided')).toMatchObject([
          {
            by: { subject: 'bob', credential: expect.stringMatching(/./) },
            ...{ grant: id, digest: grant.digest, decision: 'approve' },
            ...{ starts_us: grant.starts_us, ends_us: grant.ends_us },
          },
        ])
        expect((await documents('grant.refused')).map((each) => each['reason'])).toContain('own')
      },
    )

    testWith(needs, 'a grant that is revoked ends its session, whose user is told', async () => {
      await clear()
      const id = await given()
      await using open = await holdOpen(guarded)
      const session = await newest()
      expect(await open.echo('one')).toBe('one\n')
      expect(await cli('revoke', id, '--as', 'bob', '--reason', 'done')).toMatchObject({ code: 0 })
      const { code, stderr } = await open.ended
      expect(code).toBe(255)
      expect(stderr).toContain(`sluice: grant ${id} was revoked, and this session with it`)
      expect(await endOf(session)).toBe('revoked')
      expect((await guarded.run('true')).stderr).toContain('needs a grant')
    })

    testWith(needs, 'what a grant is for is all that it lets its session do', async () => {
      await clear()
      await given('--scope', 'exec')
      expect((await guarded.run('echo in')).stdout).toBe('in\n')
      const child = Bun.spawn([...guarded.ssh(), '-tt'], {
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const [text, code] = await Promise.all([child.stderr.text(), child.exited])
      expect([code, text]).toEqual([126, expect.stringContaining('not for an interactive shell')])
    })

    testWith(
      needs,
      'what policy does not give with a grant either cannot be asked for',
      async () => {
        const too_long = await cli(
          ...['request', '--target', 'web-1', '--for', '3h', '--reason', 'x', '--as', 'ann'],
        )
        expect(too_long).toMatchObject({
          code: 1,
          stderr: expect.stringContaining(
            'policy does not let you in there with such a grant either',
          ),
        })
        const nowhere = await cli(
          ...['request', '--target', 'web-9', '--for', '1h', '--reason', 'x', '--as', 'ann'],
        )
        expect(nowhere).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('no target "web-9"'),
        })
        const no_reason = await cli(
          ...['request', '--target', 'web-1', '--for', '1h', '--reason', ' ', '--as', 'ann'],
        )
        expect(no_reason.stderr).toContain('a grant needs a reason')
      },
    )

    testWith(
      needs,
      'what was asked for, given, and taken away is so after a crash',
      async () => {
        await clear()
        const waits = await ask('--for', '30m', '--reason', 'later')
        const id = await given()
        expect((await cli('revoke', '--subject', 'mallory', '--as', 'root')).code).toBe(0)
        const before = JSON.parse((await cli('grants', '--as', 'bob', '--json')).stdout) as Json[]
        await guarded.gateway.kill9()
        await guarded.restart()
        expect((await guarded.run('echo in')).stdout).toBe('in\n')
        const after = JSON.parse((await cli('grants', '--as', 'bob', '--json')).stdout) as Json[]
        expect(after.find((each) => each['id'] === id)).toEqual(
          before.find((each) => each['id'] === id) ?? {},
        )
        expect((await cli('revoke', id, '--as', 'bob')).code).toBe(0)
        expect((await guarded.run('true')).code).toBe(126)
        expect((await approve(waits)).code).toBe(0)
        expect((await guarded.run('true')).code).toBe(0)
        const revoked = JSON.parse((await cli('revoke', '--list', '--json')).stdout) as Json[]
        expect(revoked).toMatchObject([{ subject: 'mallory', by: { subject: 'root' } }])
        expect(await guarded.verify()).toMatchObject({ code: 0 })
      },
      240_000,
    )

    testWith(needs, 'a person, a key and a session are ended by name, and let back', async () => {
      await clear()
      const token = async (): Promise<string> =>
        (
          await sluice([...['token', '--subject', 'ann', '--role', 'user', '--data', guarded.data]])
        ).stdout.trim()
      const of_ann = await token()
      const status = async (): Promise<number> =>
        (
          await fetch(`${guarded.gateway.api}/api/grants`, {
            headers: { authorization: `Bearer ${of_ann}` },
          })
        ).status
      expect(await status()).toBe(200)
      for (const by of ['--subject', '--credential'] as const) {
        await given()
        await using open = await holdOpen(guarded)
        const id = await newest()
        const name =
          by === '--subject'
            ? 'ann'
            : `SHA256:${new Bun.CryptoHasher('sha256').update(guarded.client.blob).digest('base64').replace(/=+$/, '')}`
        const ran = await cli('revoke', by, name, '--as', 'root', '--reason', 'left', '--json')
        expect(ran.code).toBe(0)
        const { stderr } = await open.ended
        expect(stderr).toContain('sluice: your access was revoked')
        expect(await endOf(id)).toBe('revoked')
        expect((await guarded.run('true')).stderr).toContain('your access was revoked')
        expect(await status()).toBe(by === '--subject' ? 401 : 200)
        const revocation = String((JSON.parse(ran.stdout) as Json)['id'])
        expect((await cli('revoke', '--lift', revocation, '--as', 'root')).code).toBe(0)
        // A grant does not outlive the identity, and is not back with it.
        expect((await guarded.run('true')).code).toBe(by === '--subject' ? 126 : 0)
        expect(await status()).toBe(200)
      }
      await using one = await holdOpen(guarded)
      const id = await newest()
      await using other = await holdOpen(guarded)
      expect((await cli('revoke', id, '--as', 'root')).code).toBe(0)
      expect((await one.ended).stderr).toContain('this session was ended by the administrator')
      expect(await endOf(id)).toBe('revoked')
      expect(await other.echo('still here')).toBe('still here\n')
      expect((await cli('revoke', id, '--as', 'root')).stderr).toContain('no such session runs')
    })

    testWith(
      needs,
      'break-glass needs nobody, is loud, and is reviewed by somebody else',
      async () => {
        await clear()
        const ran = await cli(
          ...['request', '--break-glass', '--target', 'web-1', '--for', '30m', '--as', 'ann'],
          ...['--reason', 'all is down'],
        )
        expect(ran.stdout).toMatch(/^g\w+: taken; it is reviewed/)
        const id = ran.stdout.slice(0, ran.stdout.indexOf(':'))
        const used = await guarded.run('echo in')
        expect(used.stdout).toBe('in\n')
        expect(used.stderr).toContain(`sluice: BREAK-GLASS by ${id}, until `)
        const log = guarded.gateway.stderr()
        expect(log).toMatch(new RegExp(`"level":"warn","event":"break_glass",.*"${id}"`))
        expect(log).toMatch(new RegExp(`"level":"warn","event":"break_glass_session",.*"${id}"`))
        const verdict = (await guarded.records(await newest())).map(({ header }) => header)
        expect(verdict.find(({ kind }) => kind === 'grant')).toMatchObject({
          break_glass: true,
          by: [],
        })
        // Who is not of those whom the policy names has none.
        const eve = await cli(
          ...['request', '--break-glass', '--target', 'web-1', '--for', '30m', '--as', 'eve'],
          ...['--reason', 'me too'],
        )
        expect(eve).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('no policy lets you break the glass'),
        })
        expect((await cli('review', '--as', 'bob')).stdout).toContain(id)
        expect((await cli('review', id, '--as', 'ann')).stderr).toContain('by somebody else')
        expect((await cli('review', id, '--as', 'bob', '--comment', 'it was')).code).toBe(0)
        expect((await cli('review', '--as', 'bob')).stderr).toContain('nothing to review')
        expect(await documents('grant.reviewed')).toMatchObject([
          { by: { subject: 'bob' }, grant: id, comment: 'it was' },
        ])
      },
    )

    testSlow(
      needs,
      'a session ends with its grant, with a warning before',
      async () => {
        await clear()
        const id = await ask('--for', '1m', '--reason', 'a minute')
        await approve(id)
        await using open = await holdOpen(guarded)
        const session = await newest()
        await until('a warning', () => /grant \w+ ends in \d+ s, and this/.test(open.seen()))
        expect(await open.echo('still here')).toBe('still here\n')
        const { code, stderr } = await open.ended
        expect(code).toBe(255)
        expect(stderr).toContain(`sluice: grant ${id} has ended, and this session with it`)
        expect(await endOf(session)).toBe('expired')
        expect((await guarded.run('true')).stderr).toContain('needs a grant')
      },
      150_000,
    )
  })
