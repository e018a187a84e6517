/**
 * Canaries of a gateway with a bucket: verified from the real Ceph, and red when the bucket gives back something else,
 * hides it, or does not get it.
 */
import { describe, expect } from 'bun:test'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'
import { type S3Proxy, startS3Proxy } from '../fixture/s3-proxy.ts'
import { ceph_components, shareCeph } from '../fixture/share-ceph.ts'

const needs = [ssh, sshd, ssh_keygen, ...ceph_components]
const ceph = shareCeph()

async function openWatched(proxy: S3Proxy, lag_max_s: number): Promise<Guarded> {
  const store = await ceph()
  const bucket = await store.makeBucket()
  return openGuarded({
    sections: {
      evidence: {
        auditors: ['./auditor.jwk'],
        replication: 'queued',
        canary_s: 10,
        s3: { endpoint: proxy.endpoint, bucket, lag_max_s, ...store.gateway.files },
        retention: [
          { labels: { sluice: 'canary' }, days: 1 },
          { labels: {}, days: 2 },
        ],
      },
    },
  })
}

interface Health {
  readonly status: string
  readonly reasons: readonly string[]
}

const healthOf = async ({ gateway }: Guarded): Promise<Health> =>
  (await fetch(`${gateway.api}/healthz`)).json() as Promise<Health>

async function reasonOf(guarded: Guarded, wanted: RegExp): Promise<void> {
  for (const end_ms = Date.now() + 150_000; ; await Bun.sleep(250)) {
    const { status, reasons } = await healthOf(guarded)
    if (status === 'failing' && reasons.some((reason) => wanted.test(reason))) return
    if (Date.now() > end_ms) throw new Error(`never ${String(wanted)}: ${reasons.join('; ')}`)
  }
}

async function greenAgain(guarded: Guarded): Promise<void> {
  for (const end_ms = Date.now() + 150_000; ; await Bun.sleep(250)) {
    const { status, reasons } = await healthOf(guarded)
    if (status === 'ok') return
    if (Date.now() > end_ms) throw new Error(`still red: ${reasons.join('; ')}`)
  }
}

const passed = async (guarded: Guarded, count: number): Promise<void> => {
  // Each canary that passed has ended; the next begins 10 s later.
  for (const end_ms = Date.now() + 120_000; ; await Bun.sleep(500)) {
    const ran = await sluice(['sessions', '--data', guarded.data, '--json', '--canaries'])
    if ((JSON.parse(ran.stdout) as unknown[]).length > count) return
    if (Date.now() > end_ms) throw new Error(`no canary: ${guarded.gateway.stderr()}`)
  }
}

describe('a canary with a bucket', () => {
  testSlow(
    needs,
    'is verified from it, and red when what comes back was changed, or the bucket takes nothing for longer than the lag allows',
    // They wait most of the time, each for its own gateway.
    async () => void (await Promise.all([changed(), behind()])),
    400_000,
  )
})

/** A record, its start, or its log. */
async function changed(): Promise<void> {
  await using proxy = await startS3Proxy((await ceph()).endpoint)
  await using guarded = await openWatched(proxy, 60)
  await passed(guarded, 1)
  expect((await healthOf(guarded)).status).toBe('ok')
  expect(guarded.gateway.stderr()).not.toContain('self_check_failed')

  for (const [part, flip_at, code] of [
    ['/records/', -1, 'record_edited|source_unreadable|record_malformed|ReplicaError'],
    // Within the start document's salt.
    ['/documents/0', 20, 'document_edited'],
    ['/entries/', -1, 'log|ReplicaError'],
  ] as const) {
    proxy.fault = (method, path) => (method === 'GET' && path.includes(part) ? { flip_at } : 'pass')
    await reasonOf(guarded, new RegExp(`the canary failed: .*(${code})`))
    expect(guarded.gateway.stderr()).toContain('"event":"self_check_failed"')
    proxy.fault = () => 'pass'
    await greenAgain(guarded)
  }
}

async function behind(): Promise<void> {
  await using proxy = await startS3Proxy((await ceph()).endpoint)
  await using guarded = await openWatched(proxy, 5)
  await passed(guarded, 0)
  proxy.fault = (method) => (method === 'PUT' ? { status: 503 } : 'pass')
  await reasonOf(guarded, /replication is \d+ s behind/)
  await reasonOf(guarded, /the canary failed: from the bucket, it has not arrived/)
  proxy.fault = () => 'pass'
  await greenAgain(guarded)
}
