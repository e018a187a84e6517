/**
 * What a witness cosigned goes to the bucket, which then proves by itself that somebody else saw the log.
 */
import { describe, expect } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { toHex } from '../../storage/evidence/bytes.ts'
import { cosigner, parseWitness } from '../../storage/evidence/cosignature.ts'
import { thumbprint } from '../../storage/evidence/envelope.ts'
import { parseNote } from '../../storage/evidence/note.ts'
import { encodeTrust, parseTrust, type Trust } from '../../storage/evidence/trust.ts'
import { cosignedKey, prefixOf } from '../../storage/replicate/keys.ts'
import { rebuild } from '../../storage/replicate/rebuild.ts'
import { keepCosigned } from '../../storage/store/cosigned.ts'
import { openReader } from '../../storage/store/reader.ts'
import type { EvidenceWriter } from '../../storage/verify/fixture.ts'
import { verify } from '../../storage/verify/verify.ts'
import { testSlow } from '../fixture/require.ts'
import { ceph_components, shareCeph } from '../fixture/share-ceph.ts'
import { bucketOf, Folder, keptEvidence, project, replicaOf, verifyBucket } from './world.ts'

const ceph = shareCeph()
const start_ms = 90_000
const by = cosigner(
  'auditor/w1',
  generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' }),
)
const key_id = toHex(parseWitness(by.verifier_key)?.key_id ?? new Uint8Array())

const cosigned = (note: Uint8Array): Uint8Array =>
  Buffer.concat([note, Buffer.from(by.cosign(parseNote(note)?.text ?? '', 1_772_352_000))])

async function trustOf(writer: EvidenceWriter): Promise<Trust> {
  const parsed = parseTrust(
    encodeTrust({
      logs: [writer.signer.verifier_key],
      auditors: [await thumbprint(writer.auditor)],
      checkpoints: [],
      witnesses: [by.verifier_key],
    }),
  )
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed.trust
}

describe('cosignatures in a bucket', () => {
  testSlow(
    ceph_components,
    'a bucket alone proves that a witness saw the log, and so does a store that was made from it',
    async () => {
      const store = await ceph()
      const bucket = bucketOf(store, await store.makeBucket())
      const { writer, early } = await keptEvidence('cosigned')
      const { origin } = writer
      const trust = await trustOf(writer)
      using folder = new Folder()
      project(folder.path, writer.stored)
      await replicaOf({ data: folder.path, bucket, writer }).finish()
      const before = await verifyBucket(bucket, origin, trust)
      expect(before.findings.map(({ code }) => code)).toContain('cosignature_missing')

      // A witness saw the beginning; then one saw all of it.
      for (const note of [early, writer.stored.checkpoint ?? early]) {
        await keepCosigned(folder.path, key_id, cosigned(note))
        await replicaOf({ data: folder.path, bucket, writer }).finish()
        const report = await verifyBucket(bucket, origin, trust)
        expect([report.verdict, report.findings.map(({ code }) => code)]).toEqual([
          'verified',
          expect.not.arrayContaining(['cosignature_missing', 'object_not_locked']),
        ])
        const told = report.findings.some(({ code }) => code === 'entries_not_witnessed')
        expect(told).toBe(note === early)
      }

      const made = join(folder.path, 'made')
      await rebuild(bucket, origin, made)
      const reader = openReader(made)
      expect((await verify(reader, trust)).verdict).toBe('verified')
      reader.close()
    },
    start_ms,
  )

  testSlow(
    ceph_components,
    'what a witness saw and the bucket does not have yet waits; it is locked, and another one in its place is named',
    async () => {
      const store = await ceph()
      const name = await store.makeBucket()
      const bucket = bucketOf(store, name)
      const { writer } = await keptEvidence('ahead')
      const { origin } = writer
      const trust = await trustOf(writer)
      using folder = new Folder()
      project(folder.path, writer.stored)
      const old = writer.stored.checkpoint ?? new Uint8Array()
      const size = writer.stored.entries.length
      writer.heartbeat()
      writer.sign()
      // The store has one entry less than the witness saw.
      await keepCosigned(folder.path, key_id, cosigned(writer.stored.checkpoint ?? old))
      await replicaOf({ data: folder.path, bucket, writer }).finish()
      const key = (n: number): string => `${prefixOf(origin)}${cosignedKey(key_id, n)}`
      expect(await bucket.get(key(size + 1))).toBeUndefined()

      await keepCosigned(folder.path, key_id, cosigned(old))
      await replicaOf({ data: folder.path, bucket, writer }).finish()
      const found = await bucket.get(key(size))
      expect(found?.mode).toBe('COMPLIANCE')
      expect((await verifyBucket(bucket, origin, trust)).verdict).toBe('verified')
      await bucket.put(key(size), Buffer.from('nonsense'))
      const { verdict, findings } = await verifyBucket(bucket, origin, trust)
      expect([verdict, findings.map(({ code }) => code)]).toEqual([
        'failed',
        expect.arrayContaining(['object_shadowed']),
      ])
    },
    start_ms,
  )
})
