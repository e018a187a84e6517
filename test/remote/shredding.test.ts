/**
 * Sessions with keys of their own where it counts: in a real bucket, whose locks keep the copies, and where nobody can read them
 * once the key is gone. A key that is gone without a word, or is another, is named.
 */
import { describe, expect } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openBucketSource } from '../../storage/replicate/bucket-source.ts'
import { ReplicaError } from '../../storage/replicate/errors.ts'
import { documentsKey, prefixOf, recordsKey, sessionKey } from '../../storage/replicate/keys.ts'
import { prune } from '../../storage/replicate/prune.ts'
import { rebuild } from '../../storage/replicate/rebuild.ts'
import type { Bucket } from '../../storage/replicate/s3.ts'
import { commitmentOf, decodeSessionKey } from '../../storage/replicate/session-key.ts'
import { database_name, receipts_name } from '../../storage/store/layout.ts'
import { openReader } from '../../storage/store/reader.ts'
import type { SessionWriter } from '../../storage/verify/fixture.ts'
import type { Report } from '../../storage/verify/report.ts'
import { verify } from '../../storage/verify/verify.ts'
import { testSlow } from '../fixture/require.ts'
import { ceph_components, shareCeph } from '../fixture/share-ceph.ts'
import {
  bodiesOf,
  by,
  codes,
  evidence,
  failures,
  flipped,
  readFileOr,
  send,
  shred,
  versionsOf,
} from './keyed.ts'
import { bucketOf, copyObjects, erase, Folder, project, replicaOf, verifyBucket } from './world.ts'

const ceph = shareCeph()
const long_ms = 120_000

describe('keys of sessions in a bucket', () => {
  testSlow(
    ceph_components,
    'open what is there, and once one is gone nobody reads its session, and all else verifies',
    async () => {
      const store = await ceph()
      const name = await store.makeBucket({ shreds: true })
      const [bucket, owner] = [bucketOf(store, name), bucketOf(store, name, store.owner)]
      const { writer, plain, gone, kept } = await evidence('shredded')
      const { origin } = writer
      const prefix = prefixOf(origin)
      using folder = new Folder()
      project(folder.path, writer.stored)
      const sent = { data: folder.path, bucket, writer }
      await send(sent)

      const before = await verifyBucket(owner, origin, writer.trust())
      expect([before.verdict, codes(before), before.checked.sessions]).toEqual(['verified', [], 3])
      const objects = await bodiesOf(owner, `${prefix}session/${gone.id}/`)
      expect([...objects.keys()].toSorted()).toEqual([
        ...['documents/0', 'key', 'records/0000000000000000'],
      ])
      const key = decodeSessionKey(objects.get('key') ?? new Uint8Array())
      if (key === undefined) throw new Error('the key is one')
      for (const [part, body] of objects)
        if (part !== 'key') {
          expect([part, commitmentOf(body)?.length]).toEqual([part, 32])
          expect(Buffer.from(body).includes('gone-said')).toBe(false)
        }
      const open = await owner.get(`${prefix}${recordsKey(plain.id, 0)}`)
      expect(Buffer.from(open?.bytes ?? []).includes('plain-said')).toBe(true)
      const receiptsHave = (bytes: Uint8Array): boolean =>
        ['', '-wal'].some((end) =>
          readFileOr(join(folder.path, receipts_name + end)).includes(Buffer.from(bytes)),
        )
      expect(receiptsHave(key)).toBe(true)

      using made = new Folder()
      const data = join(made.path, 'archive')
      const isArchived = (word: string): boolean =>
        readFileSync(join(data, database_name)).includes(word)
      await rebuild(owner, origin, data)
      expect(['gone-said', 'kept-said', 'plain-said'].filter(isArchived)).toHaveLength(3)

      // The fact is there, and who erases died before the deed.
      shred(writer, gone)
      project(folder.path, writer.stored)
      await send(sent)
      expect(receiptsHave(key)).toBe(false)
      const between = await verifyBucket(owner, origin, writer.trust())
      expect([between.verdict, codes(between).toSorted()]).toEqual([
        'verified',
        ['session_key_kept', 'session_shredded'],
      ])
      // The next one goes on.
      const status = await send({ ...sent, is_shredding: true })
      expect(status?.unshredded).toBeUndefined()
      const name_of_key = `${prefix}${sessionKey(gone.id, 'key')}`
      expect(await versionsOf(owner, name_of_key)).toEqual([])
      expect(await versionsOf(owner, `${prefix}${sessionKey(kept.id, 'key')}`)).toHaveLength(1)
      const after = await verifyBucket(owner, origin, writer.trust())
      expect([after.verdict, codes(after)]).toEqual(['verified', ['session_shredded']])
      expect(after.findings[0]?.message).toContain('by "olga"')
      expect(after.findings[0]?.message).toContain('"article 17"')
      expect(after.checked.sessions).toBe(2)
      // What is under lock is there still.
      const left = await owner.get(`${prefix}${recordsKey(gone.id, 0)}`)
      expect(left?.bytes).toEqual(objects.get('records/0000000000000000'))

      await rebuild(owner, origin, data)
      expect(isArchived('gone-said')).toBe(false)
      expect(isArchived('kept-said')).toBe(true)
      const anew = join(made.path, 'anew')
      await rebuild(owner, origin, anew)
      const reader = openReader(anew)
      expect((await verify(reader, writer.trust())).verdict).toBe('verified')
      expect((await reader.sessions({})).sessions.map(({ id }) => id).toSorted()).toEqual(
        [kept.id, plain.id].toSorted(),
      )
      const order = await reader.document((await reader.erasedBy(gone.id)) ?? '')
      expect(order?.type).toBe('session.shredded')
      reader.close()

      // Somebody kept a copy of the key, and puts it back: told, and nobody reads by it what was shredded.
      await bucket.put(name_of_key, objects.get('key') ?? new Uint8Array())
      const restored = await verifyBucket(owner, origin, writer.trust())
      expect([restored.verdict, codes(restored).toSorted()]).toEqual([
        'verified',
        ['session_key_kept', 'session_shredded'],
      ])
      expect(restored.checked.sessions).toBe(2)

      // What is under lock can still be hidden.
      await bucket.put(`${prefix}${recordsKey(gone.id, 0)}`, new Uint8Array([1]))
      const hidden = await verifyBucket(owner, origin, writer.trust())
      expect(failures(hidden)).toEqual(['object_shadowed'])
    },
    long_ms,
  )

  testSlow(
    ceph_components,
    'are missed by name when they are gone without a word, and when they are others',
    async () => {
      const store = await ceph()
      const name = await store.makeBucket()
      const [bucket, owner] = [bucketOf(store, name), bucketOf(store, name, store.owner)]
      const { writer, gone, kept } = await evidence('lost')
      const { origin } = writer
      const prefix = prefixOf(origin)
      using folder = new Folder()
      project(folder.path, writer.stored)
      await send({ data: folder.path, bucket, writer })
      const name_of_key = `${prefix}${sessionKey(gone.id, 'key')}`
      const own = (await owner.get(name_of_key))?.bytes ?? new Uint8Array()
      const other = (await owner.get(`${prefix}${sessionKey(kept.id, 'key')}`))?.bytes
      const verified = (): Promise<Report> => verifyBucket(owner, origin, writer.trust())

      await bucket.put(name_of_key, other ?? new Uint8Array())
      const shadowed = await verified()
      expect(failures(shadowed)).toEqual(['object_shadowed'])
      expect(shadowed.checked.sessions).toBe(3)

      const [, first = ''] = await versionsOf(owner, name_of_key)
      expect(await owner.remove(name_of_key, first)).toBe(true)
      const wrong = await verified()
      expect(failures(wrong).toSorted()).toEqual(['object_missing', 'session_key_wrong'])
      expect(wrong.findings.find(({ code }) => code === 'session_key_wrong')?.session).toBe(gone.id)
      expect(wrong.checked.sessions).toBe(2)

      for (const version of await versionsOf(owner, name_of_key))
        await owner.remove(name_of_key, version)
      const missing = await verified()
      expect(failures(missing).toSorted()).toEqual(['object_missing', 'session_key_missing'])
      expect(missing.findings.find(({ code }) => code === 'session_key_missing')?.session).toBe(
        gone.id,
      )
      using made = new Folder()
      await rebuild(owner, origin, join(made.path, 'archive'))
      const reader = openReader(join(made.path, 'archive'))
      expect((await reader.sessions({})).sessions).toHaveLength(2)
      reader.close()

      // The right one put back: readable again, and that its version is another is told.
      await bucket.put(name_of_key, own)
      const mended = await verified()
      expect(failures(mended)).toEqual(['object_missing'])
      expect(mended.checked.sessions).toBe(3)
    },
    long_ms,
  )

  testSlow(
    ceph_components,
    'do not open what was changed, or what is of another place',
    async () => {
      const store = await ceph()
      const from = bucketOf(store, await store.makeBucket())
      const { writer, gone, kept } = await evidence('changed')
      const { origin } = writer
      using folder = new Folder()
      project(folder.path, writer.stored)
      await send({ data: folder.path, bucket: from, writer, is_logging: false })
      const records = recordsKey(gone.id, 0)
      const other = await from.get(`${prefixOf(origin)}${recordsKey(kept.id, 0)}`)
      const own_start = await from.get(`${prefixOf(origin)}${documentsKey(gone.id, 0)}`)
      const cases: readonly (readonly [
        change: (key: string, bytes: Uint8Array) => Uint8Array,
        found: readonly string[],
      ])[] = [
        [
          (key, bytes) => (key.endsWith(records) ? flipped(bytes, bytes.length - 30) : bytes),
          ['object_edited', 'session_missing_from_store'],
        ],
        [
          (key, bytes) => (key.endsWith(records) && other ? other.bytes : bytes),
          ['session_missing_from_store'],
        ],
        // Under the right key, and another name.
        [
          (key, bytes) => (key.endsWith(records) && own_start ? own_start.bytes : bytes),
          ['object_edited', 'session_missing_from_store'],
        ],
        [
          (key, bytes) =>
            key.endsWith(sessionKey(gone.id, 'key')) ? flipped(bytes, bytes.length - 1) : bytes,
          ['session_key_wrong'],
        ],
      ]
      for (const [change, found] of cases) {
        const to = bucketOf(store, await store.makeBucket())
        await copyObjects(from, to, change)
        const report = await verifyBucket(to, origin, writer.trust())
        expect(failures(report).toSorted()).toEqual([...found])
      }
    },
    long_ms,
  )

  testSlow(
    ceph_components,
    'stay until the bucket has the fact, and where the bucket does not let go of them its owner does',
    async () => {
      const store = await ceph()
      const name = await store.makeBucket()
      const [bucket, owner] = [bucketOf(store, name), bucketOf(store, name, store.owner)]
      const { writer, gone, kept } = await evidence('owner')
      const { origin } = writer
      const prefix = prefixOf(origin)
      using folder = new Folder()
      project(folder.path, writer.stored)
      const sent = { data: folder.path, bucket, writer, is_shredding: true }
      await send(sent)
      // A hold over somebody else: the start shows that it is not over this one.
      writer.log('hold.set', 'edge-1', {
        ...{ hold: 'h1', scope: { subject: 'eve' }, reason: 'case 7', by },
      })
      shred(writer, gone, true)
      project(folder.path, writer.stored)

      const removed: string[] = []
      const blocked: Bucket = {
        ...bucket,
        async put(key, ...rest) {
          if (key.includes('/checkpoint/')) throw new ReplicaError('s3_failing', 'PUT: 503')
          return bucket.put(key, ...rest)
        },
        async remove(key, version) {
          removed.push(key)
          return bucket.remove(key, version)
        },
      }
      const failing = replicaOf({ ...sent, bucket: blocked, is_logging: false })
      await failing.prove()
      removed.length = 0
      void failing.running()
      await Bun.sleep(3_000)
      await failing.finish(0)
      expect(removed).toEqual([])

      const status = await send(sent)
      expect(status?.unshredded).toContain(gone.id)
      const name_of_key = `${prefix}${sessionKey(gone.id, 'key')}`
      expect(await versionsOf(owner, name_of_key)).toHaveLength(1)
      const waiting = await verifyBucket(owner, origin, writer.trust())
      expect(failures(waiting)).toEqual([])
      expect(codes(waiting)).toContain('session_key_kept')

      const source = await openBucketSource(owner, origin)
      const pruned = await prune(owner, origin, source, Date.now(), true)
      expect(pruned).toMatchObject({ removed: 2, locked: 1 })
      expect(await versionsOf(owner, name_of_key)).toEqual([])
      const done = await verifyBucket(owner, origin, writer.trust())
      expect([done.verdict, codes(done).toSorted()]).toEqual([
        'verified',
        ['hold_in_force', 'session_shredded'],
      ])
      expect(await versionsOf(owner, `${prefix}${sessionKey(kept.id, 'key')}`)).toHaveLength(1)
    },
    long_ms,
  )

  testSlow(
    ceph_components,
    'are kept by a legal hold, and a fact in spite of it is named',
    async () => {
      const store = await ceph()
      const name = await store.makeBucket({ shreds: true })
      const [bucket, owner] = [bucketOf(store, name), bucketOf(store, name, store.owner)]
      const { writer, gone } = await evidence('held')
      const { origin } = writer
      using folder = new Folder()
      project(folder.path, writer.stored)
      const sent = { data: folder.path, bucket, writer, is_shredding: true }
      const hold = { id: 'h1', scope: { session: gone.id }, reason: 'case 7', by }
      const { id, ...facts } = hold
      writer.log('hold.set', 'edge-1', { hold: id, ...facts })
      writer.sign()
      project(folder.path, writer.stored)
      await send(sent, [hold])
      shred(writer, gone)
      project(folder.path, writer.stored)
      const status = await send(sent, [hold])
      expect(status?.unshredded).toContain(gone.id)
      const name_of_key = `${prefixOf(origin)}${sessionKey(gone.id, 'key')}`
      expect(await versionsOf(owner, name_of_key)).toHaveLength(1)
      expect(failures(await verifyBucket(owner, origin, writer.trust()))).toEqual([
        'expired_under_hold',
      ])
      // As if it had been lifted, and the session erased, before the bucket heard of either.
      await send(sent, [])
      expect(await versionsOf(owner, name_of_key)).toEqual([])
    },
    long_ms,
  )

  testSlow(
    ceph_components,
    'go when their sessions expire, long before the locks end',
    async () => {
      const store = await ceph()
      const name = await store.makeBucket({ shreds: true })
      const [bucket, owner] = [bucketOf(store, name), bucketOf(store, name, store.owner)]
      const { writer, gone, kept } = await evidence('expired', 0)
      const { origin } = writer
      using folder = new Folder()
      project(folder.path, writer.stored)
      const sent = { data: folder.path, bucket, writer, is_shredding: true }
      await send(sent)
      const sessions = [{ session: gone.id }]
      writer.log('retention.applied', 'edge-1', { sessions })
      writer.sign()
      erase(writer, gone)
      project(folder.path, writer.stored)
      await send(sent)
      const keyOf = ({ id }: SessionWriter): Promise<readonly string[]> =>
        versionsOf(owner, `${prefixOf(origin)}${sessionKey(id, 'key')}`)
      expect(await keyOf(gone)).toEqual([])
      expect(await keyOf(kept)).toHaveLength(1)
      const report = await verifyBucket(owner, origin, writer.trust())
      expect([report.verdict, codes(report)]).toEqual(['verified', ['session_expired']])
      const records = `${prefixOf(origin)}${recordsKey(gone.id, 0)}`
      const [version = ''] = await versionsOf(owner, records)
      expect(await owner.remove(records, version)).toBe(false)
    },
    long_ms,
  )

  testSlow(
    ceph_components,
    'never leave what is shredded before it was sent',
    async () => {
      const store = await ceph()
      const bucket = bucketOf(store, await store.makeBucket({ shreds: true }))
      const { writer, gone } = await evidence('unsent')
      const { origin } = writer
      using folder = new Folder()
      project(folder.path, writer.stored)
      // Planned, and the bucket takes nothing.
      const down: Bucket = {
        ...bucket,
        async put(key, ...rest) {
          if (key.includes('/session/')) throw new ReplicaError('s3_unreachable', 'PUT: no answer')
          return bucket.put(key, ...rest)
        },
      }
      const sent = { data: folder.path, bucket, writer, is_shredding: true }
      const failing = replicaOf({ ...sent, bucket: down })
      await failing.prove()
      await failing.finish(1_000)
      shred(writer, gone)
      project(folder.path, writer.stored)
      await send(sent)
      expect(await bodiesOf(bucket, `${prefixOf(origin)}session/${gone.id}/`)).toEqual(new Map())
      const report = await verifyBucket(bucket, origin, writer.trust())
      expect([report.verdict, codes(report)]).toEqual(['verified', ['session_shredded']])
    },
    long_ms,
  )
})
