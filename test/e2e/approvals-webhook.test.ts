/**
 * A chat is told of a request that a real ssh waits for, and the link in it opens the request in a real browser: once,
 * for somebody else than who asked, and decides nothing. The chat is a server of this test; Slack itself cannot run here.
 */
import { afterAll, beforeAll, expect } from 'bun:test'
import { createHmac } from 'node:crypto'
import { decodeLogEntry } from '../../storage/evidence/log-entry.ts'
import { openGathered } from '../../storage/store/gathered.ts'
import { approvalsOf } from '../fixture/approvals.ts'
import { openBrowser } from '../fixture/chromium.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { freePort } from '../fixture/net.ts'
import {
  chromium,
  describeSlow,
  ssh,
  ssh_keygen,
  sshd,
  testSlow,
  worker_counts,
} from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen, chromium]
const secret = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')
const policy = `
permit (principal, action, resource) unless { context has roles && !context.roles.contains("approver") };
@id("hold") @approval @expires("10m")
permit (principal, action == Action::"exec", resource) when { context.program == "touch" };
`

interface Told {
  readonly headers: Headers
  readonly body: string
}

for (const workers of worker_counts)
  describeSlow(`a webhook, with ${workers === 1 ? 'one process' : 'workers'}`, () => {
    let guarded: Guarded
    let chat: Bun.Server<undefined>
    const told: Told[] = []
    /** Answers that the chat gives first. */
    const failures = [503, 0]
    const { facts, post, start, token } = approvalsOf(() => guarded)
    beforeAll(async () => {
      chat = Bun.serve({
        hostname: '127.0.0.1',
        port: 0,
        fetch: async (request) => {
          const status = failures.shift() ?? 200
          if (status !== 200) return new Response('', { status: status === 0 ? 500 : status })
          told.push({ headers: request.headers, body: await request.text() })
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
            approvals: {
              webhooks: [
                {
                  name: 'chat',
                  url_file: './chat-url',
                  secret_file: './chat-secret',
                },
              ],
            },
          },
        },
        files: {
          'policy.cedar': policy,
          'chat-url': `http://127.0.0.1:${chat.port}/services/T0/B0/x\n`,
          'chat-secret': 's3cret\n',
        },
        arguments: workers === 1 ? [] : ['--workers', String(workers)],
      })
    }, 90_000)
    afterAll(async () => {
      await guarded[Symbol.asyncDispose]()
      await chat.stop(true)
    }, 30_000)

    /** The message about it, once the chat has it. */
    const messageOf = (id: string): Promise<Told> =>
      until('a message', async () => told.find(({ body }) => body.includes(`Request: ${id}`)))
    const linkIn = ({ body }: Told): string => /"url":"([^"]+)"/.exec(body)?.[1] ?? ''
    const refusals = async (): Promise<string> => {
      const data = openGathered(guarded.data)
      try {
        const own = data.parts[0]?.reader
        const entries = (await own?.logEntries(0, 200)) ?? []
        return entries.map((entry) => decodeLogEntry(entry)?.type ?? '').join(' ')
      } finally {
        data.close()
      }
    }

    testSlow(
      needs,
      'is told once it answers, masked and signed, and its link leads to a decision',
      async () => {
        const { child, request, ran } = await start(`touch ${guarded.dir}/a # ${secret}`)
        const message = await messageOf(request.id)
        expect(message.body).toContain('ann asks to run a command')
        expect(message.body).not.toContain(secret)
        expect(message.body).toContain(`[${request.masked[0]}]`)
        const { headers, body } = message
        const signed = `${headers.get('webhook-id')}.${headers.get('webhook-timestamp')}.${body}`
        const mac = createHmac('sha256', 's3cret').update(signed).digest('base64')
        expect(headers.get('webhook-signature')).toBe(`v1,${mac}`)

        // A scanner of messages follows it, and nothing has happened.
        const link = linkIn(message)
        for (const method of ['GET', 'HEAD', 'GET'])
          expect((await fetch(link, { method })).status).toBe(200)
        const used = new URL(link).searchParams.get('link') ?? ''
        // Nobody without a token, not who asked, not who may not approve; none of them uses it up.
        const open = async (bearer: string, given = used): Promise<number> =>
          (await post('/api/requests/link', bearer, { link: given })).status
        expect(await open('')).toBe(401)
        expect(await open(await token('ann', 'approver'))).toBe(403)
        expect(await open(await token('joe', 'user'))).toBe(403)
        expect(await open(await token('bob', 'approver'), `${used.slice(0, -2)}xx`)).toBe(403)

        await using browser = await openBrowser()
        const page = await browser.context.newPage()
        const visit = async (): Promise<void> => {
          await page.goto(link)
          await page.getByLabel('A bearer token').fill(await token('bob', 'approver'))
          await page.getByRole('button', { name: 'Open' }).click()
        }
        await visit()
        const shown = page.locator(`#request-${request.id}.opened`)
        await shown.waitFor()
        // It opens the request, and no more; and it is gone from the address.
        expect(new URL(page.url()).search).toBe('')
        expect(child.exitCode).toBeNull()
        expect(await shown.getByRole('button', { name: 'Approve' }).isEnabled()).toBe(true)
        await visit()
        await page.getByText('this link was used already').waitFor()
        expect(await open(await token('eve', 'approver'))).toBe(410)
        await page
          .locator(`#request-${request.id}`)
          .getByRole('button', { name: 'Approve' })
          .click()
        expect((await ran).code).toBe(0)
        expect((await facts(request.session)).at(-2)).toMatchObject({ outcome: 'approved' })
        await until('its end', async () =>
          told.find((each) => each.body.includes(`Request ${request.id} of ann`)),
        )
        expect(told.at(-1)?.body).toContain('approved by bob')
        const types = await refusals()
        expect(types.match(/approval\.opened/g)).toHaveLength(1)
        expect(types.match(/approval\.refused/g)?.length).toBeGreaterThanOrEqual(5)
        // Where it is told is a secret of its own.
        expect(guarded.gateway.stderr()).not.toContain('/services/T0')
      },
      120_000,
    )
  })
