/**
 * The thread that sends evidence dies: another one goes on where it was, and until then it counts as behind.
 */
import { describe, expect } from 'bun:test'
import { type ReplicaClient, startReplica } from '../../storage/replicate/client.ts'
import type { ReplicaError } from '../../storage/replicate/errors.ts'
import { testSlow } from '../fixture/require.ts'
import { ceph_components, shareCeph } from '../fixture/share-ceph.ts'
import { until } from '../fixture/until.ts'
import { bucketOf, Folder, keptEvidence, project, retention, verifyBucket } from './world.ts'

const ceph = shareCeph()
const start_ms = 120_000
const replica_url = new URL('../../storage/replicate/worker.ts', import.meta.url).href

describe('a replicating Worker that dies', () => {
  testSlow(
    ceph_components,
    'is started anew, and what came meanwhile arrives',
    async () => {
      const store = await ceph()
      const bucket = await store.makeBucket()
      const { writer, early } = await keptEvidence('dies')
      using folder = new Folder()
      project(folder.path, writer.stored)
      const workers: Worker[] = []
      const refused: ReplicaError[] = []
      const { access_key, secret_key } = store.gateway
      const settings = { endpoint: store.endpoint, bucket, region: 'us-east-1', path_style: true }
      const client: ReplicaClient = await startReplica(
        {
          ...{ data: folder.path, retention, verifier_key: writer.signer.verifier_key },
          bucket: { ...settings, access_key, secret_key },
        },
        { replicated: () => {}, receipts: () => {}, refused: (error) => refused.push(error) },
        () => {
          const worker = new Worker(replica_url)
          workers.push(worker)
          return worker
        },
      )
      const isThere = (): boolean =>
        client.status.proven && client.status.behind_since_ms === undefined
      await until('all has arrived', isThere)
      const sent = client.status.sent_objects
      expect(sent).toBeGreaterThan(0)

      workers[0]?.terminate()
      await until('its death is told', () => !client.status.proven)
      expect(client.status.reason).toContain('replication stopped')
      expect(client.status.behind_since_ms).toBeGreaterThan(0)
      expect(refused.map(({ code }) => code)).toEqual(['store_io'])
      writer.heartbeat()
      writer.sign()
      project(folder.path, writer.stored)
      await until(
        'the next one sent what came',
        () => isThere() && client.status.sent_objects > sent,
      )
      expect(workers).toHaveLength(2)
      await client.stop()
      const report = await verifyBucket(bucketOf(store, bucket), writer.origin, writer.trust(early))
      expect(report.verdict).toBe('verified')
      expect(report.log?.size).toBe(writer.stored.entries.length)
    },
    start_ms,
  )
})
