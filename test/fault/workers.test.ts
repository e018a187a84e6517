/**
 * `--workers`: several processes on one port, over the real wire. Sessions spread, evidence is read and verified
 * as one, and one process that dies takes its own sessions with it and no others.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import { readFileSync, renameSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { startIssuer } from '../../proxy/trial/issuer.ts'
import { dataDirectories, workerData } from '../../storage/store/gathered.ts'
import { lockDataDirectory } from '../../storage/store/lock.ts'
import { openTerminal } from '../e2e/terminal.ts'
import { runGateway, sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { freePort } from '../fixture/net.ts'
import { ssh, ssh_keygen, sshd, testSlow, testWith } from '../fixture/require.ts'
import { signIn } from '../fixture/sign-in.ts'
import { sshArguments } from '../fixture/ssh.ts'
import { until } from '../fixture/until.ts'
import { endsIn, isAlive, openLong, workerOn, workersOf } from '../fixture/workers.ts'

const needs = [ssh, sshd, ssh_keygen]
const two = ['--workers', '2']

interface ListedSession {
  readonly id: string
  readonly started: string
  readonly end_reason?: string
}

const health = async (guarded: Guarded): Promise<{ status: string; reasons: string[] }> =>
  (await fetch(`${guarded.gateway.api}/healthz`)).json() as Promise<{
    status: string
    reasons: string[]
  }>

describe('two workers', () => {
  testWith(
    needs,
    'share the sessions, and their evidence is one',
    async () => {
      await using guarded = await openGuarded({ arguments: two })
      await guarded.trust()
      // The system spreads by a hash of the addresses: that one gets all of forty has odds of 2 in 2^40.
      const outputs = await inTurns(
        40,
        4,
        async (number) => (await guarded.run(`echo ${number}`)).stdout,
      )
      expect(outputs).toEqual(Array.from({ length: 40 }, (_, number) => `${number}\n`))

      const [own, ...workers] = dataDirectories(guarded.data)
      expect(own).toBe(guarded.data)
      expect(workers).toEqual([workerData(guarded.data, 1), workerData(guarded.data, 2)])
      const held = await Promise.all(workers.map(endsIn))
      expect(held.reduce((sum, { size }) => sum + size, 0)).toBe(40)
      for (const { size } of held) expect(size).toBeGreaterThan(0)
      expect((await endsIn(guarded.data)).size).toBe(0)

      const ran = await sluice(['sessions', '--data', guarded.data, '--json', '--limit', '100'])
      const listed = JSON.parse(ran.stdout) as ListedSession[]
      expect(listed.map(({ id }) => id).toSorted()).toEqual(
        held.flatMap((ids) => [...ids.keys()]).toSorted(),
      )
      const times = listed.map(({ started }) => started)
      expect(times).toEqual(times.toSorted().toReversed())

      // By pages of an odd length over the API: each once, in the same order.
      const token = await sluice(['token', '--data', guarded.data, '--role', 'auditor'])
      const headers = { authorization: `Bearer ${token.stdout.trim()}` }
      const ask = async (path: string): Promise<Response> => {
        const response = await fetch(guarded.gateway.api + path, { headers })
        expect(response.status).toBe(200)
        return response
      }
      const paged: string[] = []
      for (let cursor: string | undefined = ''; cursor !== undefined; ) {
        const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
        const page = (await (await ask(`/api/sessions?limit=7${query}`)).json()) as {
          readonly sessions: readonly ListedSession[]
          readonly cursor?: string
        }
        paged.push(...page.sessions.map(({ id }) => id))
        cursor = page.cursor
      }
      expect(paged).toEqual(listed.map(({ id }) => id))
      const records = await ask(`/api/sessions/${paged[0]}/records`)
      expect(await records.text()).toContain(paged[0] ?? '-')

      const { logs } = (await (await ask('/api/logs')).json()) as {
        readonly logs: readonly {
          readonly origin: string
          readonly id: string
          readonly size: number
        }[]
      }
      expect(logs).toHaveLength(3)
      for (const { origin, id } of logs)
        expect(await (await ask(`/api/logs/${id}/checkpoint`)).text()).toStartWith(`${origin}\n`)
      expect(await (await ask('/api/log/checkpoint')).text()).toStartWith(`${logs[0]?.origin}\n`)
      expect(
        (await fetch(`${guarded.gateway.api}/api/logs/0000/checkpoint`, { headers })).status,
      ).toBe(404)

      expect(await guarded.gateway.stop()).toBe(0)
      const verified = await guarded.verify()
      expect(verified.code, verified.stdout).toBe(0)
      const report = JSON.parse(verified.stdout) as {
        readonly logs: readonly { readonly origin: string }[]
        readonly checked: { readonly sessions: number }
      }
      expect(report.logs.map(({ origin }) => origin)).toEqual(logs.map(({ origin }) => origin))
      expect(report.checked.sessions).toBe(40)

      // Whoever takes a worker's directory away takes its log with it, and that log is named in the gateway's.
      renameSync(workerData(guarded.data, 2), join(guarded.dir, 'taken'))
      const missed = await guarded.verify()
      expect(missed.code).toBe(1)
      const { findings } = JSON.parse(missed.stdout) as {
        readonly findings: readonly { readonly code: string; readonly log: string }[]
      }
      expect(findings.map(({ code, log }) => ({ code, log }))).toEqual([
        { code: 'log_missing', log: logs[2]?.origin ?? '' },
      ])
    },
    120_000,
  )

  testSlow(
    needs,
    'one dies: its sessions end, the others go on, it comes back',
    async () => {
      await using guarded = await openGuarded({ arguments: two })
      await guarded.trust()
      const folders = [1, 2].map((number) => workerData(guarded.data, number))
      // Until each has one.
      const sessions = [await openLong(guarded)]
      await until('both have a session', async () => {
        const counts = await Promise.all(folders.map(async (folder) => (await endsIn(folder)).size))
        if (counts.every((count) => count > 0)) return true
        sessions.push(await openLong(guarded))
        return undefined
      })
      const before = workersOf(guarded.gateway.pid)
      expect([...before.keys()].toSorted((a, b) => a - b)).toEqual([1, 2])
      const lost = await endsIn(folders[0] ?? '')
      const kept = await endsIn(folders[1] ?? '')
      expect((await health(guarded)).status).toBe('ok')

      process.kill(before.get(1) ?? 0, 'SIGKILL')
      const dead = new Set<(typeof sessions)[number]>()
      await until('its sessions have ended', () => {
        for (const one of sessions) if (one.child.exitCode !== null) dead.add(one)
        return dead.size === lost.size ? true : undefined
      })
      const alive = sessions.filter((one) => !dead.has(one))
      expect(alive).toHaveLength(kept.size)
      for (const one of alive) expect(await one.echo('still here')).toBe('still here\n')

      const after = await until('it runs again', () => {
        const now = workersOf(guarded.gateway.pid)
        return now.has(1) && now.get(1) !== before.get(1) ? now : undefined
      })
      expect(after.get(2)).toBe(before.get(2) ?? 0)
      await until('the gateway is well', async () =>
        (await health(guarded)).status === 'ok' ? true : undefined,
      )
      const events = guarded.gateway
        .stderr()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { readonly event: string; readonly worker?: number })
      expect(events.find(({ event }) => event === 'worker_gone')?.worker).toBe(1)

      // Both take new ones, and what was open when it died is said to have crashed.
      const ran = await inTurns(12, 3, async () => (await guarded.run('echo new')).stdout)
      expect(new Set(ran)).toEqual(new Set(['new\n']))
      const ends = await endsIn(folders[0] ?? '')
      for (const id of lost.keys()) expect(ends.get(id)).toBe('crashed')
      for (const one of alive) expect(await one.end()).toBe(0)
      const verified = await guarded.verify()
      expect(verified.code, verified.stdout).toBe(0)
    },
    120_000,
  )

  testSlow(
    needs,
    'end with the gateway: told to, or because it is gone',
    async () => {
      await using guarded = await openGuarded({ arguments: [...two, '--drain', '1'] })
      await guarded.trust()
      const first = await openLong(guarded)
      const told = [...workersOf(guarded.gateway.pid).values()]
      expect(await guarded.gateway.stop()).toBe(0)
      expect(await first.child.exited).not.toBe(0)
      expect(told.filter(isAlive)).toEqual([])
      expect((await guarded.sessions()).map(({ end_reason }) => end_reason)).toEqual(['drained'])

      await guarded.restart()
      const second = await openLong(guarded)
      const orphans = [...workersOf(guarded.gateway.pid).values()]
      expect(orphans).toHaveLength(2)
      await guarded.gateway.kill9()
      // At once: it waits for its workers' directories until those of the one before have let go of them.
      await guarded.restart()
      expect(await second.child.exited).not.toBe(0)
      await until('they have ended', () => (orphans.some(isAlive) ? undefined : true))
      expect((await guarded.run('echo again')).stdout).toBe('again\n')
      const reasons = await until('the ends of the sessions', async () => {
        const ends = (await guarded.look()).map(({ end_reason }) => end_reason)
        return ends.includes(undefined) ? undefined : ends
      })
      expect(reasons).toEqual(['client', 'drained', 'drained'])
      const verified = await guarded.verify()
      expect(verified.code, verified.stdout).toBe(0)
    },
    120_000,
  )

  testSlow(
    needs,
    'one that is still starting ends with the gateway, too',
    async () => {
      await using guarded = await openGuarded({ arguments: two })
      await guarded.gateway.stop()
      const folder = workerData(guarded.data, 2)
      const lock = lockDataDirectory(folder)
      if (!lock.ok) throw new Error(lock.reason)
      const starting = guarded.restart().catch((error: unknown) => error)
      // It waits for its directory, and its gateway for it.
      const { gateway, worker } = await until('the second worker starts', () =>
        workerOn(guarded.data, 2),
      )
      process.kill(gateway, 'SIGKILL')
      lock.release()
      await until('it has ended', () => (isAlive(worker) ? undefined : true))
      expect(await starting).toBeInstanceOf(Error)
      await guarded.restart()
      expect((await guarded.run('echo again')).stdout).toBe('again\n')
    },
    120_000,
  )

  testSlow(
    needs,
    'show a sign-in that waits in either of them',
    async () => {
      const issuer = await startIssuer({
        people: [{ name: 'eve', groups: ['staff'] }],
        client_id: 'sluice',
      })
      const api = `127.0.0.1:${await freePort()}`
      await using guarded = await openGuarded({
        arguments: two,
        sections: {
          gateway: { name: 'edge-1', public_url: `http://${api}` },
          listen: { ssh: '127.0.0.1:0', api },
          identity: {
            oidc: [
              {
                ...{
                  name: 'corp',
                  issuer: issuer.url,
                  client_id: 'sluice',
                  groups_claim: 'groups',
                },
                ...{ scopes: ['groups'], roles: { user: ['staff'] } },
              },
            ],
          },
        },
      })
      try {
        const served = new Set<number>()
        for (let tries = 0; served.size < 2; tries++) {
          expect(tries).toBeLessThan(30)
          await using terminal = openTerminal(
            sshArguments({
              port: guarded.gateway.ssh.port,
              login: `${guarded.target.account}@web-1`,
              identities: [],
              options: ['-o', 'BatchMode=no', '-o', 'LogLevel=ERROR'],
              command: 'echo in',
            }),
            { columns: 200 },
          )
          await terminal.until(/press Enter here: $/)
          const url = /https?:\S+/.exec(terminal.text())?.[0] ?? ''
          expect(url).toStartWith(`${guarded.gateway.api}/login/device?login=`)
          const visit = await signIn(url, 'eve', issuer.passwords.get('eve') ?? '')
          expect(visit.asked.text).toContain('<dd>web-1</dd>')
          terminal.type('\n')
          expect(await terminal.exited).toBe(0)
          for (const number of [1, 2])
            if ((await endsIn(workerData(guarded.data, number))).size > 0) served.add(number)
        }
        const unknown = await fetch(`${guarded.gateway.api}/login/device?login=nobody`)
        expect(unknown.status).toBe(404)
      } finally {
        issuer.stop()
      }
    },
    120_000,
  )
})

describe('what cannot be shared', () => {
  testWith(
    needs,
    'a port that somebody else has, also one who shares',
    async () => {
      await using guarded = await openGuarded()
      await guarded.gateway.stop()
      for (const is_shared of [false, true]) {
        const other = createServer()
        const port = await new Promise<number>((resolve) =>
          other.listen({ host: '127.0.0.1', port: 0, reusePort: is_shared }, () => {
            const address = other.address()
            resolve(typeof address === 'object' && address !== null ? address.port : 0)
          }),
        )
        const config = join(guarded.dir, 'gateway/sluice.yaml')
        const text = JSON.parse(readFileSync(config, 'utf8')) as object
        const listen = { ssh: `127.0.0.1:${port}`, api: '127.0.0.1:0' }
        await Bun.write(config, JSON.stringify({ ...text, listen }))
        const ran = await runGateway({ config, data: guarded.data, arguments: two })
        expect(ran.code).toBe(1)
        expect(ran.stderr).toContain(`listen.ssh: 127.0.0.1:${port}: the port is in use`)
        other.close()
      }
    },
    60_000,
  )

  test('no workers, too many, or workers of the trial', async () => {
    const data = '/nowhere'
    for (const [words, why] of [
      [['--workers', '0'], '--workers is 1 to 64'],
      [['--workers', '65'], '--workers is 1 to 64'],
      [['--workers', 'two'], '--workers is 1 to 64'],
      [['--workers', '2'], '--workers needs --config'],
      [['--worker=1:22'], "--worker is for the gateway's own use"],
    ] as const) {
      const ran = await runGateway({ data, arguments: words })
      expect(ran.code).toBe(2)
      expect(ran.stderr).toContain(why)
    }
  }, 60_000)
})

/** Runs it for 0 to `count - 1`, so many at a time; the results in order. */
async function inTurns<T>(
  count: number,
  at_once: number,
  run: (number: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = []
  for (let from = 0; from < count; from += at_once) {
    const numbers = Array.from({ length: Math.min(at_once, count - from) }, (_, at) => from + at)
    results.push(...(await Promise.all(numbers.map(run))))
  }
  return results
}
