/**
 * The recovery of a lost gateway at size: hundreds of sessions of a megabyte. `bun run bench storage` times a thousand.
 */
import { describe, expect } from 'bun:test'
import { join } from 'node:path'
import { type RebuildProgress, rebuild } from '../../storage/replicate/rebuild.ts'
import { openReader } from '../../storage/store/reader.ts'
import { verify } from '../../storage/verify/verify.ts'
import { testSlow } from '../fixture/require.ts'
import { ceph_components, shareCeph } from '../fixture/share-ceph.ts'
import { bucketOf, Folder, keptEvidence, project, replicaOf } from './world.ts'

const ceph = shareCeph()
const sessions = 250
const record_bytes = 16 * 1024
const records = 64

describe('a store from a bucket alone', () => {
  testSlow(
    ceph_components,
    'hundreds of sessions of a megabyte come back',
    async () => {
      const store = await ceph()
      const bucket = bucketOf(store, await store.makeBucket())
      const { writer, early } = await keptEvidence('hundreds')
      using folder = new Folder()
      const data = join(folder.path, 'data')
      project(folder.path, writer.stored)
      const line = 'the quick brown fox jumps over the lazy dog 0123456789\n'
      const payload = Buffer.from(line.repeat(400)).subarray(0, record_bytes)
      for (let n = 0; n < sessions; n++) {
        const session = await writer.session()
        const channel = 0
        session.record({ kind: 'channel', channel, request: 'exec', env: {} })
        session.record(
          { kind: 'command', channel, confidence: 'exact', spans: [] },
          Buffer.from(`report number-${n}`),
        )
        for (let at = 0; at < records; at++) {
          const [offset, length] = [at * record_bytes, record_bytes]
          session.record({ kind: 'output', channel, stream: 1, offset, length, spans: [] }, payload)
        }
        session.end()
        if (n % 50 !== 49) continue
        project(folder.path, writer.stored)
        // They are on the disk, and need not be in memory.
        writer.stored.sessions.clear()
      }
      writer.sign()
      project(folder.path, writer.stored)
      await replicaOf({ data: folder.path, bucket, writer }).finish(120_000)

      const begun_ms = performance.now()
      const seen: RebuildProgress[] = []
      const made = await rebuild(bucket, writer.origin, data, (so_far) => seen.push(so_far))
      const took_ms = performance.now() - begun_ms
      process.stderr.write(
        `rebuilt ${made.sessions} sessions, ${Math.round(made.bytes / 1e6)} MB in ${Math.round(took_ms)} ms\n`,
      )
      expect(made.sessions).toBe(sessions + 4)
      expect(made.bytes).toBeGreaterThan(sessions * records * record_bytes)
      expect(seen.length).toBeGreaterThan(sessions)
      const reader = openReader(data)
      expect((await reader.sessions({ text: 'number-177' })).sessions).toHaveLength(1)
      const report = await verify(reader, writer.trust(early))
      reader.close()
      expect(report.verdict).toBe('verified')
      expect(report.checked.sessions).toBe(sessions + 4)
    },
    300_000,
  )
})
