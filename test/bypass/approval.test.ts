/**
 * Commands that wait for a person, through a real ssh: what runs was approved by somebody else, once, for exactly
 * that; whatever else happens, nothing reaches the target.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { decodeLogEntry } from '../../storage/evidence/log-entry.ts'
import { openGathered } from '../../storage/store/gathered.ts'
import { approvalsOf, type Request } from '../fixture/approvals.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, ssh_keygen, sshd, testWith, worker_counts } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen]
const secret = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')

/** `touch` waits, and its trace says that it ran. */
const policy = `
permit (principal, action, resource) unless { context has roles && !context.roles.contains("approver") };
@id("hold") @approval @expires("20s") @reason("it leaves traces")
permit (principal, action == Action::"exec", resource) when { context.program == "touch" };
@id("short") @approval @expires("2s")
permit (principal, action == Action::"exec", resource) when { context.program == "mkdir" };
@id("two") @approval("dba") @quorum("2")
permit (principal, action == Action::"exec", resource) when { context.program == "ln" };
`

for (const workers of worker_counts)
  describe(`with ${workers === 1 ? 'one process' : 'workers'}`, () => {
    let guarded: Guarded
    let traces = ''
    beforeAll(async () => {
      guarded = await openGuarded({
        sections: { policy: { files: ['./policy.cedar'] } },
        files: { 'policy.cedar': policy },
        arguments: workers === 1 ? [] : ['--workers', String(workers)],
      })
      traces = join(guarded.dir, 'traces')
      mkdirSync(traces)
    }, 60_000)
    afterAll(async () => {
      await guarded[Symbol.asyncDispose]()
    }, 30_000)

    const at = (name: string): string => join(traces, name)
    const { cli, facts: factsOf, post, start, token: tokenOf, watch } = approvalsOf(() => guarded)
    const listed = async (): Promise<readonly Request[]> => (await watch()).requests

    testWith(
      needs,
      'it runs once approved, and its input is all there',
      async () => {
        const { child, request, ran } = await start(`touch ${at('a')}; cat`)
        void child.stdin.write('kept\n')
        await child.stdin.end()
        expect(request).toMatchObject({ subject: 'ann', command: `touch ${at('a')}; cat` })
        expect(existsSync(at('a'))).toBe(false)
        const approved = await cli('approve', request.id, '--as', 'bob')
        expect(approved).toMatchObject({
          code: 0,
          stdout: `${request.id}: approved: touch ${at('a')}; cat\n`,
        })
        const { code, stdout, stderr } = await ran
        expect([code, stdout]).toEqual([0, 'kept\n'])
        expect(stderr).toContain('sluice: this command waits by hold; it leaves traces')
        expect(stderr).toContain(
          `sluice: request ${request.id} needs an approval by any approver, within 20 s; Ctrl-C gives it up`,
        )
        expect(stderr).toContain(`sluice: request ${request.id} was approved by bob`)
        expect(existsSync(at('a'))).toBe(true)
        expect(await factsOf(request.session)).toMatchObject([
          { kind: 'verdict', asked: 'connect', allowed: true },
          { kind: 'verdict', asked: 'exec', allowed: false, rule: 'hold', risk: 'low' },
          {
            kind: 'hold',
            request: request.id,
            digest: request.digest,
            approvals: [{ group: '', quorum: 1 }],
          },
          {
            kind: 'approval',
            request: request.id,
            outcome: 'approved',
            by: [{ subject: 'bob', issuer: '' }],
          },
          { kind: 'verdict', asked: 'exec', allowed: true, rule: 'hold' },
        ])
        // Once: the same command waits again, and the old request is no more.
        expect((await cli('approve', request.id, '--as', 'bob')).stderr).toContain(
          `no request ${request.id} waits`,
        )
        expect(
          (await post(`/api/requests/${request.id}/approve`, await tokenOf('bob', 'approver'), {}))
            .status,
        ).toBe(404)
        rmSync(at('a'))
        const again = await start(`touch ${at('a')}; cat`)
        expect(again.request.digest).not.toBe(request.digest)
        again.child.kill()
        await again.ran
        expect(existsSync(at('a'))).toBe(false)
      },
      60_000,
    )

    testWith(
      needs,
      'it does not run when denied, and says why',
      async () => {
        const { request, ran } = await start(`touch ${at('b')}`)
        const denied = await cli(
          'deny',
          request.id,
          '--as',
          'bob',
          '--comment',
          `not today ${secret}`,
        )
        expect(denied.code).toBe(0)
        const { code, stderr } = await ran
        expect(code).toBe(126)
        expect(stderr).toContain(`sluice: request ${request.id} was denied by bob: not today ***`)
        expect(stderr).not.toContain(secret)
        expect(existsSync(at('b'))).toBe(false)
        const facts = await factsOf(request.session)
        expect(facts.at(-1)).toMatchObject({ kind: 'verdict', allowed: false, rule: 'hold' })
        expect(facts.at(-2)).toMatchObject({ kind: 'approval', outcome: 'denied' })
        expect(JSON.stringify(facts)).not.toContain(secret)
      },
      60_000,
    )

    testWith(
      needs,
      'it is given up by who asked, by the CLI, and by nobody else',
      async () => {
        const { request, ran } = await start(`touch ${at('l')}`)
        const others = await cli('cancel', request.id, '--as', 'bob')
        expect([others.code, others.stderr]).toEqual([
          1,
          expect.stringContaining('a request is given up by who made it alone'),
        ])
        expect((await cli('cancel', request.id, '--as', 'ann')).code).toBe(0)
        const { code, stderr } = await ran
        expect([code, stderr]).toEqual([
          130,
          expect.stringContaining(`request ${request.id} was given up`),
        ])
        expect(existsSync(at('l'))).toBe(false)
        expect((await factsOf(request.session)).at(-2)).toMatchObject({ outcome: 'cancelled' })
      },
      60_000,
    )

    testWith(
      needs,
      'who watches is told when something happens, and what became of it',
      async () => {
        const before = await watch()
        const news = watch(before.version)
        const { request, ran } = await start(`touch ${at('m')} ${secret}`)
        // The request before may have ended only now, which is news too.
        const seen =
          (await news).requests.find(({ id }) => id === request.id) ??
          (await watch()).requests.find(({ id }) => id === request.id)
        expect(seen).toMatchObject({ id: request.id, own: false, environment: {} })
        const [span] = seen?.spans ?? []
        expect(seen?.command.slice(span?.at, (span?.at ?? 0) + (span?.length ?? 0))).toMatch(
          /^\*+$/,
        )
        expect(span?.rule).toBe(seen?.masked[0] ?? 'none')
        await cli('deny', request.id, '--as', 'bob', '--comment', `no ${secret}`)
        await ran
        const [ended] = (await watch()).ended
        expect(ended).toMatchObject({ id: request.id, outcome: 'denied', by: [{ subject: 'bob' }] })
        expect(ended?.comment).toMatch(/^no \*+$/)
      },
      60_000,
    )

    testWith(
      needs,
      'it expires: 124',
      async () => {
        const { request, ran } = await start(`mkdir ${at('c')}`)
        const { code, stderr } = await ran
        expect(code).toBe(124)
        expect(stderr).toContain(`request ${request.id} expired`)
        expect(existsSync(at('c'))).toBe(false)
        expect((await factsOf(request.session)).at(-2)).toMatchObject({
          outcome: 'expired',
          by: [],
        })
      },
      60_000,
    )

    testWith(
      needs,
      'by nobody who may not',
      async () => {
        const { child, request, ran } = await start(`touch ${at('d')}`)
        const path = `/api/requests/${request.id}/approve`
        const tries: readonly (readonly [token: string, body: unknown, status: number])[] = [
          [await tokenOf('ann', 'approver'), {}, 403],
          [await tokenOf('bob', 'user'), {}, 403],
          [await tokenOf('bob', 'auditor'), {}, 403],
          [await tokenOf('bob', 'admin'), {}, 403],
          [await tokenOf('bob', 'approver'), { digest: '0'.repeat(64) }, 409],
          [await tokenOf('bob', 'approver'), { digest: 'short' }, 400],
          [await tokenOf('bob', 'approver'), { command: 'touch x' }, 400],
          [await tokenOf('bob', 'approver'), { comment: 'x'.repeat(20_000) }, 413],
          ['nonsense', {}, 401],
        ]
        for (const [token, body, status] of tries)
          expect((await post(path, token, body)).status, JSON.stringify(body).slice(0, 50)).toBe(
            status,
          )
        expect(
          (await post('/api/requests/zzzzzzzzzz/approve', await tokenOf('bob', 'approver'), {}))
            .status,
        ).toBe(404)
        expect((await listed()).map(({ id }) => id)).toContain(request.id)
        expect(existsSync(at('d'))).toBe(false)
        child.kill()
        await ran
      },
      60_000,
    )

    testWith(
      needs,
      'not when the client has gone, however soon it is approved then',
      async () => {
        const { child, request, ran } = await start(`touch ${at('e')}`)
        child.kill('SIGINT')
        await ran
        await until('the request to end', async () =>
          (await listed()).every(({ id }) => id !== request.id),
        )
        expect((await cli('approve', request.id, '--as', 'bob')).code).toBe(1)
        expect((await factsOf(request.session)).at(-2)).toMatchObject({
          kind: 'approval',
          outcome: 'cancelled',
        })
        expect(existsSync(at('e'))).toBe(false)
      },
      60_000,
    )

    testWith(
      needs,
      'not after Ctrl-C on a terminal',
      async () => {
        const { child, request, ran } = await start(`touch ${at('f')}`, '-tt')
        void child.stdin.write('\u0003')
        void child.stdin.flush()
        const { code } = await ran
        expect(code).toBe(130)
        expect(
          (await factsOf(request.session)).some(
            (fact) => fact.kind === 'approval' && fact.outcome === 'cancelled',
          ),
        ).toBe(true)
        expect(existsSync(at('f'))).toBe(false)
      },
      60_000,
    )

    testWith(
      needs,
      'not after Ctrl-C that was typed before anything was said',
      async () => {
        const child = Bun.spawn([...guarded.ssh(), '-tt', `touch ${at('k')}`], {
          ...{ stdin: Buffer.from('\u0003'), stdout: 'pipe', stderr: 'pipe' },
        })
        expect(await child.exited).toBe(130)
        expect(existsSync(at('k'))).toBe(false)
      },
      60_000,
    )

    testWith(
      needs,
      'two members of a group where two are asked for, not one twice',
      async () => {
        const { request, ran } = await start(`ln -s x ${at('g')}`)
        const approve = async (subject: string, ...groups: string[]): Promise<number> => {
          const token = await tokenOf(
            subject,
            'approver',
            ...groups.flatMap((group) => ['--group', group]),
          )
          return (
            await post(`/api/requests/${request.id}/approve`, token, { digest: request.digest })
          ).status
        }
        expect(await approve('bob')).toBe(403)
        expect(await approve('bob', 'ops')).toBe(403)
        expect(await approve('bob', 'dba')).toBe(200)
        expect(await approve('bob', 'dba')).toBe(409)
        expect((await listed()).map(({ id }) => id)).toContain(request.id)
        expect(await approve('eve', 'dba', 'ops')).toBe(200)
        expect((await ran).code).toBe(0)
        expect((await factsOf(request.session)).at(-2)).toMatchObject({
          outcome: 'approved',
          by: [{ subject: 'bob' }, { subject: 'eve' }],
        })
      },
      60_000,
    )

    testWith(
      needs,
      'who decides sees what is masked by name, and no secret',
      async () => {
        const { child, request, ran } = await start(`touch ${at('h')} ${secret}`)
        expect(request.command).not.toContain(secret)
        expect(request.masked).toHaveLength(1)
        child.kill()
        await ran
      },
      60_000,
    )

    testWith(
      needs,
      'votes are in a log that verifies, those that were refused too',
      async () => {
        await guarded.trust()
        const { request, ran } = await start(`touch ${at('j')}`)
        expect((await cli('approve', request.id, '--as', 'ann')).code).toBe(1)
        expect((await cli('approve', request.id, '--as', 'bob')).code).toBe(0)
        expect((await ran).code).toBe(0)
        // A checkpoint is signed within a second.
        await Bun.sleep(1_500)
        const verified = await guarded.verify()
        expect([verified.code, verified.stderr]).toEqual([0, ''])
        const data = openGathered(guarded.data)
        try {
          const entries = await Promise.all(
            data.parts.map(({ reader }) => reader.logEntries(0, 100)),
          )
          const types = entries.flat().map((entry) => decodeLogEntry(entry)?.type)
          expect(types).toContain('approval.decided')
          expect(types).toContain('approval.refused')
        } finally {
          data.close()
        }
      },
      60_000,
    )

    testWith(
      needs,
      'a gateway that is told to end ends, and says so to who waits',
      async () => {
        const { request, ran } = await start(`touch ${at('k')}`)
        expect(await guarded.gateway.stop()).toBe(0)
        const { code, stderr } = await ran
        expect(code).toBe(124)
        expect(stderr).toContain(`request ${request.id} expired: the gateway is being stopped`)
        expect(existsSync(at('k'))).toBe(false)
        await guarded.restart()
        expect((await factsOf(request.session)).at(-2)).toMatchObject({
          kind: 'approval',
          outcome: 'expired',
        })
      },
      90_000,
    )

    testWith(
      needs,
      'a restart approves nothing',
      async () => {
        const { request, ran } = await start(`touch ${at('i')}`)
        await guarded.gateway.kill9()
        // A worker whose gateway is gone ends as one that was told to.
        expect((await ran).code).toBe(workers === 1 ? 255 : 124)
        await guarded.restart()
        expect(await listed()).toEqual([])
        expect((await cli('approve', request.id, '--as', 'bob')).code).toBe(1)
        expect(existsSync(at('i'))).toBe(false)
        // Its session is ended within a second, and with it the request.
        const ended = await until('the end of the request', async () =>
          (await factsOf(request.session)).find(({ kind }) => kind === 'approval'),
        )
        expect(ended).toMatchObject({ request: request.id, outcome: 'expired', by: [] })
        const verified = await guarded.verify()
        expect([verified.code, verified.stderr]).toEqual([0, ''])
      },
      90_000,
    )
  })
