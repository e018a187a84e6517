/**
 * How fast a backlog goes to Ceph, and how fast the same bytes go there by themselves: in objects of 4 MiB, and in as many
 * objects as evidence has, each of its size, the small ones of each session among them.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Bucket } from '../../storage/replicate/s3.ts'
import { receipts_name } from '../../storage/store/layout.ts'
import { type Ceph, startCeph } from '../../test/fixture/ceph.ts'
import { bucketOf, replicaOf } from '../../test/remote/world.ts'
import type { BulkEvidence } from './verification.ts'

const body_bytes = 4 * 1024 * 1024
const at_a_time = 8

export interface ReplicationRates {
  readonly replicated: readonly number[]
  readonly bare: readonly number[]
  /** ... in the objects of evidence. */
  readonly bare_same: readonly number[]
}

/** MB/s of each round; each has a bucket of its own. */
export async function replicationRates(
  { data, writer, file, bytes }: BulkEvidence,
  rounds: number,
): Promise<ReplicationRates> {
  await using ceph = await startCeph()
  const rates = { replicated: [] as number[], bare: [] as number[], bare_same: [] as number[] }
  const all = readFileSync(file)
  const full = Array.from({ length: Math.ceil(all.length / body_bytes) }, () => body_bytes)
  for (let round = 0; round < rounds; round++) {
    const { bucket, sizes } = counting(bucketOf(ceph, await ceph.makeBucket()))
    const replica = replicaOf({ data, bucket, writer })
    await replica.prove()
    sizes.length = 0
    const begun = performance.now()
    await replica.finish(600_000)
    rates.replicated.push(bytes / 1e3 / (performance.now() - begun))
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(join(data, `${receipts_name}${suffix}`), { force: true })
    rates.bare.push(await bareRate(ceph, all, full))
    rates.bare_same.push(await bareRate(ceph, all, sizes))
  }
  return rates
}

/** The bucket, and the sizes of what is stored in it. */
function counting(bucket: Bucket): { readonly bucket: Bucket; readonly sizes: number[] } {
  const sizes: number[] = []
  const put: Bucket['put'] = (key, body, ...more) => {
    sizes.push(body instanceof Blob ? body.size : body.length)
    return bucket.put(key, body, ...more)
  }
  return { bucket: { ...bucket, put }, sizes }
}

/** MB/s of objects of those sizes, out of `all`, which they are of together, or a little more. */
async function bareRate(ceph: Ceph, all: Buffer, sizes: readonly number[]): Promise<number> {
  const name = await ceph.makeBucket()
  let next = 0
  let at = 0
  let bytes = 0
  const put = async (): Promise<void> => {
    for (let size = sizes[next++]; size !== undefined; size = sizes[next++]) {
      if (at >= all.length) at = 0
      const key = next
      const body = all.subarray(at, at + size)
      at += body.length
      bytes += body.length
      const digest = createHash('sha256').update(body).digest()
      const answer = await ceph.gateway.client.fetch(`${ceph.endpoint}/${name}/bare/${key}`, {
        method: 'PUT',
        body,
        headers: {
          'x-amz-content-sha256': digest.toString('hex'),
          'x-amz-checksum-sha256': digest.toString('base64'),
          'x-amz-sdk-checksum-algorithm': 'SHA256',
          'x-amz-object-lock-mode': 'COMPLIANCE',
          'x-amz-object-lock-retain-until-date': new Date(Date.now() + 86_400_000).toISOString(),
        },
      })
      if (!answer.ok) throw new Error(`PUT: ${answer.status}`)
      await answer.arrayBuffer()
    }
  }
  const from = performance.now()
  await Promise.all(Array.from({ length: at_a_time }, put))
  return bytes / 1e3 / (performance.now() - from)
}
