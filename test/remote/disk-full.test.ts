/**
 * The disk of the receipts runs full in the midst of sending: nothing is sent that could not be planned, the reason is told, and
 * with space again all of it arrives, each object in one shape.
 */
import { describe, expect } from 'bun:test'
import { prefixOf } from '../../storage/replicate/keys.ts'
import { testSlow } from '../fixture/require.ts'
import { ceph_components, shareCeph } from '../fixture/share-ceph.ts'
import { mountSmallDisk } from '../fixture/small-disk.ts'
import { until } from '../fixture/until.ts'
import { bucketOf, keptEvidence, project, replicaOf, verifyBucket } from './world.ts'

const ceph = shareCeph()
const start_ms = 120_000
const disk_mib = 32
const sessions = 60

const root = process.getuid?.() === 0 ? [] : ['root']

describe('a full disk under the receipts', () => {
  testSlow(
    [...ceph_components, ...root],
    'holds sending up, and nothing is lost or sent twice in two shapes',
    async () => {
      const store = await ceph()
      const bucket = bucketOf(store, await store.makeBucket())
      const { writer, early } = await keptEvidence('full')
      using disk = mountSmallDisk(disk_mib)
      project(disk.path, writer.stored)
      const replica = replicaOf({ data: disk.path, bucket, writer, pause_ms: () => 20 })
      void replica.running()
      await replica.caughtUp()

      for (let n = 0; n < sessions; n++) {
        const session = await writer.session()
        session.record({ kind: 'channel', channel: 0, request: 'exec', env: {} })
        session.end()
      }
      writer.sign()
      // The store is written first, as the journal has what it lacks; then there is no space for a receipt.
      project(disk.path, writer.stored)
      disk.fill()
      const reason = (): string => replica.statuses.at(-1)?.reason ?? ''
      await until('the full disk is told', () => reason().includes('store_io'))
      expect(replica.refused).toEqual([])
      const countOf = async (): Promise<number> =>
        (await Array.fromAsync(bucket.versions(prefixOf(writer.origin)))).length
      const stuck = await countOf()
      await Bun.sleep(500)
      expect(await countOf()).toBe(stuck)

      disk.empty()
      await until('all has arrived', () => {
        const status = replica.statuses.at(-1)
        return status?.reason === undefined && status?.behind_since_ms === undefined
      })
      await replica.finish()
      const shapes = new Map<string, Set<string>>()
      for await (const { key, etag } of bucket.versions(prefixOf(writer.origin)))
        if (!/\/(?:probe|checkpoint)$/.test(key))
          shapes.set(key, (shapes.get(key) ?? new Set()).add(etag))
      expect([...shapes].filter(([, etags]) => etags.size > 1)).toEqual([])
      const report = await verifyBucket(bucket, writer.origin, writer.trust(early))
      expect(report.verdict).toBe('verified')
      expect(report.checked.sessions).toBe(sessions + 4)
    },
    start_ms,
  )
})
