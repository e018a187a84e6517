/**
 * `/metrics` of a gateway that people use: what it counts is what happened, of all its processes, and only auditors
 * are told.
 */
import { describe, expect } from 'bun:test'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { makeKey } from '../fixture/keys.ts'
import { prometheus, ssh, ssh_keygen, sshd, testSlow, testWith } from '../fixture/require.ts'
import { readByPrometheus, type ScrapedSample } from '../fixture/scrape.ts'
import { runSsh } from '../fixture/ssh.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen, prometheus]

async function tokenOf(guarded: Guarded, role: string): Promise<string> {
  const ran = await sluice(['token', '--data', guarded.data, '--role', role])
  expect(ran.code).toBe(0)
  return ran.stdout.trim()
}

const ask = (guarded: Guarded, token?: string): Promise<Response> =>
  fetch(`${guarded.gateway.api}/metrics`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })

async function scrape(guarded: Guarded, token: string): Promise<readonly ScrapedSample[]> {
  const answer = await ask(guarded, token)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  return readByPrometheus(await answer.text())
}

const sum = (
  samples: readonly ScrapedSample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number =>
  samples
    .filter(
      (one) =>
        one.name === name &&
        Object.entries(labels).every(([label, value]) => one.labels[label] === value),
    )
    .reduce((total, { value }) => total + value, 0)

async function refuse(guarded: Guarded): Promise<void> {
  const stranger = makeKey(`${guarded.dir}/stranger`)
  const { port } = guarded.gateway.ssh
  const login = `${guarded.target.account}@web-1`
  const ran = await runSsh({ port, login, identities: [stranger.file], command: 'true' })
  expect(ran.code).toBe(255)
}

const secret = `AKIA${'QWERTYUIOPASDFGH'}`

describe('metrics', () => {
  testWith(
    needs,
    'tell what happened, to auditors',
    async () => {
      await using guarded = await openGuarded()
      expect((await ask(guarded)).status).toBe(401)
      expect((await ask(guarded, await tokenOf(guarded, 'user'))).status).toBe(403)
      const token = await tokenOf(guarded, 'auditor')
      const before = await scrape(guarded, token)
      expect(sum(before, 'sluice_sessions_started_total')).toBe(0)

      expect((await guarded.run(`echo ${secret}; seq 1 1000`)).stdout).not.toContain(secret)
      await refuse(guarded)
      const long = Bun.spawn([...guarded.ssh(), 'sleep 60'], { stdin: 'ignore' })
      await until('a session runs', async () => {
        return sum(await scrape(guarded, token), 'sluice_sessions', { protocol: 'ssh' }) === 1
      })
      const after = await scrape(guarded, token)
      long.kill('SIGKILL')
      await long.exited
      expect(sum(after, 'sluice_sessions_started_total', { protocol: 'ssh' })).toBe(2)
      expect(sum(after, 'sluice_sessions_ended_total', { protocol: 'ssh' })).toBe(1)
      expect(sum(after, 'sluice_bytes_total', { direction: 'to_client' })).toBeGreaterThan(3893)
      // The secret was in the command and in what it printed.
      expect(sum(after, 'sluice_masked_total')).toBe(2)
      expect(sum(after, 'sluice_logins_refused_total', { code: 'unidentified' })).toBe(1)
      expect(sum(after, 'sluice_journal_commit_seconds_count')).toBeGreaterThan(10)
      expect(sum(after, 'sluice_journal_commit_seconds_sum')).toBeGreaterThan(0)
      expect(sum(after, 'sluice_checkpoint_age_seconds')).toBeLessThan(65)
      expect(sum(after, 'process_resident_memory_bytes')).toBeGreaterThan(20e6)
    },
    90_000,
  )

  testSlow(
    needs,
    'are those of all workers',
    async () => {
      await using guarded = await openGuarded({ arguments: ['--workers', '2'] })
      const token = await tokenOf(guarded, 'admin')
      for (let count = 0; count < 12; count++) expect((await guarded.run('true')).code).toBe(0)
      const read = await scrape(guarded, token)
      expect(sum(read, 'sluice_sessions_started_total')).toBe(12)
      const processes = read
        .filter(({ name }) => name === 'process_resident_memory_bytes')
        .map(({ labels }) => labels['process'])
      expect(new Set(processes)).toEqual(new Set(['gateway', 'worker-1', 'worker-2']))
    },
    90_000,
  )
})
