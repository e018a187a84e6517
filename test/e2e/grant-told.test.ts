/**
 * Who asks for a grant is seen as one who waits for a command: who watches the list wakes, a chat is told, its link opens the
 * request once, and what became of it is told too; after a crash the chat has a link that is good again.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { grant_requests_hour_max } from '../../proxy/policy/access/limits.ts'
import { approvalsOf } from '../fixture/approvals.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { freePort } from '../fixture/net.ts'
import { ssh, ssh_keygen, sshd, testSlow, testWith, worker_counts } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen]
const policy = `
@id("with-grant") @approval @quorum("2") @expires("10m")
permit (principal, action == Action::"connect", resource) when { context has grant };
@id("short") @approval @expires("10s")
permit (principal == User::"max", action == Action::"connect", resource) when { context has grant };
@id("run") permit (principal, action in [Action::"exec", Action::"shell"], resource);
@id("approve")
permit (principal, action == Action::"approve", resource) when { context.roles.contains("approver") };
`

for (const workers of worker_counts)
  describe(`with ${workers === 1 ? 'one process' : 'workers'}`, () => {
    let guarded: Guarded
    let chat: Bun.Server<undefined>
    const told: string[] = []
    const { cli, post, token, watch } = approvalsOf(() => guarded)
    beforeAll(async () => {
      chat = Bun.serve({
        ...{ hostname: '127.0.0.1', port: 0 },
        fetch: async (request) => {
          told.push(await request.text())
          return new Response('ok')
        },
      })
      const port = await freePort()
      guarded = await openGuarded({
        sections: {
          gateway: { name: 'edge-1', public_url: `http://127.0.0.1:${port}` },
          listen: { ssh: '127.0.0.1:0', api: `127.0.0.1:${port}` },
          policy: {
            files: ['./policy.cedar'],
            approvals: { webhooks: [{ name: 'chat', url_file: './chat-url' }] },
          },
        },
        files: { 'policy.cedar': policy, 'chat-url': `http://127.0.0.1:${chat.port}/x\n` },
        arguments: workers === 1 ? [] : ['--workers', String(workers)],
      })
    }, 90_000)
    afterAll(async () => {
      await guarded[Symbol.asyncDispose]()
      await chat.stop(true)
    }, 30_000)

    const ask = async (subject: string): Promise<string> => {
      const asked = await post('/api/requests', await token(subject, 'user'), {
        ...{ target: 'web-1', minutes: 5, reason: 'ticket 7' },
      })
      expect(asked.status).toBe(200)
      return ((await asked.json()) as { readonly id: string }).id
    }
    const decide = async (id: string, decision: string, as: string): Promise<number> => {
      const found = (await watch()).requests.find((each) => each.id === id)
      const body = { digest: found?.digest }
      return (await post(`/api/requests/${id}/${decision}`, await token(as, 'approver'), body))
        .status
    }
    const messages = (id: string): readonly string[] => told.filter((each) => each.includes(id))
    const linkOf = (message: string): string =>
      new URL(/"url":"([^"]+)"/.exec(message)?.[1] ?? '').searchParams.get('link') ?? ''
    const open = async (link: string, as: string): Promise<number> =>
      (await post('/api/requests/link', await token(as, 'approver'), { link })).status

    testWith(needs, 'who watches wakes, and the chat has a link that is good once', async () => {
      const { version } = await watch()
      const news = watch(version)
      const id = await ask('ann')
      expect((await news).requests.map((each) => each.id)).toContain(id)
      // Not for that the time was up: nothing else has changed.
      expect((await news).version).not.toBe(version)
      const message = await until('a message', () => messages(id)[0])
      expect(message).toContain('ann asks for a grant for web-1')
      expect(message).toContain('a grant of 5 min: ticket 7')
      const link = linkOf(message)
      expect(await open(link, 'ann')).toBe(403)
      expect(await open(link, 'bob')).toBe(200)
      expect(await open(link, 'bob')).toBe(410)

      const before = (await watch()).version
      const half = watch(before)
      // Who made it is nobody else by another case, and one approver is not two.
      for (const own of ['ann', 'ANN', '\uff41nn'])
        expect(await decide(id, 'approve', own)).toBe(403)
      expect(await decide(id, 'approve', 'bob')).toBe(200)
      for (const again of ['bob', 'Bob']) expect(await decide(id, 'approve', again)).toBe(409)
      expect((await half).version).not.toBe(before)
      expect(await decide(id, 'approve', 'eve')).toBe(200)
      await until('its end', () =>
        messages(id).find((each) =>
          each.includes(`Request ${id} of ann on web-1: approved by bob, eve`),
        ),
      )
      expect((await watch()).ended.find((each) => each.id === id)).toMatchObject({
        outcome: 'approved',
      })
    })

    testSlow(needs, 'it is told that it was denied, given up, or that nobody decided', async () => {
      const denied = await ask('ann')
      expect(await decide(denied, 'deny', 'bob')).toBe(200)
      const cancelled = await ask('ann')
      expect((await cli('cancel', cancelled, '--as', 'ann')).code).toBe(0)
      const expired = await ask('max')
      for (const [id, outcome] of [
        [denied, 'denied by bob'],
        [cancelled, 'cancelled'],
        [expired, 'expired'],
      ] as const)
        await until(outcome, () => messages(id).find((each) => each.includes(`: ${outcome}`)))
    })

    testWith(needs, 'who asks and gives up again and again is told to wait', async () => {
      const zoe = await token('zoe', 'user')
      const body = { target: 'web-1', minutes: 5, reason: 'again' }
      const statuses: number[] = []
      for (let asked = 0; asked < grant_requests_hour_max + 1; asked++) {
        const answer = await post('/api/requests', zoe, body)
        statuses.push(answer.status)
        const { id } = (await answer.json()) as { readonly id: string }
        if (answer.status === 200) await post(`/api/requests/${id}/cancel`, zoe, {})
      }
      expect(statuses.filter((status) => status === 200)).toHaveLength(grant_requests_hour_max)
      expect(statuses.at(-1)).toBe(429)
      // Nobody else is.
      expect((await post('/api/requests', await token('lea', 'user'), body)).status).toBe(200)
    })

    testWith(
      needs,
      'after a crash what waits is told again, with a link that is good',
      async () => {
        const id = await ask('ann')
        const old = linkOf((await until('a message', () => messages(id)[0])) ?? '')
        await guarded.gateway.kill9()
        await guarded.restart()
        const again = await until('a message again', () => messages(id)[1])
        expect(await open(old, 'bob')).toBe(403)
        expect(await open(linkOf(again), 'bob')).toBe(200)
      },
    )
  })
