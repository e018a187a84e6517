/** What a gateway's workers have recorded expires in the directory of each, and a hold of the gateway is over it. */
import { expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fakeClock } from '../fixture/faked-clock.ts'
import { sluice } from '../fixture/gateway.ts'
import { openGuarded } from '../fixture/guarded.ts'
import type { Ran } from '../fixture/ran.ts'
import { faketime, ssh, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

testSlow(
  [ssh, sshd, ssh_keygen, faketime],
  'sessions of workers expire, but those that the gateway holds',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-retention-'))
    const clock = fakeClock(dir)
    clock.set('-40d')
    await using guarded = await openGuarded({
      arguments: ['--workers', '2'],
      sections: {
        evidence: {
          ...{ auditors: ['./auditor.jwk'], canary_s: 0 },
          retention: [{ labels: {}, days: 30 }],
        },
      },
      env: clock.env,
    })
    await guarded.trust()
    const asked = (...words: readonly string[]): Promise<Ran> =>
      sluice([...words, '--data', guarded.data, '--url', guarded.gateway.api, '--as', 'olga'])
    for (let n = 0; n < 6; n++) expect((await guarded.run(`echo ${n}`)).code).toBe(0)
    const sessions = await until('all have ended', async () => {
      const all = await guarded.look()
      const is_over = all.length === 6 && all.every(({ end_reason }) => end_reason !== undefined)
      return is_over ? all : undefined
    })
    clock.set('+0')
    await until('their time has come', async () => {
      const { stdout } = await asked('retention', '--json')
      return sessions.every(({ id }) => stdout.includes(id))
    })
    const [kept] = sessions
    const set_hold = ['hold', 'set', '--session', kept?.id ?? '', '--reason', 'case 7']
    expect((await asked(...set_hold)).code).toBe(0)
    // A worker is told, and does it a moment later.
    expect((await asked('retention', 'apply')).code).toBe(0)
    await until('the others are gone', async () => (await guarded.look()).length === 1)
    expect((await guarded.sessions()).map(({ id }) => id)).toEqual([kept?.id ?? ''])
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout).toBe(0)
    const codes = [...verified.stdout.matchAll(/"code": "(\w+)"/g)].map(([, code]) => code)
    expect(codes).toContain('session_expired')
    expect(codes).toContain('hold_in_force')
    expect(codes).not.toContain('document_missing')
    rmSync(dir, { recursive: true, force: true })
  },
  120_000,
)
