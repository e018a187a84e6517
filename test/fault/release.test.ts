/**
 * Lifting a legal hold and shredding take two people: asked for and approved over the real wire, by the CLI, REST and across a
 * kill, and by who would rather do it alone.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { openDocument } from '../../storage/evidence/document.ts'
import { openReader } from '../../storage/store/reader.ts'
import type { Report } from '../../storage/verify/report.ts'
import { type Approvals, approvalsOf } from '../fixture/approvals.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import type { Ran } from '../fixture/ran.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'

const needs = [ssh, sshd, ssh_keygen]

describe('a legal hold', () => {
  let guarded: Guarded
  const { cli, post, token, watch }: Approvals = approvalsOf(() => guarded)
  beforeAll(async () => {
    guarded = await openGuarded({
      sections: {
        evidence: { auditors: ['./auditor.jwk'], canary_s: 0, release: { quorum: 2 } },
      },
    })
    await guarded.trust()
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
  }, 30_000)

  const set = async (reason: string): Promise<string> => {
    const made = await cli(
      'hold',
      'set',
      '--target',
      'web-1',
      '--reason',
      reason,
      '--as',
      'olga',
      '--json',
    )
    return (JSON.parse(made.stdout) as { id: string }).id
  }
  const lift = (hold: string, as: string): Promise<Ran> =>
    cli('hold', 'lift', hold, '--reason', 'case closed', '--as', as)
  const requestOf = (ran: Ran): string => /sluice approve (r\w+)\n$/.exec(ran.stdout)?.[1] ?? ''
  const holds = async (): Promise<string> => (await cli('hold', 'list', '--as', 'olga')).stdout
  const approve = async (id: string, subject: string, body: object = {}): Promise<number> =>
    (await post(`/api/requests/${id}/approve`, await token(subject, 'approver'), body)).status
  const documents = async (type: string) => {
    const reader = openReader(guarded.data)
    try {
      return (await reader.documents(type)).map(({ bytes }) => openDocument(bytes) ?? {})
    } finally {
      reader.close()
    }
  }

  testWith(
    needs,
    'is lifted by two others than who asks, each once, and verification names all three',
    async () => {
      const hold = await set('case 7')
      const other = await set('case 8')
      const asked = await lift(hold, 'olga')
      const id = requestOf(asked)
      expect([asked.code, id.length], asked.stderr).toEqual([0, 11])
      expect(await holds()).toContain(hold)
      const [request] = (await watch()).requests
      expect(request).toMatchObject({
        id,
        subject: 'olga',
        command: `lift legal hold ${hold}: case closed`,
      })
      const digest = request?.digest ?? ''

      // Who asked, under any letters and roles; who has no role; what somebody else saw.
      for (const subject of ['olga', 'OLGA', '\uff4flga'])
        expect(await approve(id, subject)).toBe(403)
      for (const role of ['user', 'auditor', 'admin']) {
        const answer = await post(`/api/requests/${id}/approve`, await token('max', role), {})
        expect(answer.status).toBe(403)
      }
      const for_other = requestOf(await lift(other, 'olga'))
      const seen = (await watch()).requests.find((each) => each.id === for_other)?.digest ?? ''
      expect(seen).not.toBe(digest)
      expect(await approve(id, 'bob', { digest: seen })).toBe(409)
      // The same is asked for once at a time, whoever asks.
      const again = await lift(hold, 'mallory')
      expect([again.code, again.stderr]).toEqual([
        1,
        expect.stringContaining(`request ${id} waits`),
      ])

      expect(await approve(id, 'bob', { digest })).toBe(200)
      for (const subject of ['bob', 'BOB']) expect(await approve(id, subject, { digest })).toBe(409)
      expect(await holds()).toContain(hold)

      // Killed, at once: what was approved counts, what was asked for waits, and nothing more.
      await guarded.gateway.kill9()
      await guarded.restart()
      const waiting = (await watch()).requests
      expect(waiting.map((each) => each.id).toSorted()).toEqual([id, for_other].toSorted())
      expect(await approve(id, 'Bob', { digest })).toBe(409)
      expect(await holds()).toContain(hold)
      const last = await cli('approve', id, '--as', 'eve')
      expect([last.code, last.stdout], last.stderr).toEqual([
        0,
        expect.stringContaining(`${id}: approved: lift legal hold ${hold}`),
      ])
      expect(await holds()).not.toContain(hold)
      expect(await holds()).toContain(other)
      expect(await approve(id, 'zoe', { digest })).toBe(404)
      await guarded.gateway.kill9()
      await guarded.restart()
      expect(await approve(id, 'zoe', { digest })).toBe(404)
      expect(await holds()).not.toContain(hold)

      const lifted = await documents('hold.lifted')
      expect(lifted).toHaveLength(1)
      expect(lifted[0]).toMatchObject({
        ...{ hold, by: { subject: 'olga' } },
        release: { approvals: [{ subject: 'bob' }, { subject: 'eve' }] },
      })
      const refusals = (await documents('release.refused')).map((each) => each['reason'])
      for (const reason of ['own', 'role', 'digest', 'twice']) expect(refusals).toContain(reason)
      const report = JSON.parse((await guarded.verify()).stdout) as Report
      expect(report.verdict, JSON.stringify(report.findings)).toBe('verified')
      const told = report.findings.find(({ code }) => code === 'hold_lifted')
      expect(told?.message).toContain('by "olga", approved by "bob", "eve": "case closed"')
    },
    120_000,
  )

  testWith(
    needs,
    'stays when somebody denies it, or who asked gives up; and two votes at once are one after the other',
    async () => {
      const hold = await set('case 9')
      const first = requestOf(await lift(hold, 'olga'))
      expect((await cli('deny', first, '--comment', 'not yet', '--as', 'bob')).code).toBe(0)
      expect(await approve(first, 'eve')).toBe(404)
      const second = requestOf(await lift(hold, 'olga'))
      expect((await cli('cancel', second, '--as', 'mallory')).code).toBe(1)
      expect((await cli('cancel', second, '--as', 'olga')).code).toBe(0)
      expect(await approve(second, 'eve')).toBe(404)
      expect(await holds()).toContain(hold)
      const ended = (await watch()).ended
      expect(ended.find(({ id }) => id === first)).toMatchObject({
        outcome: 'denied',
        comment: 'not yet',
      })

      const third = requestOf(await lift(hold, 'olga'))
      const votes = await Promise.all(
        ['bob', 'bob', 'BOB', 'bob'].map((who) => approve(third, who)),
      )
      expect(votes.toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409])
      expect(await holds()).toContain(hold)
    },
    60_000,
  )
})
