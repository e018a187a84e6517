/**
 * How fast a backlog goes to Ceph, and how fast the same bytes go there by themselves.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { receipts_name } from '../../storage/store/layout.ts'
import { startCeph } from '../../test/fixture/ceph.ts'
import { bucketOf, replicaOf } from '../../test/remote/world.ts'
import type { BulkEvidence } from './verification.ts'

const body_bytes = 4 * 1024 * 1024
const at_a_time = 8

/** MB/s of each round; each has a bucket of its own. */
export async function replicationRates(
  { data, writer, file, bytes }: BulkEvidence,
  rounds: number,
): Promise<{ readonly replicated: readonly number[]; readonly bare: readonly number[] }> {
  await using ceph = await startCeph()
  const replicated: number[] = []
  const bare: number[] = []
  const all = readFileSync(file)
  for (let round = 0; round < rounds; round++) {
    const bucket = bucketOf(ceph, await ceph.makeBucket())
    const replica = replicaOf({ data, bucket, writer })
    await replica.prove()
    const begun = performance.now()
    await replica.finish(600_000)
    replicated.push(bytes / 1e3 / (performance.now() - begun))
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(join(data, `${receipts_name}${suffix}`), { force: true })

    const name = await ceph.makeBucket()
    const from = performance.now()
    let next = 0
    const put = async (): Promise<void> => {
      for (let at = next; at < all.length; at = next) {
        next += body_bytes
        const body = all.subarray(at, at + body_bytes)
        const answer = await ceph.gateway.client.fetch(`${ceph.endpoint}/${name}/bare/${at}`, {
          method: 'PUT',
          body,
          headers: {
            'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
            'x-amz-checksum-sha256': createHash('sha256').update(body).digest('base64'),
            'x-amz-sdk-checksum-algorithm': 'SHA256',
            'x-amz-object-lock-mode': 'COMPLIANCE',
            'x-amz-object-lock-retain-until-date': new Date(Date.now() + 86_400_000).toISOString(),
          },
        })
        if (!answer.ok) throw new Error(`PUT: ${answer.status}`)
        await answer.arrayBuffer()
      }
    }
    await Promise.all(Array.from({ length: at_a_time }, put))
    bare.push(bytes / 1e3 / (performance.now() - from))
  }
  return { replicated, bare }
}
