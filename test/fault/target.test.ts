/**
 * What a target does wrong: a clear line to the user, a record of it, and never a hang.
 *
 * @module
 */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { makeKey } from '../fixture/keys.ts'
import { isSlow } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

/** From login to the client's end. A hang is what the test is about; a slow machine is not. */
const answer_ms_max = 45_000

interface Fault {
  readonly title: string
  readonly target: string
  /** The usual one unless given. */
  readonly account?: string
  /** What the line must say, besides naming the target. */
  readonly says: RegExp
  readonly end_reason: 'failed' | 'denied'
  /** Takes as long as the gateway's patience. */
  readonly waits?: true
}

const faults: readonly Fault[] = [
  {
    title: 'a target that is away',
    target: 'away',
    says: /refused|unreachable|cannot be reached|not reachable/i,
    end_reason: 'failed',
  },
  {
    title: 'a target that accepts and says nothing',
    target: 'silent',
    says: /time|answer/i,
    end_reason: 'failed',
    waits: true,
  },
  {
    title: 'a target that speaks garbage instead of an SSH banner',
    target: 'garbage',
    says: /does not speak SSH/,
    end_reason: 'failed',
  },
  {
    title: 'a target with another host key than the pinned one',
    target: 'imposter',
    says: /host key/i,
    end_reason: 'failed',
  },
  {
    title: "a target that refuses the gateway's credential",
    target: 'locked',
    says: /credential|refused|reject|not accept/i,
    end_reason: 'failed',
  },
  {
    title: 'a target that is not configured',
    target: 'nowhere',
    says: /nowhere/,
    end_reason: 'denied',
  },
  {
    title: 'an account that is not configured',
    target: 'web-1',
    account: 'nobody-here',
    says: /nobody-here/,
    end_reason: 'denied',
  },
]

describe('a fault at the target', () => {
  let guarded: Guarded
  let dir = ''
  const servers: Server[] = []
  const sockets: Socket[] = []

  beforeAll(async () => {
    const silent = await listen(() => {})
    const garbage = await listen((socket) => {
      socket.on('error', () => {})
      socket.write(Buffer.alloc(4096, 0xff))
    })
    const closed = await listen(() => {})
    servers.at(-1)?.close()
    dir = mkdtempSync(join(tmpdir(), 'sluice-target-'))
    const other = makeKey(join(dir, 'other'))
    guarded = await openGuarded({
      targets: (target) => {
        const at = (port: number): string => `127.0.0.1:${port}`
        const credential = (private_key_file: string) => ({
          [target.account]: { private_key_file },
        })
        const usual = {
          address: target.address,
          host_key: target.host_key.public_line,
          accounts: credential(target.user_key.file),
        }
        return [
          { ...usual, name: 'away', address: at(closed) },
          { ...usual, name: 'silent', address: at(silent) },
          { ...usual, name: 'garbage', address: at(garbage) },
          { ...usual, name: 'imposter', host_key: other.public_line },
          { ...usual, name: 'locked', accounts: credential(other.file) },
        ]
      },
    })
  }, 60_000)
  afterAll(async () => {
    for (const socket of sockets) socket.destroy()
    for (const server of servers) server.close()
    await guarded[Symbol.asyncDispose]()
    rmSync(dir, { recursive: true, force: true })
  }, 30_000)

  async function listen(serve: (socket: Socket) => void): Promise<number> {
    const server = createServer((socket) => {
      sockets.push(socket)
      serve(socket)
    })
    servers.push(server)
    const listening = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', listening.resolve)
    await listening.promise
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  for (const { title, target, account, says, end_reason, waits } of faults) {
    const is_skipped = waits === true && !isSlow
    // At once, for some wait until the gateway's patience ends.
    test.concurrent.skipIf(is_skipped)(
      is_skipped ? `${title} (slow)` : title,
      async () => {
        const name = account ?? guarded.target.account
        const ran = await guarded.run('echo never printed', `${name}@${target}`, answer_ms_max)
        expect(ran.code).not.toBe(0)
        expect(ran.code, 'the client hung').not.toBe(137)
        expect(ran.stdout).toBe('')
        expect(ran.stderr).toMatch(says)
        // One line for a person: no stack, and nothing of the gateway's insides.
        expect(ran.stderr.trim().split('\n').length, ran.stderr).toBeLessThanOrEqual(2)
        expect(ran.stderr).not.toMatch(/\bat .*\.ts:\d+|node_modules|private_key|undefined/)

        const session = await until('the end of the session', async () =>
          (await guarded.look()).find(
            (each) => each.target === target && each.end_reason !== undefined,
          ),
        )
        expect(session).toMatchObject({ subject: 'ann', account: name, target, end_reason })
      },
      answer_ms_max + 15_000,
    )
  }

  test('canary: the usual target answers through the same gateway', async () => {
    const ran = await guarded.run('echo printed')
    expect(ran).toMatchObject({ code: 0, stdout: 'printed\n' })
  }, 30_000)
})
