/**
 * What the owner of the bucket, and of the gateway with its credential, tries with what is there already: each is refused by
 * the store, or named by verification.
 */
import { describe, expect } from 'bun:test'
import { createHash } from 'node:crypto'
import { leaf_list_width } from '../../storage/evidence/limits.ts'
import { prefixOf, recordsKey } from '../../storage/replicate/keys.ts'
import { rebuild } from '../../storage/replicate/rebuild.ts'
import type { Bucket } from '../../storage/replicate/s3.ts'
import { openReader } from '../../storage/store/reader.ts'
import { EvidenceWriter } from '../../storage/verify/fixture.ts'
import type { Report } from '../../storage/verify/report.ts'
import { testSlow } from '../fixture/require.ts'
import { ceph_components, shareCeph } from '../fixture/share-ceph.ts'
import { until } from '../fixture/until.ts'
import {
  bucketOf,
  copyObjects,
  Folder,
  keptEvidence,
  project,
  replicaOf,
  verifyBucket,
} from './world.ts'

const ceph = shareCeph()
const start_ms = 120_000
const day_ms = 86_400_000

/** Enough entries for tiles that are full, and a session with each kind of object. */
async function replicated(seed: string, through: (bucket: Bucket) => Bucket = (bucket) => bucket) {
  const store = await ceph()
  const name = await store.makeBucket()
  const bucket = bucketOf(store, name)
  const small = await keptEvidence(seed)
  for (let count = 0; count < 260; count++) small.writer.heartbeat()
  small.writer.sign()
  using folder = new Folder()
  const { writer, running } = small
  const sent = { data: folder.path, bucket: through(bucket), writer, is_logging: true }
  project(folder.path, writer.stored)
  await replicaOf(sent).finish()
  // Longer than a round, and than a leaf list.
  for (let count = 0; count < leaf_list_width; count++)
    running.record({ kind: 'resize', channel: 0, columns: 80, rows: 24 })
  running.end()
  writer.sign()
  project(folder.path, writer.stored)
  await replicaOf(sent).finish()
  const prefix = prefixOf(writer.origin)
  const verified = (from: Bucket = bucket): Promise<Report> =>
    verifyBucket(from, writer.origin, writer.trust(small.early))
  return { store, name, bucket, small, prefix, verified, url: `${store.endpoint}/${name}` }
}

const failures = ({ findings }: Report): readonly string[] => [
  ...new Set(findings.flatMap(({ severity, code }) => (severity === 'failure' ? code : []))),
]

/** What is named, with the objects that it is said of. */
const named = ({ findings }: Report): readonly string[] =>
  findings
    .flatMap(({ severity, code, message }) =>
      severity === 'failure' ? `${code} ${message.split(':')[0]}` : [],
    )
    .toSorted()

/** One object of each kind, without the log's prefix; those that anybody may replace left out. */
async function oneOfEach(bucket: Bucket, prefix: string): Promise<readonly string[]> {
  const kinds = new Map<string, string>()
  for await (const { key } of bucket.versions(prefix)) {
    const name = key.slice(prefix.length)
    const kind = name.replace(/^session\/[^/]+/, 'session').replace(/\d{16}$/, 'N')
    const is_hint = kind === 'checkpoint' || kind === 'probe' || kind.includes('.p/')
    if (!is_hint && !kinds.has(kind)) kinds.set(kind, name)
  }
  return [...kinds.values()]
}

const body = (text: string): RequestInit => ({
  method: 'PUT',
  body: text,
  headers: { 'content-md5': createHash('md5').update(text).digest('base64') },
})
const xml = (name: string, inner: string): string =>
  `<${name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</${name}>`

describe('what lies in the bucket', () => {
  testSlow(
    ceph_components,
    'is named when something newer is put over it, or it is marked as deleted: each kind of object',
    async () => {
      for (const how of ['object_shadowed', 'object_deleted'] as const) {
        const { store, bucket, prefix, verified, url } = await replicated(how)
        expect(failures(await verified())).toEqual([])
        const keys = await oneOfEach(bucket, prefix)
        expect(keys).toHaveLength(8)
        for (const key of keys)
          if (how === 'object_shadowed') await bucket.put(`${prefix}${key}`, Buffer.from('newer'))
          else await store.owner.client.fetch(`${url}/${prefix}${key}`, { method: 'DELETE' })
        expect(named(await verified())).toEqual(keys.map((key) => `${how} ${key}`).toSorted())
      }
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'is named when a gateway locked it for too short, or not at all: each kind that is locked',
    async () => {
      for (const [how, days] of [
        ['retention_short', 5],
        ['object_not_locked', undefined],
      ] as const) {
        const { bucket, prefix, verified } = await replicated(how, (to) => ({
          ...to,
          put: (key, bytes, lock_until_ms, sha256) => {
            const is_kept = lock_until_ms === undefined || key.endsWith('/probe')
            const shorter_ms = days === undefined ? undefined : Date.now() + days * day_ms
            return to.put(key, bytes, is_kept ? lock_until_ms : shorter_ms, sha256)
          },
        }))
        const keys = new Set<string>()
        for await (const { key } of bucket.versions(prefix)) {
          const name = key.slice(prefix.length)
          if (/\/(?:records\/\d+|leaves)$|^(?:entries|checkpoint)\/|^tile\/[^.]*$/.test(name))
            keys.add(`${how} ${name}`)
        }
        expect(keys.size).toBeGreaterThan(8)
        expect(named(await verified())).toEqual([...keys].toSorted())
      }
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'is locked for as long as its start promised, whatever the rules were changed to, and that they were is told',
    async () => {
      for (const is_honest of [true, false]) {
        const store = await ceph()
        const bucket = bucketOf(store, await store.makeBucket())
        const writer = new EvidenceWriter({ seed: 'changed' })
        await writer.knowAuditor()
        const rules = (days: number) => [{ labels: {}, days }]
        writer.log('configuration.changed', 'edge-1', { gateway: 'edge-1', retention: rules(30) })
        writer.heartbeat()
        writer.days = 30
        const session = await writer.session()
        session.exec(2)
        writer.log('configuration.changed', 'edge-1', { gateway: 'edge-1', retention: rules(2) })
        writer.heartbeat()
        session.end()
        writer.sign()
        using folder = new Folder()
        project(folder.path, writer.stored)
        const shorter: Bucket = {
          ...bucket,
          put: (key, bytes, until_ms, sha256) =>
            bucket.put(key, bytes, Math.min(until_ms ?? Infinity, Date.now() + 3 * day_ms), sha256),
        }
        const through = { bucket: is_honest ? bucket : shorter, retention: rules(2) }
        await replicaOf({ data: folder.path, writer, is_logging: true, ...through }).finish()
        const report = await verifyBucket(bucket, writer.origin, writer.trust())
        const of = `retention_short session/${session.id}`
        const short = [`${of}/records/0000000000000000`]
        expect(named(report)).toEqual(is_honest ? [] : short)
        const told = report.findings.find(({ code }) => code === 'retention_shortened')
        expect(told?.message).toContain('less is kept than 30 days for {}')
      }
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'stays as it is, whatever its owner and the gateway ask the store for',
    async () => {
      const { store, bucket, prefix, small, verified, url } = await replicated('refused')
      const key = `${prefix}${recordsKey(small.ended.id, 0)}`
      const [listed] = await Array.fromAsync(bucket.versions(key))
      const at = `${url}/${key}?versionId=${listed?.version}`
      const bypass = { 'x-amz-bypass-governance-retention': 'true' }
      const retention = (mode: string, until_ms: number): string =>
        xml(
          'Retention',
          `<Mode>${mode}</Mode><RetainUntilDate>${new Date(until_ms).toISOString().slice(0, 19)}Z</RetainUntilDate>`,
        )
      const versioning = xml('VersioningConfiguration', '<Status>Suspended</Status>')
      const unlocked = xml(
        'ObjectLockConfiguration',
        '<ObjectLockEnabled>Disabled</ObjectLockEnabled>',
      )
      const many = xml(
        'Delete',
        `<Object><Key>${key}</Key><VersionId>${listed?.version}</VersionId></Object>`,
      )
      for (const who of [store.owner, store.gateway]) {
        const asked: readonly (readonly [string, RequestInit])[] = [
          [`${at}&retention`, body(retention('COMPLIANCE', Date.now() + 60_000))],
          [`${at}&retention`, body(retention('GOVERNANCE', Date.now() + 90 * day_ms))],
          [at, { method: 'DELETE' }],
          [`${url}?versioning`, body(versioning)],
          [`${url}?object-lock`, body(unlocked)],
          [url, { method: 'DELETE' }],
        ]
        for (const [address, init] of asked) {
          const headers = { ...(init.headers as Record<string, string>), ...bypass } // As made above.
          const answer = await who.client.fetch(address, { ...init, headers })
          expect([address, answer.status, answer.ok]).toEqual([address, answer.status, false])
        }
        const answer = await who.client.fetch(`${url}?delete`, { ...body(many), method: 'POST' })
        expect(await answer.text()).not.toContain('<Deleted>')
      }
      expect(failures(await verified())).toEqual([])
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'is not mistaken for what somebody put beside it, which is named: neither by who verifies nor in a store that is made from it',
    async () => {
      const { bucket, prefix, small, verified } = await replicated('beside')
      const { ended, writer } = small
      const until_ms = Date.now() + 31 * day_ms
      const entries = (await bucket.get(`${prefix}entries/0000000000000000`))?.bytes
      const forged = await bucket.get(`${prefix}${recordsKey(small.crashed.id, 0)}`)
      const one = forged?.bytes ?? new Uint8Array()
      const put: Readonly<Record<string, Uint8Array>> = {
        // Of another session, inside and beyond the end; garbage; the log anew from its midst.
        [recordsKey(ended.id, 2)]: Buffer.concat([one, one]),
        [recordsKey(ended.id, 3)]: Buffer.from('garbage'),
        'entries/0000000000000003': entries ?? new Uint8Array(),
        'entries/0000000000000005': Buffer.from('garbage'),
      }
      for (const [key, bytes] of Object.entries(put))
        await bucket.put(`${prefix}${key}`, bytes, until_ms)
      expect(named(await verified())).toEqual(
        Object.keys(put)
          .map((key) => `object_added ${key}`)
          .toSorted(),
      )
      using made = new Folder()
      await rebuild(bucket, writer.origin, made.path)
      const reader = openReader(made.path)
      expect((await reader.records(ended.id)).records).toEqual(ended.records)
      reader.close()
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'cannot be moved to another bucket: the receipts in the log name the versions that were',
    async () => {
      const { store, bucket, small, verified } = await replicated('moved')
      const other = bucketOf(store, await store.makeBucket())
      await copyObjects(bucket, other, (_, bytes) => bytes)
      const report = await verified(other)
      expect(failures(report)).toEqual(['object_missing'])
      const sessions = new Set(
        report.findings.flatMap(({ code, session }) =>
          code === 'object_missing' ? (session ?? []) : [],
        ),
      )
      expect(sessions).toContain(small.ended.id)
      expect(sessions.size).toBe(4)
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'outlives rules by which the store itself lets things expire: what it marks is named, and what is locked stays',
    async () => {
      const { store, bucket, prefix, small, verified, url } = await replicated('expires')
      const days = '<Days>1</Days>'
      const rule = `<ID>all</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter><Expiration>${days}</Expiration><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>`
      const rules = xml('LifecycleConfiguration', `<Rule>${rule}</Rule>`)
      const set = await store.owner.client.fetch(`${url}?lifecycle`, body(rules))
      expect(set.status).toBe(200)
      const key = recordsKey(small.ended.id, 0)
      await until('the store marked the records', async () =>
        (await Array.fromAsync(bucket.versions(`${prefix}${key}`))).some(
          ({ kind }) => kind === 'delete_marker',
        ),
      )
      const found = await until('all of it was looked at', async () => {
        const all = named(await verified())
        return all.includes(`object_deleted ${key}`) ? all : undefined
      })
      for (const each of found)
        expect(each).toMatch(
          /^(?:object_deleted|object_missing|document_missing|envelope_missing) /,
        )
      const versions = await Array.fromAsync(bucket.versions(`${prefix}${key}`))
      expect(versions.filter(({ kind }) => kind === 'version')).toHaveLength(1)
    },
    start_ms,
  )
})
