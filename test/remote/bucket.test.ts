/**
 * Replication, verification and recovery by a real S3 with Object Lock: what an owner of the gateway, of its
 * credential or of the bucket can do, and what is said about it.
 */
import { describe, expect } from 'bun:test'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { checkpointText } from '../../storage/evidence/checkpoint.ts'
import { leafHash, MerkleTree } from '../../storage/evidence/merkle.ts'
import { signNote } from '../../storage/evidence/note.ts'
import { decodeDocuments, decodeRecords } from '../../storage/replicate/body.ts'
import { checkpointKey, documentsKey, prefixOf, recordsKey } from '../../storage/replicate/keys.ts'
import { proveContinuity, proveLock } from '../../storage/replicate/prove.ts'
import { rebuild } from '../../storage/replicate/rebuild.ts'
import type { Bucket } from '../../storage/replicate/s3.ts'
import { Backlog } from '../../storage/store/backlog.ts'
import { database_name } from '../../storage/store/layout.ts'
import { openReader } from '../../storage/store/reader.ts'
import { EvidenceWriter } from '../../storage/verify/fixture.ts'
import type { FailureCode, Report } from '../../storage/verify/report.ts'
import { verify } from '../../storage/verify/verify.ts'
import { testSlow } from '../fixture/require.ts'
import { ceph_components, shareCeph } from '../fixture/share-ceph.ts'
import { flip, forgeries } from './forgeries.ts'
import {
  bucketOf,
  copyObjects,
  Folder,
  keptEvidence,
  project,
  replicaOf,
  retention,
  verifyBucket,
} from './world.ts'

const ceph = shareCeph()
const start_ms = 90_000
type Small = Awaited<ReturnType<typeof keptEvidence>>

interface Replicated extends Disposable {
  readonly small: Small
  readonly bucket: Bucket
  readonly name: string
  readonly folder: Folder
  readonly origin: string
}

/** Evidence that was replicated into a bucket of its own. */
async function replicated(
  options: { readonly is_logging?: boolean; readonly rules?: typeof retention } = {},
): Promise<Replicated> {
  const store = await ceph()
  const name = await store.makeBucket()
  const bucket = bucketOf(store, name)
  const small = await keptEvidence(name)
  const folder = new Folder()
  project(folder.path, small.writer.stored)
  const { is_logging = false, rules = retention } = options
  const replica = replicaOf({
    ...{ data: folder.path, bucket, writer: small.writer, is_logging, retention: rules },
  })
  await replica.finish()
  expect(replica.refused).toEqual([])
  const { origin } = small.writer
  return { small, bucket, name, folder, origin, [Symbol.dispose]: () => folder[Symbol.dispose]() }
}

const noReceipts = (checkpoint_size: number) => ({
  isEmpty: true,
  place: { checkpoint_size, chunk_no: 0, log_size: 0, watermark_lsn: 0, at_ms: 0 },
})

const failures = ({ findings }: Report): string[] => [
  ...new Set(findings.flatMap(({ severity, code }) => (severity === 'failure' ? code : []))),
]

function rootOf(entries: readonly Uint8Array[], size: number): Uint8Array {
  const tree = new MerkleTree()
  for (const entry of entries.slice(0, size)) tree.append(leafHash(entry))
  return tree.root()
}

describe('a bucket with Object Lock', () => {
  testSlow(
    ceph_components,
    'has everything that verification needs, locked for as long as policy says',
    async () => {
      using evidence = await replicated()
      const { small, bucket, origin } = evidence
      const { writer, ended } = small
      const report = await verifyBucket(bucket, origin, writer.trust(small.early))
      expect(failures(report)).toEqual([])
      expect(report.verdict).toBe('verified')
      expect(report.checked.sessions).toBe(4)
      expect(report.log?.size).toBe(writer.stored.entries.length)
      const records = await bucket.get(`${prefixOf(origin)}${recordsKey(ended.id, 0)}`)
      expect(records?.mode).toBe('COMPLIANCE')
      const kept_ms = (records?.retain_until_ms ?? 0) - (records?.modified_ms ?? 0)
      expect(Math.floor(kept_ms / 86_400_000)).toBe(30)
      expect(decodeRecords(records?.bytes ?? new Uint8Array())).toEqual(ended.records)
      const documents = await bucket.get(`${prefixOf(origin)}${documentsKey(ended.id, 0)}`)
      expect(decodeDocuments(documents?.bytes ?? new Uint8Array())).toHaveLength(4)
      expect(documents?.mode).toBeUndefined()
      const keys = new Set<string>()
      for await (const { key } of bucket.versions(prefixOf(origin))) keys.add(key)
      const size = writer.stored.entries.length
      for (const name of ['checkpoint', `tile/0/000.p/${size}`, `tile/entries/000.p/${size}`])
        expect(keys).toContain(`${origin}/${name}`)
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'is proven before it is relied on',
    async () => {
      const store = await ceph()
      const good = bucketOf(store, await store.makeBucket())
      await proveLock(good, 'edge-1/0', Date.now())
      const without = bucketOf(store, await store.makeBucket({ lock: false }))
      const versioned = bucketOf(store, await store.makeBucket({ lock: false, versions: true }))
      for (const bad of [without, versioned])
        expect(proveLock(bad, 'edge-1/0', Date.now())).rejects.toMatchObject({
          code: 'not_append_only',
        })
      // A store that takes the lock and lets it be broken.
      const broken: [Partial<Bucket>, string][] = [
        [{ shorten: async () => true }, 'shortened'],
        [{ remove: async () => true }, 'deleted'],
        [{ lock: async () => ({ mode: 'GOVERNANCE', modified_ms: 0 }) }, 'COMPLIANCE'],
        [{ lock: async () => ({ mode: 'COMPLIANCE', modified_ms: 0 }) }, 'ends earlier'],
      ]
      for (const [part, word] of broken)
        expect(proveLock({ ...good, ...part }, 'edge-1/0', Date.now())).rejects.toThrow(word)
      const gone = bucketOf(store, 'no-such-bucket')
      expect(proveLock(gone, 'edge-1/0', Date.now())).rejects.toMatchObject({ code: 's3_missing' })
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    "tells an older copy of the data directory, and another history of its log, from the log's past",
    async () => {
      const store = await ceph()
      const bucket = bucketOf(store, await store.makeBucket())
      const small = await keptEvidence('rolled back')
      using older = new Folder()
      using newer = new Folder()
      project(older.path, small.writer.stored)
      await replicaOf({ data: older.path, bucket, writer: small.writer }).finish()
      cpSync(older.path, newer.path, { recursive: true })
      small.writer.heartbeat()
      small.writer.sign()
      project(newer.path, small.writer.stored)
      await replicaOf({ data: newer.path, bucket, writer: small.writer }).finish()
      // The copy of before is put back.
      const rolled = replicaOf({ data: older.path, bucket, writer: small.writer })
      await rolled.running()
      expect(rolled.refused.map(({ code }) => code)).toEqual(['log_rolled_back'])
      // ... or went on for a while, before the bucket was reached again.
      const forked = await keptEvidence('another history')
      for (let n = 0; n < 3; n++) forked.writer.heartbeat()
      forked.writer.sign()
      using other = new Folder()
      project(other.path, forked.writer.stored)
      const backlog = Backlog.open(join(other.path, database_name))
      const key = small.writer.signer.verifier_key
      expect(proveContinuity(bucket, key, backlog, noReceipts(0))).rejects.toMatchObject({
        code: 'log_forked',
      })
      backlog.close()
      // ... or the bucket is not the one that took the log.
      const empty = bucketOf(store, await store.makeBucket())
      const own = Backlog.open(join(newer.path, database_name))
      expect(proveContinuity(empty, key, own, noReceipts(18))).rejects.toMatchObject({
        code: 'not_append_only',
      })
      // ... or it is, and what the gateway knew of it is gone.
      expect(proveContinuity(bucket, key, own, noReceipts(0))).rejects.toMatchObject({
        code: 'store_contradicts',
      })
      own.close()
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'hides nothing: what is put over it, or marked as deleted, is named and read all the same',
    async () => {
      using evidence = await replicated({ is_logging: true })
      const { small, bucket, name, origin } = evidence
      const store = await ceph()
      const trust = small.writer.trust(small.early)
      const { ended, terminal, crashed } = small
      // By the gateway's own credential.
      const over = `${prefixOf(origin)}${recordsKey(ended.id, 0)}`
      const found = await bucket.get(over)
      await bucket.put(over, flip(found?.bytes ?? new Uint8Array(), 300))
      const owner = bucketOf(store, name, store.owner)
      const url = `${store.endpoint}/${name}/${prefixOf(origin)}${recordsKey(terminal.id, 0)}`
      const marked = await store.owner.client.fetch(url, { method: 'DELETE' })
      expect(marked.headers.get('x-amz-delete-marker')).toBe('true')
      // A document is not locked: its owner can erase a person, and everybody sees that.
      const start = `${prefixOf(origin)}${documentsKey(crashed.id, 0)}`
      for await (const { key, version } of owner.versions(start)) await owner.remove(key, version)
      const report = await verifyBucket(bucket, origin, trust)
      expect(failures(report).toSorted()).toEqual([
        'document_missing',
        'object_deleted',
        'object_missing',
        'object_shadowed',
      ])
      const of = (code: FailureCode) => report.findings.find((each) => each.code === code)?.session
      expect(of('object_shadowed')).toBe(ended.id)
      expect(of('object_deleted')).toBe(terminal.id)
      expect(of('document_missing')).toBe(crashed.id)
      // What is locked stays, whoever asks.
      for await (const { key, version, kind } of bucket.versions(over))
        if (kind === 'version' && (await bucket.lock(key, version))?.mode !== undefined)
          expect(await owner.remove(key, version)).toBe(false)
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'knows a session that was put there beside the log',
    async () => {
      using evidence = await replicated()
      const { small, bucket, folder, origin } = evidence
      const { writer, ended } = small
      const strange = `${ended.id.slice(0, -4)}beef`
      const found = await bucket.get(`${prefixOf(origin)}${recordsKey(ended.id, 0)}`)
      const key = `${prefixOf(origin)}${recordsKey(strange, 0)}`
      // Seconds are all that the store's clock tells apart.
      await Bun.sleep(1_100)
      await bucket.put(key, found?.bytes ?? new Uint8Array(), Date.now() + 40 * 86_400_000)
      const early = await verifyBucket(bucket, origin, writer.trust(small.early))
      expect(failures(early)).toEqual([])
      expect(early.findings.map(({ code }) => code)).toContain('sessions_not_logged')
      // The log goes on without it.
      await Bun.sleep(1_100)
      writer.heartbeat()
      writer.sign()
      project(folder.path, writer.stored)
      await replicaOf({ data: folder.path, bucket, writer }).finish()
      const late = await verifyBucket(bucket, origin, writer.trust(small.early))
      expect(failures(late)).toEqual(['session_missing_from_log'])
      expect(late.findings.find(({ severity }) => severity === 'failure')?.session).toBe(strange)
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'has no checkpoint between the first and the newest that is not of this log',
    async () => {
      using evidence = await replicated()
      const { small, bucket, folder, origin } = evidence
      const { writer } = small
      const first = writer.stored.entries.length
      for (let count = 0; count < 5; count++) writer.heartbeat()
      writer.sign()
      project(folder.path, writer.stored)
      await replicaOf({ data: folder.path, bucket, writer }).finish()
      const { entries } = writer.stored
      const put = (
        size: number,
        { signed = size, root = rootOf(entries, size), from = writer } = {},
      ) =>
        bucket.put(
          `${prefixOf(origin)}${checkpointKey(size)}`,
          signNote(checkpointText({ origin, size: signed, root }), [from.signer]),
          Date.now() + 31 * 86_400_000,
        )
      const found = async (): Promise<string[]> =>
        failures(await verifyBucket(bucket, origin, writer.trust(small.early))).toSorted()
      await put(first + 1)
      expect(await found()).toEqual([])
      // Under a name of its own, each of another history: with the log's key, ...
      await put(first + 2, { root: rootOf(entries.toReversed(), first + 2) })
      expect(await found()).toEqual(['log_forked'])
      const without = await verifyBucket(bucket, origin, undefined)
      expect(failures(without)).toContain('log_forked')
      // ... without it, ...
      const other = new EvidenceWriter({ seed: 'another' })
      await put(first + 3, { from: other })
      expect(await found()).toEqual(['checkpoint_signature_wrong', 'log_forked'])
      // ... and an honest one where another belongs.
      await put(first + 4, { signed: first + 1, root: rootOf(entries, first + 1) })
      expect(await found()).toEqual([
        ...['checkpoint_malformed', 'checkpoint_signature_wrong', 'log_forked'],
      ])
    },
    start_ms,
  )

  for (const { title, change, retain_days, expected } of forgeries)
    testSlow(
      ceph_components,
      `is not mistaken for another: ${title}`,
      async () => {
        const store = await ceph()
        const { small, bucket, origin } = await shared()
        const forged = bucketOf(store, await store.makeBucket())
        await copyObjects(bucket, forged, change(small), retain_days)
        const trust = small.writer.trust(small.writer.stored.checkpoint ?? small.early)
        const report = await verifyBucket(forged, origin, trust)
        // A copy has versions of its own, which the receipts in the log do not name.
        const found = failures(report).filter((code) => code !== 'object_missing')
        expect(found.toSorted()).toEqual(
          expected.filter((code) => code !== 'object_missing' && code !== 'object_edited'),
        )
      },
      start_ms,
    )

  let shared_evidence: ReturnType<typeof replicated> | undefined
  const shared = (): ReturnType<typeof replicated> => (shared_evidence ??= replicatedTwice())
  /** ... with two checkpoints in the bucket. */
  async function replicatedTwice(): ReturnType<typeof replicated> {
    const evidence = await replicated()
    const { small, bucket, folder } = evidence
    small.writer.heartbeat()
    small.writer.sign()
    project(folder.path, small.writer.stored)
    await replicaOf({ data: folder.path, bucket, writer: small.writer }).finish()
    folder[Symbol.dispose]()
    return evidence
  }
})

describe('a store from a bucket alone', () => {
  testSlow(
    ceph_components,
    'is complete, is verified, and resumes where it was stopped',
    async () => {
      using evidence = await replicated({ is_logging: true })
      const { small, bucket, folder, origin } = evidence
      using made = new Folder()
      const data = join(made.path, 'index')
      let left = 9
      const failing: Bucket = {
        ...bucket,
        get: (key, version) =>
          left-- > 0 ? bucket.get(key, version) : Promise.reject(new Error('the network is gone')),
      }
      expect(rebuild(failing, origin, data)).rejects.toThrow('the network is gone')
      await rebuild(bucket, origin, data)
      const trust = small.writer.trust(small.early)
      const reader = openReader(data)
      const report = await verify(reader, trust)
      expect(report.verdict).toBe('verified')
      expect(report.log?.size).toBe(small.writer.stored.entries.length)
      expect((await reader.sessions({ program: 'cat' })).sessions).toHaveLength(3)
      const before = small.running.records.length
      for (const { id, records } of [small.ended, small.running, small.crashed, small.terminal])
        expect((await reader.records(id)).records.map((each) => Buffer.from(each))).toEqual(
          records.map((each) => Buffer.from(each)),
        )
      reader.close()
      // What came since: the session that was running goes on, and ends.
      for (const columns of [90, 91, 92])
        small.running.record({ kind: 'resize', channel: 0, columns, rows: 24 })
      small.running.end()
      small.writer.sign()
      project(folder.path, small.writer.stored)
      await replicaOf({ data: folder.path, bucket, writer: small.writer }).finish()
      await rebuild(bucket, origin, data)
      const again = openReader(data)
      const later = await verify(again, trust)
      again.close()
      expect(failures(later)).toEqual([])
      expect(later.verdict).toBe('verified')
      expect(later.checked.records).toBe(
        report.checked.records + small.running.records.length - before,
      )
      expect(rebuild(bucket, 'edge-1/other', data)).rejects.toMatchObject({
        code: 'store_contradicts',
      })
    },
    start_ms,
  )
})
