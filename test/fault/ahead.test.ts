/**
 * Somebody who owns the gateway sets its clock ahead, so that a session goes before its time: an authority that dates the log
 * does not let it happen, and without the authority verification tells.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openReader } from '../../storage/store/reader.ts'
import { type Authority, startAuthority } from '../fixture/authority.ts'
import { fakeClock } from '../fixture/faked-clock.ts'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { type Ran, ranOf } from '../fixture/ran.ts'
import { faketime, openssl, ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen, openssl, faketime]
const root = join(import.meta.dir, '../..')

interface Reported {
  readonly verdict: string
  readonly findings: readonly { readonly code: string; readonly message: string }[]
}

describe('a clock that is set ahead', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-ahead-'))
  const clock = fakeClock(dir)
  const { env } = clock
  let guarded: Guarded
  let authority: Authority
  beforeAll(async () => {
    clock.set('+0')
    authority = startAuthority()
    guarded = await openGuarded({
      sections: {
        evidence: {
          auditors: ['./auditor.jwk'],
          canary_s: 0,
          timestamp_url: authority.url,
          retention: [{ labels: {}, days: 30 }],
        },
      },
      env,
    })
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    authority[Symbol.dispose]()
    rmSync(dir, { recursive: true, force: true })
  }, 30_000)

  /** On the same clock. */
  const ahead = (...words: readonly string[]): Promise<Ran> =>
    ranOf(
      Bun.spawn([process.execPath, join(root, 'proxy/cli/main.ts'), ...words], {
        ...{ cwd: root, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
        env: { ...process.env, ...env },
      }),
    )
  const asked = (...words: readonly string[]): Promise<Ran> =>
    ahead(...words, '--data', guarded.data, '--url', guarded.gateway.api)
  const restart = async (): Promise<void> => {
    await guarded.gateway.stop()
    await guarded.restart()
  }
  const stamped = (): Promise<boolean> =>
    until('a timestamp is taken', async () => {
      const reader = openReader(guarded.data)
      const found = await reader.documents('timestamp.taken')
      reader.close()
      return found.length > 0
    })

  testWith(
    needs,
    'lets nothing go while an authority dates the log, and is told where none does',
    async () => {
      expect((await guarded.run('echo kept')).code).toBe(0)
      const [session] = await guarded.sessions()
      await restart()
      await stamped()
      const trust = join(dir, 'trust.json')
      const plain = join(dir, 'plain.json')
      const words = ['trust', 'export', '--data', guarded.data, '-o']
      await sluice([...words, trust, '--timestamp-authority', authority.certificate_file])
      await sluice([...words, plain])

      clock.set('+40d')
      await until('its time seems to have come', async () => {
        const { stdout } = await asked('retention', '--json')
        return stdout.includes(session?.id ?? 'no session')
      })
      const refused = await asked('retention', 'apply')
      expect(refused.stdout, refused.stderr).toBe('0 sessions were erased\n')

      // The authority is in the way, and so it goes.
      const config = join(guarded.dir, 'gateway/sluice.yaml')
      const { evidence, ...rest } = JSON.parse(readFileSync(config, 'utf8'))
      const { timestamp_url: _, ...without } = evidence
      writeFileSync(config, JSON.stringify({ ...rest, evidence: without }))
      await restart()
      const applied = await asked('retention', 'apply')
      expect(applied.stdout, applied.stderr).toBe('1 sessions were erased\n')
      await guarded.gateway.stop()

      const verified = async (ran: Promise<Ran>): Promise<Reported> =>
        JSON.parse((await ran).stdout) as Reported
      const early = ({ findings }: Reported): string =>
        findings.find(({ code }) => code === 'expired_early')?.message ?? ''
      const verify = (file: string) => ['verify', guarded.data, '--trust', file, '--json']
      // Forty days later, or whenever the attacker's date has come: what time it was then is what the tokens say.
      const later = await verified(ahead(...verify(trust)))
      expect(later.verdict).toBe('failed')
      expect(early(later)).toContain(session?.id ?? 'no session')
      expect(early(later)).toContain('no timestamp before the entry shows that it was so late')
      const now = await verified(sluice(verify(plain)))
      expect(now.verdict).toBe('failed')
      expect(early(now)).toContain('dated in the future')
      // Nobody outside had the time: the gateway's own clock is all there is, and it is said whose it was.
      const alone = await verified(ahead(...verify(plain)))
      expect(alone.findings.find(({ code }) => code === 'session_expired')?.message).toContain(
        "by the gateway's own clock",
      )
      expect(alone.findings.map(({ code }) => code)).toContain('gateway_was_down')
    },
    120_000,
  )
})
