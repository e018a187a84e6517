/**
 * Approvals a second by REST: over a real socket, each vote durable before it counts.
 *
 * @module
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApi } from '../../proxy/api/app.ts'
import type { HeldCommand } from '../../proxy/core/approval.ts'
import { createDesk, type DeskFact } from '../../proxy/policy/approval/desk.ts'

const connections = 6

/** No approval reads evidence. */
const unread = (): Promise<never> => Promise.reject(new Error('evidence was read'))

/** As many approvers as browsers have connections, over a real socket; each vote waits for the disk. */
export async function measureApprovalsByRest(commands: readonly HeldCommand[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const journal = openSync(join(folder, 'log'), 'w')
  let waiting: (() => void)[] = []
  /** As the recorder does it: all that wait share one write that is made durable. */
  const note = (fact: DeskFact): Promise<void> => {
    writeSync(journal, JSON.stringify(fact))
    if (waiting.length === 0)
      setImmediate(() => {
        fdatasyncSync(journal)
        const durable = waiting
        waiting = []
        for (const each of durable) each()
      })
    return new Promise((resolve) => waiting.push(resolve))
  }
  const desk = createDesk({
    now_us: () => Date.now() * 1_000,
    after: () => () => {},
    mayApprove: () => true,
    mask: async (text) => text,
    note,
  })
  const api = createApi({
    reader: {
      ...{ sessions: unread, session: unread, erasedBy: unread },
      ...{ records: unread, document: unread },
    },
    logs: [],
    authenticate: async (subject) => ({ ok: true, caller: { subject, roles: ['approver'] } }),
    evidenceRead: async () => {},
    requests: async () => desk.requests(),
    vote: desk.vote,
    health: () => ({ status: 'ok', reasons: [] }),
    metrics: unread,
    hosts: [],
    mayRead: () => false,
    mayConfigure: () => false,
  })
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) => api.fetch(request),
  })
  try {
    for (const command of commands)
      if (desk.hold(command) === undefined) throw new Error('no place')
    const ids = desk.requests().map(({ id }) => id)
    const began_ms = performance.now()
    await Promise.all(
      Array.from({ length: connections }, async (_, own) => {
        for (let at = own; at < ids.length; at += connections) {
          const answer = await fetch(
            `http://127.0.0.1:${server.port}/api/requests/${ids[at]}/approve`,
            {
              method: 'POST',
              headers: { authorization: 'Bearer bob', 'content-type': 'application/json' },
              body: '{}',
            },
          )
          if (!answer.ok) throw new Error(await answer.text())
        }
      }),
    )
    return ids.length / ((performance.now() - began_ms) / 1_000)
  } finally {
    await server.stop(true)
    closeSync(journal)
    rmSync(folder, { recursive: true })
  }
}
