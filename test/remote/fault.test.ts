/**
 * A store that is slow, wrong, or gone, and a gateway that is killed while it sends: everything arrives in the end,
 * and nothing arrives in two shapes.
 */
import { describe, expect } from 'bun:test'
import { ReplicaError } from '../../storage/replicate/errors.ts'
import { prefixOf } from '../../storage/replicate/keys.ts'
import type { Bucket } from '../../storage/replicate/s3.ts'
import { testSlow } from '../fixture/require.ts'
import { type Fault, startS3Proxy } from '../fixture/s3-proxy.ts'
import { ceph_components, shareCeph } from '../fixture/share-ceph.ts'
import { bucketOf, Folder, keptEvidence, project, replicaOf, verifyBucket } from './world.ts'

const ceph = shareCeph()
const start_ms = 90_000

const shorter = (): number => 5

async function contentsOf(bucket: Bucket, origin: string): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>()
  for await (const { key, etag } of bucket.versions(prefixOf(origin)))
    found.set(key, (found.get(key) ?? new Set()).add(etag))
  return found
}

/** Mutable files and the probe have one content for each time. */
const isFixed = (key: string): boolean => !/\/(?:probe|checkpoint)$/.test(key)

describe('replication to a store that fails', () => {
  testSlow(
    ceph_components,
    'every request fails in another way before it succeeds: all arrives, each in one shape',
    async () => {
      const store = await ceph()
      await using proxy = await startS3Proxy(store.endpoint)
      const name = await store.makeBucket()
      const direct = bucketOf(store, name)
      const bucket = bucketOf({ ...store, endpoint: proxy.endpoint }, name)
      const { writer, early } = await keptEvidence('every way')
      using folder = new Folder()
      project(folder.path, writer.stored)
      const faults: readonly Fault[] = [
        'drop',
        'drop_answer',
        { status: 500, body: '<Error><Code>InternalError</Code></Error>' },
        { status: 503 },
        { status: 429 },
        { status: 200, body: 'certainly' },
        { header: 'x-amz-version-id', value: undefined },
        { header: 'x-amz-version-id', value: 'null' },
        { header: 'x-amz-checksum-sha256', value: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' },
        { status: 302 },
        'drop_answer',
      ]
      const seen = new Map<string, number>()
      proxy.fault = (method, path) => {
        if (!path.includes('/session/') && !path.includes('/entries/')) return 'pass'
        const key = `${method} ${path.split('?')[0]}`
        const times = seen.get(key) ?? 0
        seen.set(key, times + 1)
        return faults[times] ?? 'pass'
      }
      const replica = replicaOf({ data: folder.path, bucket, writer, pause_ms: shorter })
      void replica.running()
      await replica.caughtUp()
      await replica.finish()
      expect(replica.refused).toEqual([])
      expect(Math.max(...seen.values())).toBeGreaterThan(faults.length)
      const contents = await contentsOf(direct, writer.origin)
      expect(contents.size).toBeGreaterThan(10)
      for (const [key, etags] of contents)
        if (isFixed(key)) expect([key, etags.size]).toEqual([key, 1])
      const report = await verifyBucket(direct, writer.origin, writer.trust(early))
      expect(report.verdict).toBe('verified')
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'a refusal and a slow answer are told by name, and heal by themselves',
    async () => {
      const store = await ceph()
      await using proxy = await startS3Proxy(store.endpoint)
      const bucket = bucketOf({ ...store, endpoint: proxy.endpoint }, await store.makeBucket())
      const { writer } = await keptEvidence('refused')
      using folder = new Folder()
      project(folder.path, writer.stored)
      const replica = replicaOf({ data: folder.path, bucket, writer, pause_ms: shorter })
      const reason = (): string => replica.statuses.at(-1)?.reason ?? ''
      proxy.fault = () => ({ status: 403, body: '<Error><Code>InvalidAccessKeyId</Code></Error>' })
      void replica.running()
      while (!reason().includes('s3_refused')) await Bun.sleep(5)
      expect(reason()).toContain('403 InvalidAccessKeyId')
      expect(replica.statuses.at(-1)?.proven).toBe(false)
      proxy.fault = () => ({ status: 404, body: '<Error><Code>NoSuchBucket</Code></Error>' })
      while (!reason().includes('s3_missing')) await Bun.sleep(5)
      proxy.fault = () => ({ delay_ms: 150 })
      await replica.caughtUp()
      expect(replica.statuses.at(-1)).toMatchObject({ proven: true })
      expect(reason()).toBe('')
      proxy.fault = () => 'pass'
      await replica.finish()
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'a line that is too slow for all at once is given less at a time, until it all arrives',
    async () => {
      const store = await ceph()
      const bucket = bucketOf(store, await store.makeBucket())
      const { writer, early } = await keptEvidence('narrow')
      for (let count = 0; count < 20; count++) {
        const session = await writer.session()
        session.exec(1)
        session.end()
      }
      writer.sign()
      using folder = new Folder()
      project(folder.path, writer.stored)
      let on_their_way = 0
      let timed_out = 0
      const narrow: Bucket = {
        ...bucket,
        put: async (...asked) => {
          on_their_way++
          try {
            await Bun.sleep(1)
            if (on_their_way <= 2) return await bucket.put(...asked)
            timed_out++
            await Bun.sleep(5)
            throw new ReplicaError('s3_unreachable', 'PUT: no answer in time')
          } finally {
            on_their_way--
          }
        },
      }
      const replica = replicaOf({ data: folder.path, bucket: narrow, writer, pause_ms: shorter })
      void replica.running()
      await replica.caughtUp()
      await replica.finish()
      expect(timed_out).toBeGreaterThan(8)
      expect(replica.refused).toEqual([])
      const report = await verifyBucket(bucket, writer.origin, writer.trust(early))
      expect(report.verdict).toBe('verified')
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'gone for an hour: the lag says so, tries become rare, and all of it arrives',
    async () => {
      const store = await ceph()
      await using proxy = await startS3Proxy(store.endpoint)
      const name = await store.makeBucket()
      const bucket = bucketOf({ ...store, endpoint: proxy.endpoint }, name)
      const { writer, early } = await keptEvidence('an hour')
      using folder = new Folder()
      project(folder.path, writer.stored)
      // An hour passes by the clock that the replicator is given.
      let passed_ms = 0
      const pauses: number[] = []
      const replica = replicaOf({
        ...{ data: folder.path, bucket, writer },
        now_ms: () => Date.now() + passed_ms,
        pause_ms: (asked_ms) => {
          pauses.push(asked_ms)
          passed_ms += asked_ms
          return 1
        },
      })
      proxy.fault = () => 'drop'
      const begun_ms = Date.now()
      void replica.running()
      while (passed_ms < 3_600_000) await Bun.sleep(10)
      const since_ms = replica.statuses.at(-1)?.behind_since_ms ?? 0
      expect(begun_ms + passed_ms - since_ms).toBeGreaterThan(3_500_000)
      expect(replica.statuses.at(-1)?.reason).toContain('s3_unreachable')
      // Doubling up to a minute, with jitter: 62 to 125 tries in an hour, not thousands.
      expect(pauses.length).toBeLessThan(150)
      expect(Math.max(...pauses)).toBeLessThanOrEqual(60_000)
      expect(new Set(pauses.slice(-20)).size).toBeGreaterThan(10)
      proxy.fault = () => 'pass'
      passed_ms = 0
      await replica.caughtUp()
      await replica.finish()
      const report = await verifyBucket(bucketOf(store, name), writer.origin, writer.trust(early))
      expect(report.verdict).toBe('verified')
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'a gateway that dies between sending and hearing of it sends the same bytes again',
    async () => {
      const store = await ceph()
      const name = await store.makeBucket()
      const bucket = bucketOf(store, name)
      const { writer, early, running } = await keptEvidence('dies')
      using folder = new Folder()
      project(folder.path, writer.stored)
      // It planned, it sent, and it never heard.
      const deaf: Bucket = {
        ...bucket,
        put: async (key, body, until) => {
          const version = await bucket.put(key, body, until)
          if (key.includes('/session/')) throw new Error('gone before it answered')
          return version
        },
      }
      const dying = replicaOf({ data: folder.path, bucket: deaf, writer })
      void dying.running()
      while (dying.statuses.at(-1)?.reason === undefined) await Bun.sleep(5)
      dying.replicator.stop(0)
      // Meanwhile the session that ran has more records: a chunk made anew would be another one.
      running.record({ kind: 'resize', channel: 0, columns: 99, rows: 24 })
      running.end()
      writer.sign()
      project(folder.path, writer.stored)
      await replicaOf({ data: folder.path, bucket, writer }).finish()
      const contents = await contentsOf(bucket, writer.origin)
      for (const [key, etags] of contents)
        if (isFixed(key)) expect([key, etags.size]).toEqual([key, 1])
      const report = await verifyBucket(bucket, writer.origin, writer.trust(early))
      expect(report.verdict).toBe('verified')
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'the store is killed while the queue is full, again and again: nothing is lost when it is back',
    async () => {
      const store = await ceph()
      const name = await store.makeBucket()
      const bucket = bucketOf(store, name)
      const { writer, early } = await keptEvidence('killed')
      for (let n = 0; n < 40; n++) {
        writer.now_us += 1_000
        const session = await writer.session()
        session.exec(400)
        session.end()
      }
      writer.sign()
      using folder = new Folder()
      project(folder.path, writer.stored)
      const first = replicaOf({ data: folder.path, bucket, writer, pause_ms: shorter })
      void first.running()
      const sent = (): number => first.statuses.at(-1)?.sent_objects ?? 0
      for (const at of [10, 40, 70]) {
        while (sent() < at) await Bun.sleep(2)
        await store.killGateway()
        await Bun.sleep(200)
        expect(first.statuses.at(-1)?.behind_since_ms).toBeDefined()
        await store.startGateway()
      }
      await first.caughtUp()
      await first.finish()
      const contents = await contentsOf(bucket, writer.origin)
      for (const [key, etags] of contents)
        if (isFixed(key)) expect([key, etags.size]).toEqual([key, 1])
      const report = await verifyBucket(bucket, writer.origin, writer.trust(early))
      expect(report.verdict).toBe('verified')
      expect(report.checked.sessions).toBe(44)
    },
    start_ms,
  )
})
