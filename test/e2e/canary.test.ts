/**
 * The gateway's look at itself: canaries that pass, and what makes them fail, over the real wire.
 */
import { describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plant, runCanary } from '../../proxy/gateway/canary.ts'
import { startSelfCheck } from '../../proxy/gateway/self-check.ts'
import { createMeter } from '../../proxy/metrics/meter.ts'
import { type RecorderClient, startRecorder } from '../../proxy/recorder/client.ts'
import { compileRules } from '../../proxy/tap/ruleset.ts'
import type { StoreClient } from '../../storage/store/client.ts'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen]
const evidence = { auditors: ['./auditor.jwk'], canary_s: 10 }

interface Listed {
  readonly id: string
  readonly subject: string
  readonly protocol: string
  readonly end_reason?: string
}

async function listed(guarded: Guarded, ...words: readonly string[]): Promise<readonly Listed[]> {
  const ran = await sluice(['sessions', '--data', guarded.data, '--json', ...words])
  expect(ran.code, ran.stderr).toBe(0)
  return JSON.parse(ran.stdout) as readonly Listed[]
}

async function metric(guarded: Guarded, name: string): Promise<number> {
  const token = await sluice(['token', '--data', guarded.data])
  const answer = await fetch(`${guarded.gateway.api}/metrics`, {
    headers: { authorization: `Bearer ${token.stdout.trim()}` },
  })
  const line = (await answer.text()).split('\n').find((each) => each.startsWith(`${name} `))
  return Number(line?.split(' ')[1] ?? 0)
}

describe('a canary', () => {
  testSlow(
    needs,
    'is masked, recorded, verified, and in nobody’s list',
    async () => {
      await using guarded = await openGuarded({ sections: { evidence } })
      await guarded.trust()
      expect((await guarded.run('echo mine')).code).toBe(0)
      await until('a canary passed', async () => {
        return (await metric(guarded, 'sluice_canary_checks_total{outcome="passed"}')) > 0
      })
      expect(await listed(guarded)).toMatchObject([{ subject: 'ann', protocol: 'ssh' }])
      const [canary] = await listed(guarded, '--canaries')
      expect(canary).toMatchObject({ subject: 'canary', protocol: 'canary', end_reason: 'target' })
      const records = await guarded.records(canary?.id ?? '')
      const shown = records.find(({ header }) => header.kind === 'output')
      expect(Buffer.from(shown?.payload ?? '').toString()).toMatch(/^a canary says \*{20}\n$/)
      const health = await fetch(`${guarded.gateway.api}/healthz`)
      expect(health.status).toBe(200)
      expect(guarded.gateway.stderr()).not.toContain('self_check_failed')
      // Who verifies everything verifies canaries too.
      expect(await guarded.gateway.stop()).toBe(0)
      const verified = await guarded.verify()
      expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    },
    90_000,
  )

  testSlow(
    needs,
    'is had by each worker',
    async () => {
      await using guarded = await openGuarded({
        sections: { evidence },
        arguments: ['--workers', '2'],
      })
      await until('all three processes had one', async () => {
        return (await listed(guarded, '--canaries')).length >= 3
      })
      expect(guarded.gateway.stderr()).not.toContain('self_check_failed')
      expect((await fetch(`${guarded.gateway.api}/healthz`)).status).toBe(200)
    },
    90_000,
  )

  test('plants what the rules in use find, and nothing where they find none of it', () => {
    for (let count = 0; count < 100; count++) {
      expect(plant(['aws-access-key-id', 'card-number']).secret).toMatch(/^AKIA[A-Z2-7]{16}$/)
      expect(plant(['card-number']).secret).toMatch(/^4\d{15}$/)
    }
    expect(plant(['employee-id']).secret).toBeUndefined()
  })

  test('fails where masking shows what it planted, and says nothing of it', async () => {
    await using played = await record([])
    const ran = await runCanary(played.recorder, plant(['aws-access-key-id']))
    expect(ran).toEqual({ ok: false, reason: 'what it planted was shown, and not masked' })
  })

  test('passes where there is nothing to plant', async () => {
    await using played = await record([])
    expect(await runCanary(played.recorder, plant([]))).toMatchObject({ ok: true })
  })

  test('fails where nothing can be recorded', async () => {
    const refusing = { open: () => Promise.reject(new Error('no')) }
    expect(await runCanary(refusing, plant([]))).toEqual({
      ok: false,
      reason: 'its session was not recorded',
    })
  })
})

describe('a signer', () => {
  testSlow(
    [],
    'that stopped turns health red within a heartbeat, and green when it signs again',
    async () => {
      await using played = await record(['secrets'])
      let later_ms = 0
      const now_ms = (): number => performance.now() + later_ms
      const meter = createMeter('gateway', now_ms, Date.now)
      const events: string[] = []
      const check = startSelfCheck({
        every_s: 0,
        recorder: played.recorder,
        store: unread,
        trust: { logs: [], auditors: [], checkpoints: [], witnesses: [], authorities: [] },
        remote: undefined,
        signed_ago_s: () => meter.signed_ago_s,
        checked: meter.checked,
        log: (_, event) => events.push(event),
        changed: () => {},
        now_ms,
      })
      await played.stop()
      expect(check.failing()).toEqual([])
      later_ms = 80_000
      await until('it is told', () => check.failing().length > 0)
      expect(check.failing()).toEqual(['the log is no longer signed'])
      expect(events).toEqual(['self_check_failed'])
      meter.committed({ took_ms: 1, signed: true, masked: {} })
      await until('it is over', () => check.failing().length === 0)
      expect(events).toEqual(['self_check_failed', 'self_check_passed'])
      await check.stop()
    },
    60_000,
  )
})

/** Nothing here asks the store. */
const unread = new Proxy({} as StoreClient, {
  get: () => {
    throw new Error('the store was asked')
  },
})

/** A recorder of its own, which masks with these packs. */
async function record(
  packs: readonly 'secrets'[],
): Promise<AsyncDisposable & { readonly recorder: RecorderClient; stop(): Promise<void> }> {
  const data = mkdtempSync(join(tmpdir(), 'sluice-canary-'))
  const rules = compileRules(packs, [])
  if (!rules.ok) throw new Error(rules.reason)
  const { privateKey } = generateKeyPairSync('ed25519')
  const auditor = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
  const recorder = await startRecorder(
    {
      ...{ data, segment_bytes: 1024 * 1024, backlog_segments_max: 8, gateway: 'test' },
      ...{
        origin: 'test/log',
        ruleset: rules.ruleset,
        idle_ms: 300,
        policy_hash: '0',
        keeps_raw: false,
        is_replicated: false,
      },
      log_key: new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' })),
      auditors: [auditor.export({ format: 'jwk' })],
      recovered: {
        ...{ watermark_lsn: 0, open_sessions: [], unreadable: [], has_erased: false },
        log: { size: 0, frontier: [] },
      },
    },
    { durable: () => {}, health: () => {} },
  )
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= recorder.stop())
  return {
    recorder,
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
      rmSync(data, { recursive: true, force: true })
    },
  }
}
