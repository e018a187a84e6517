/**
 * A legal hold and an expiry where it counts: in a real bucket, whose owner removes what has expired once its lock has
 * ended, and where nobody removes what is held.
 */
import { describe, expect } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openBucketSource } from '../../storage/replicate/bucket-source.ts'
import { documentsKey, prefixOf, recordsKey } from '../../storage/replicate/keys.ts'
import { prune } from '../../storage/replicate/prune.ts'
import { rebuild } from '../../storage/replicate/rebuild.ts'
import type { Bucket } from '../../storage/replicate/s3.ts'
import { database_name } from '../../storage/store/layout.ts'
import { openReader } from '../../storage/store/reader.ts'
import { EvidenceWriter } from '../../storage/verify/fixture.ts'
import type { Report } from '../../storage/verify/report.ts'
import { verify } from '../../storage/verify/verify.ts'
import { testSlow } from '../fixture/require.ts'
import { ceph_components, shareCeph } from '../fixture/share-ceph.ts'
import { until } from '../fixture/until.ts'
import { bucketOf, erase, Folder, project, replicaOf, verifyBucket } from './world.ts'

const ceph = shareCeph()
const rules = [{ labels: {}, days: 0 }]
const hour_ms = 3_600_000
const by = { subject: 'olga', issuer: 'keys' }
const lock_ms = 10_000

/** Sessions that may go as soon as they have ended; one of them is held. */
async function evidence() {
  const writer = new EvidenceWriter({ seed: 'held' })
  await writer.knowAuditor()
  writer.days = 0
  writer.log('configuration.changed', 'edge-1', { gateway: 'edge-1', retention: rules })
  writer.heartbeat()
  const [gone, held] = [await writer.session(), await writer.session()]
  for (const session of [gone, held]) {
    session.exec(3)
    session.end()
  }
  const scope = { session: held.id }
  writer.log('hold.set', 'edge-1', { hold: 'h1', scope, reason: 'case 7', by })
  writer.sign()
  return { writer, gone, held, hold: { id: 'h1', scope, reason: 'case 7', by } }
}

const failures = ({ findings }: Report): readonly string[] =>
  findings.flatMap(({ severity, code }) => (severity === 'failure' ? code : []))
const codes = ({ findings }: Report): readonly string[] => findings.map(({ code }) => code)

/** Whether each of the session's objects is under a legal hold. */
async function heldIn(bucket: Bucket, origin: string, session: string): Promise<Set<boolean>> {
  const found = new Set<boolean>()
  for await (const { key, version } of bucket.versions(`${prefixOf(origin)}session/${session}/`))
    found.add((await bucket.lock(key, version))?.is_held === true)
  return found
}

describe('in a bucket', () => {
  testSlow(
    ceph_components,
    'what is held stays, what has expired goes when its lock has ended, and both verify',
    async () => {
      const store = await ceph()
      const name = await store.makeBucket()
      const [bucket, owner] = [bucketOf(store, name), bucketOf(store, name, store.owner)]
      const { writer, gone, held, hold } = await evidence()
      const { origin } = writer
      using folder = new Folder()
      project(folder.path, writer.stored)
      let behind_ms = 0
      const now_ms = (): number => Date.now() - behind_ms
      const sent = { data: folder.path, bucket, writer, retention: rules, now_ms }
      const send = async (is_short = false): Promise<void> => {
        behind_ms = 0
        const replica = replicaOf(sent)
        replica.replicator.holds([hold])
        await replica.prove()
        // A lock of no days ends an hour after its time: these in some seconds.
        if (is_short) behind_ms = hour_ms - lock_ms
        await replica.finish()
        expect(replica.refused).toEqual([])
      }
      await send(true)
      const locked_until_ms = Date.now() + lock_ms
      expect(await heldIn(bucket, origin, held.id)).toEqual(new Set([true]))
      expect(await heldIn(bucket, origin, gone.id)).toEqual(new Set([false]))
      const first = await verifyBucket(bucket, origin, writer.trust())
      expect(failures(first)).toEqual([])
      expect(codes(first)).toContain('hold_in_force')

      using made = new Folder()
      const data = join(made.path, 'archive')
      const isArchived = (): boolean =>
        readFileSync(join(data, database_name)).includes(`"session":"${gone.id}","seq":3`)
      await rebuild(bucket, origin, data)
      expect(isArchived()).toBe(true)

      writer.log('retention.applied', 'edge-1', { sessions: [{ session: gone.id }] })
      writer.sign()
      erase(writer, gone)
      project(folder.path, writer.stored)
      await send()
      const expired = await verifyBucket(bucket, origin, writer.trust())
      expect(failures(expired)).toEqual([])
      expect(codes(expired)).toContain('session_expired')

      const pruned = async (as: Bucket) =>
        prune(as, origin, await openBucketSource(as, origin), Date.now(), true)
      // Not by the gateway's credential, whenever.
      await Bun.sleep(Math.max(0, locked_until_ms + 1_500 - Date.now()))
      expect(await pruned(bucket)).toMatchObject({ sessions: 1, removed: 0 })
      const done = await pruned(owner)
      expect(done).toEqual({ sessions: 1, removed: 2, locked: 0 })
      expect(await heldIn(bucket, origin, gone.id)).toEqual(new Set())
      const records = `${prefixOf(origin)}${recordsKey(held.id, 0)}`
      const [version] = await Array.fromAsync(owner.versions(records))
      // Its lock has ended, and it is held: also from its owner.
      expect(await owner.remove(records, version?.version ?? '')).toBe(false)
      const left = await verifyBucket(bucket, origin, writer.trust())
      expect(failures(left)).toEqual([])
      expect(left.verdict).toBe('verified')

      await rebuild(bucket, origin, data)
      expect(isArchived()).toBe(false)
      const reader = openReader(data)
      expect((await verify(reader, writer.trust())).verdict).toBe('verified')
      expect(await reader.erasedBy(gone.id)).toBeDefined()
      expect((await reader.sessions({})).sessions.map(({ id }) => id)).toEqual([held.id])
      reader.close()

      // Somebody with the gateway's credential lifts it, and says nothing.
      await bucket.hold(records, version?.version ?? '', false)
      writer.now_us += 2 * hour_ms * 1000
      writer.begin()
      writer.sign()
      project(folder.path, writer.stored)
      await send()
      const silent = await verifyBucket(bucket, origin, writer.trust())
      expect(failures(silent)).toEqual(['hold_missing'])
      expect(silent.findings.find(({ code }) => code === 'hold_missing')?.session).toBe(held.id)
    },
    120_000,
  )

  testSlow(
    ceph_components,
    'a hold that is lifted is lifted there, and one that comes later comes there too',
    async () => {
      const store = await ceph()
      const bucket = bucketOf(store, await store.makeBucket())
      const { writer, gone, held, hold } = await evidence()
      const { origin } = writer
      using folder = new Folder()
      project(folder.path, writer.stored)
      const replica = replicaOf({ data: folder.path, bucket, writer, pause_ms: () => 200 })
      const running = replica.running()
      const becomes = (session: string, is_held: boolean): Promise<boolean> =>
        until(`${session} held: ${is_held}`, async () => {
          const found = await heldIn(bucket, origin, session)
          return found.size === 1 && found.has(is_held)
        })
      replica.replicator.holds([hold])
      await becomes(held.id, true)
      await becomes(gone.id, false)
      replica.replicator.holds([{ ...hold, scope: { subject: 'ada' } }])
      await becomes(gone.id, true)
      replica.replicator.holds([])
      await becomes(held.id, false)
      await becomes(gone.id, false)
      const documents = await bucket.get(`${prefixOf(origin)}${documentsKey(gone.id, 0)}`)
      expect(documents).toMatchObject({ modified_ms: expect.any(Number) })
      expect(documents?.is_held).toBeUndefined()
      await replica.finish()
      await running
      expect(replica.refused).toEqual([])
    },
    120_000,
  )
})
