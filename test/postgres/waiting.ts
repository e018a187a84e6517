/**
 * Statements that wait for a person, as tests meet them: started by a real psql, seen and decided by the CLI and by REST.
 *
 * @module
 */
import type { RecordHeader } from '../../storage/evidence/record.ts'
import type { Request } from '../fixture/approvals.ts'
import { sluice } from '../fixture/gateway.ts'
import { recordsOf } from '../fixture/guarded.ts'
import type { Ran } from '../fixture/ran.ts'
import { until } from '../fixture/until.ts'
import type { PostgresWorld } from './world.ts'

export interface Desk {
  /** A verb of the CLI, with the gateway's own key. */
  cli(...words: string[]): Promise<Ran>
  listed(): Promise<readonly Request[]>
  /** The request that was not there before. */
  next(known?: readonly Request[]): Promise<Request>
  /** Runs psql and resolves once something of it waits. */
  start(words: readonly string[], stdin?: string): Promise<WaitingPsql>
  /** What is on record of a session. */
  facts(session: string): Promise<readonly RecordHeader[]>
  approve(request: Request, by?: string): Promise<Ran>
}

export interface WaitingPsql {
  readonly child: Bun.Subprocess<'pipe', 'pipe', 'pipe'>
  readonly request: Request
  readonly ran: Promise<Ran>
}

export function deskOf(world: () => PostgresWorld): Desk {
  let token: Promise<string> | undefined
  const data = (): readonly string[] => ['--data', world().data]
  const self: Desk = {
    cli: (...words) => sluice([...words, ...data(), '--url', world().gateway.api]),
    async listed() {
      token ??= sluice(['token', '--subject', 'bob', '--role', 'approver', ...data()]).then(
        ({ stdout }) => stdout.trim(),
      )
      const headers = { authorization: `Bearer ${await token}` }
      const answer = await fetch(`${world().gateway.api}/api/requests`, { headers })
      if (!answer.ok) throw new Error(await answer.text())
      const { requests } = (await answer.json()) as { requests: readonly Request[] }
      return requests
    },
    async next(known = []) {
      const before = new Set(known.map(({ id }) => id))
      return until('a request', async () => (await self.listed()).find(({ id }) => !before.has(id)))
    },
    async start(words, stdin) {
      const known = await self.listed()
      const child = Bun.spawn(['psql', '-X', '-A', '-t', '-w', ...words], {
        ...{ env: world().env, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' },
      })
      if (stdin !== undefined) void child.stdin.write(stdin)
      await child.stdin.end()
      const ran = Promise.all([child.exited, child.stdout.text(), child.stderr.text()]).then(
        ([code, stdout, stderr]) => ({ code, stdout, stderr }),
      )
      const early = ran.then((ended) => {
        throw new Error(`it did not wait: ${JSON.stringify(ended)}`)
      })
      early.catch(() => {})
      return { child, request: await Promise.race([self.next(known), early]), ran }
    },
    facts: async (session) => (await recordsOf(world().data, session)).map(({ header }) => header),
    approve: (request, by = 'bob') => self.cli('approve', request.id, '--as', by),
  }
  return self
}
