/**
 * Forty days pass: sessions expire by rule, a legal hold keeps one, a killed gateway goes on where it was, and what is left
 * verifies.
 */
import { afterAll, beforeAll, expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openReader } from '../../storage/store/reader.ts'
import { fakeClock } from '../fixture/faked-clock.ts'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import type { Ran } from '../fixture/ran.ts'
import {
  describeSlow,
  faketime,
  ssh,
  ssh_keygen,
  sshd,
  testSlow,
  testWith,
} from '../fixture/require.ts'
import { filesWith } from '../fixture/search.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen, faketime]
interface Reported {
  readonly verdict: string
  readonly findings: readonly {
    readonly code: string
    readonly session?: string
    message: string
  }[]
}

describeSlow('retention', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-retention-'))
  const clock = fakeClock(dir)
  let guarded: Guarded
  beforeAll(async () => {
    clock.set('-40d')
    guarded = await openGuarded({
      targets: ({ address, host_key, account, user_key }) => [
        {
          ...{ name: 'web-2', address, host_key: host_key.public_line },
          accounts: { [account]: { private_key_file: user_key.file } },
          labels: { env: 'archive' },
        },
      ],
      sections: {
        evidence: {
          auditors: ['./auditor.jwk'],
          canary_s: 0,
          retention: [
            { labels: { env: 'archive' }, days: 100 },
            { labels: {}, days: 30 },
          ],
        },
        journal: { segment_bytes: 4 * 1024 * 1024 },
      },
      env: clock.env,
    })
    await guarded.trust()
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    rmSync(dir, { recursive: true, force: true })
  }, 30_000)

  const asked = (...words: readonly string[]): Promise<Ran> =>
    sluice([...words, '--data', guarded.data, '--url', guarded.gateway.api, '--as', 'olga'])
  const reported = async (): Promise<Reported> =>
    JSON.parse((await guarded.verify()).stdout) as Reported
  const filesThatSay = (word: string): readonly string[] => filesWith(guarded.data, word)
  async function erasedBy(id: string): Promise<string | undefined> {
    const reader = openReader(guarded.data)
    try {
      return await reader.erasedBy(id)
    } finally {
      reader.close()
    }
  }

  testSlow(
    needs,
    'lets go what is due, keeps what is held, and all of it verifies by name',
    async () => {
      const login = `${guarded.target.account}@web-2`
      for (const word of ['zebra', 'panda', 'okapi'])
        expect((await guarded.run(`echo ${word}-said`)).stdout).toBe(`${word}-said\n`)
      expect((await guarded.run('echo llama-said', login)).code).toBe(0)
      const [llama, okapi, panda, zebra] = await until('four have ended', async () => {
        const all = await guarded.look()
        return all.length === 4 && all.every(({ end_reason }) => end_reason !== undefined)
          ? all
          : undefined
      })
      if (llama === undefined || okapi === undefined || panda === undefined || zebra === undefined)
        throw new Error('there are four')
      clock.set('+0')
      const planned = await until('their time has come', async () => {
        const plan = await asked('retention', '--json')
        const { sessions } = JSON.parse(plan.stdout) as { sessions: { session: string }[] }
        return sessions.length === 3 && sessions.map(({ session }) => session)
      })
      expect(planned).toEqual([zebra.id, panda.id, okapi.id])

      const held = await asked('hold', 'set', '--session', panda.id, '--reason', 'case 7', '--json')
      expect(held.code, held.stderr).toBe(0)
      const { id: hold } = JSON.parse(held.stdout) as { id: string }
      const listed = await asked('hold', 'list')
      expect(listed.stdout).toContain(hold)
      expect(listed.stdout).toContain('olga')
      expect((await asked('retention')).stdout).toContain(`held by ${hold}`)

      const applied = await asked('retention', 'apply')
      expect(applied.stdout, applied.stderr).toBe('2 sessions were erased\n')
      // At once, in the midst of it.
      process.kill(guarded.gateway.pid, 'SIGKILL')
      await guarded.gateway.exited
      await guarded.restart()
      for (const { id } of [zebra, okapi]) expect(await erasedBy(id)).toBeDefined()
      expect((await guarded.sessions()).map(({ id }) => id)).toEqual([llama.id, panda.id])
      for (const word of ['zebra', 'okapi'])
        await until(`no file has the word ${word}`, async () => {
          // The journal goes on to another segment with the next that is recorded.
          await guarded.run('true')
          return filesThatSay(`${word}-said`).length === 0
        })
      expect(filesThatSay('panda-said').length).toBeGreaterThan(0)

      const report = await reported()
      expect(report.verdict, JSON.stringify(report.findings)).toBe('verified')
      const said = report.findings.filter(({ code }) => code === 'session_expired')
      expect(said).toHaveLength(1)
      for (const { id } of [zebra, okapi]) expect(said[0]?.message).toContain(id)
      expect(report.findings.map(({ code }) => code)).toContain('hold_in_force')

      const shown = await sluice(['show', zebra.id, '--data', guarded.data])
      expect([shown.code, shown.stderr]).toEqual([
        1,
        expect.stringContaining('was erased when its retention ended'),
      ])
      for (const verb of [
        ['replay', zebra.id],
        ['bundle', zebra.id, '-o', join(dir, 'x.zip')],
      ])
        expect((await sluice([...verb, '--data', guarded.data])).stderr).toContain('was erased')
      const found = await sluice(['sessions', '--data', guarded.data, '--text', 'zebra', '--json'])
      expect(JSON.parse(found.stdout)).toEqual([])

      expect((await asked('hold', 'lift', hold, '--reason', 'case closed')).code).toBe(0)
      expect((await asked('retention', 'apply')).stdout).toBe('1 sessions were erased\n')
      await until('the last one is gone', async () => (await erasedBy(panda.id)) !== undefined)
      const after = await reported()
      expect(after.verdict, JSON.stringify(after.findings)).toBe('verified')
      expect(after.findings.find(({ code }) => code === 'hold_lifted')?.message).toContain(
        'by "olga": "case closed"',
      )
    },
    120_000,
  )

  testWith(
    needs,
    'answers by role, and says what is gone',
    async () => {
      const bearer = async (role: string): Promise<Record<string, string>> => {
        const made = await sluice([
          'token',
          '--data',
          guarded.data,
          '--role',
          role,
          '--subject',
          'eve',
        ])
        return { authorization: `Bearer ${made.stdout.trim()}`, 'content-type': 'application/json' }
      }
      const { api } = guarded.gateway
      const body = JSON.stringify({ target: 'web-1', reason: 'case 8' })
      const setBy = async (role: string, text = body): Promise<number> =>
        (
          await fetch(`${api}/api/holds`, {
            method: 'POST',
            headers: await bearer(role),
            body: text,
          })
        ).status
      for (const role of ['user', 'approver']) expect(await setBy(role)).toBe(403)
      expect(await setBy('auditor', JSON.stringify({ issuer: 'keys', reason: 'x' }))).toBe(400)
      expect(await setBy('auditor', JSON.stringify({ target: 'web-1' }))).toBe(400)
      expect(await setBy('auditor')).toBe(200)
      const apply = async (role: string): Promise<number> =>
        (await fetch(`${api}/api/retention/apply`, { method: 'POST', headers: await bearer(role) }))
          .status
      for (const role of ['user', 'approver', 'auditor']) expect(await apply(role)).toBe(403)
      const report = await reported()
      const gone = report.findings.find(({ code }) => code === 'session_expired')
      const id = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(gone?.message ?? '')?.[0] ?? ''
      const statusOf = async (path: string, role: string): Promise<number> =>
        (await fetch(`${api}/api/sessions/${id}${path}`, { headers: await bearer(role) })).status
      for (const path of ['', '/records', '/lines', '/cast'])
        expect([path, await statusOf(path, 'auditor')]).toEqual([path, 410])
      expect(await statusOf('', 'user')).toBe(404)
    },
    60_000,
  )
})
