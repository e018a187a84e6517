/**
 * The documents of sessions in a bucket: in one object, in two where a session outlasts a round, and in objects of their own as
 * versions before had them.
 */
import { describe, expect } from 'bun:test'
import { join } from 'node:path'
import { leaf_list_width } from '../../storage/evidence/limits.ts'
import { decodeDocuments } from '../../storage/replicate/body.ts'
import { ReplicaError } from '../../storage/replicate/errors.ts'
import { documentsKey, prefixOf, sessionKey } from '../../storage/replicate/keys.ts'
import { rebuild } from '../../storage/replicate/rebuild.ts'
import type { Bucket } from '../../storage/replicate/s3.ts'
import { openReader } from '../../storage/store/reader.ts'
import type { SessionWriter } from '../../storage/verify/fixture.ts'
import { verify } from '../../storage/verify/verify.ts'
import { testSlow } from '../fixture/require.ts'
import { ceph_components, shareCeph } from '../fixture/share-ceph.ts'
import { failures } from './keyed.ts'
import { bucketOf, Folder, keptEvidence, project, replicaOf, verifyBucket } from './world.ts'

const ceph = shareCeph()
const start_ms = 120_000

const bytesOf = async (body: Uint8Array | Blob): Promise<Uint8Array> =>
  body instanceof Blob ? body.bytes() : Uint8Array.from(body)

/** A session within a round, and one that ends in a later one, after more records than one leaf list has. */
async function evidence(seed: string, is_keyed = false) {
  const store = await ceph()
  const name = await store.makeBucket()
  const bucket = bucketOf(store, name)
  const small = await keptEvidence(seed)
  const { writer } = small
  writer.is_keyed = is_keyed
  const [short, long] = [await writer.session(), await writer.session()]
  short.exec(1)
  short.end()
  long.exec(1)
  writer.sign()
  const grow = (): void => {
    for (let count = 0; count < leaf_list_width; count++)
      long.record({ kind: 'resize', channel: 0, columns: 80, rows: 24 })
    long.end()
    writer.sign()
  }
  const prefix = prefixOf(writer.origin)
  const owner = bucketOf(store, name, store.owner)
  return { ...small, short, long, grow, bucket, owner, prefix }
}

const partsOf = async (bucket: Bucket, prefix: string, { id }: SessionWriter) => {
  const found = await Array.fromAsync(bucket.versions(`${prefix}session/${id}/`))
  return found.map(({ key }) => key.slice(`${prefix}session/${id}/`.length))
}

describe('the documents of a session', () => {
  for (const is_keyed of [false, true])
    testSlow(
      ceph_components,
      `lie in one object, and in two where it outlasts a round${is_keyed ? ', encrypted' : ''}`,
      async () => {
        const made = await evidence(`documents-${is_keyed}`, is_keyed)
        const { writer, early, short, long, bucket, prefix } = made
        using folder = new Folder()
        const data = join(folder.path, 'gateway')
        await Bun.write(join(data, '.keep'), '')
        project(data, writer.stored)
        const replica = replicaOf({ data, bucket, writer, is_logging: true, pause_ms: () => 200 })
        const running = replica.running()
        await replica.caughtUp()
        made.grow()
        project(data, writer.stored)
        await replica.finish()
        await running
        expect(replica.refused).toEqual([])

        const key = is_keyed ? ['key'] : []
        const records = 'records/0000000000000000'
        expect(await partsOf(bucket, prefix, short)).toEqual(['documents/0', ...key, records])
        const parts = await partsOf(bucket, prefix, long)
        expect(parts.filter((part) => !part.startsWith('records/'))).toEqual([
          ...['documents/0', 'documents/1', ...key, 'leaves'],
        ])
        const leaves = await bucket.get(`${prefix}${sessionKey(long.id, 'leaves')}`)
        expect(leaves?.mode).toBe('COMPLIANCE')

        const report = await verifyBucket(bucket, writer.origin, writer.trust(early))
        expect([report.verdict, failures(report)]).toEqual(['verified', []])
        const archive = join(folder.path, 'archive')
        await rebuild(bucket, writer.origin, archive)
        const reader = openReader(archive)
        const again = await verify(reader, writer.trust(early))
        expect([again.verdict, failures(again)]).toEqual(['verified', []])
        expect(again.checked).toEqual(report.checked)
        for (const digest of [...writer.stored.documents.keys()])
          expect((await reader.document(digest))?.bytes).toEqual(
            writer.stored.documents.get(digest),
          )
        reader.close()
      },
      start_ms,
    )

  testSlow(
    ceph_components,
    'are the same when they are sent again, though the session ended meanwhile',
    async () => {
      const made = await evidence('again')
      const { writer, early, long, bucket, prefix } = made
      using folder = new Folder()
      project(folder.path, writer.stored)
      const first = documentsKey(long.id, 0)
      let sent: Uint8Array | undefined
      const failing: Bucket = {
        ...bucket,
        put: async (key, body, ...rest) => {
          if (!key.endsWith(first)) return bucket.put(key, body, ...rest)
          sent ??= await bytesOf(body)
          throw new ReplicaError('s3_failing', 'PUT: 503')
        },
      }
      const before = replicaOf({ data: folder.path, bucket: failing, writer })
      await before.finish(2_000)
      expect(decodeDocuments(sent ?? new Uint8Array())).toHaveLength(2)
      made.grow()
      project(folder.path, writer.stored)
      const after = replicaOf({ data: folder.path, bucket, writer, is_logging: true })
      await after.finish()
      expect(after.refused).toEqual([])
      expect((await bucket.get(`${prefix}${first}`))?.bytes).toEqual(sent)
      expect(await partsOf(bucket, prefix, long)).toContain('documents/1')
      const report = await verifyBucket(bucket, writer.origin, writer.trust(early))
      expect([report.verdict, failures(report)]).toEqual(['verified', []])
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'are read where a version before put them; beside them nothing is put without being named',
    async () => {
      const { writer, early, short, ended, bucket, prefix, grow } = await evidence('before')
      grow()
      using folder = new Folder()
      const data = join(folder.path, 'gateway')
      await Bun.write(join(data, '.keep'), '')
      project(data, writer.stored)
      const one = documentsKey(short.id, 0)
      // As it was sent then.
      const old: Bucket = {
        ...bucket,
        put: async (key, body, until_ms, sha256) => {
          if (!key.endsWith(one)) return bucket.put(key, body, until_ms, sha256)
          const [start, envelope, manifest, leaves] = decodeDocuments(await bytesOf(body)) ?? []
          for (const [part, bytes] of Object.entries({ start, envelope, manifest, leaves })) {
            const locked_ms = part === 'leaves' ? Date.now() + 40 * 86_400_000 : undefined
            await bucket.put(
              `${prefix}session/${short.id}/${part}`,
              bytes ?? new Uint8Array(),
              locked_ms,
            )
          }
          return 'none'
        },
      }
      await replicaOf({ data, bucket: old, writer }).finish()
      const found = async () => {
        const { findings } = await verifyBucket(bucket, writer.origin, writer.trust(early))
        return findings.flatMap(({ severity, code, message }) =>
          severity === 'failure' ? `${code} ${message.split(':')[0]}` : [],
        )
      }
      expect(await partsOf(bucket, prefix, short)).toEqual([
        ...['envelope', 'leaves', 'manifest', 'records/0000000000000000', 'start'],
      ])
      expect(await found()).toEqual([])
      const archive = join(folder.path, 'archive')
      await rebuild(bucket, writer.origin, archive)
      const reader = openReader(archive)
      expect((await verify(reader, writer.trust(early))).verdict).toBe('verified')
      reader.close()
      for (const part of ['start', 'envelope', 'manifest', 'documents/1']) {
        const bytes = part === 'start' ? new Uint8Array(99) : Buffer.from([0, 0, 0, 1, 7])
        await bucket.put(`${prefix}session/${ended.id}/${part}`, bytes)
      }
      expect((await found()).toSorted()).toEqual(
        ['documents/1', 'envelope', 'manifest', 'start'].map(
          (part) => `object_added session/${ended.id}/${part}`,
        ),
      )
    },
    start_ms,
  )
})
