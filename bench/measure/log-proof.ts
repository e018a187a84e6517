/**
 * The proof of one entry in a log of millions, made as `sluice bundle` makes it, beside no gateway, and verified; and
 * what a gateway holds of such a log when it goes on.
 *
 * @module
 */
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { EvidenceLog } from '../../proxy/recorder/log.ts'
import { leafHash } from '../../storage/evidence/merkle.ts'
import { noteSigner } from '../../storage/evidence/note.ts'
import { inclusionProof, verifyInclusion } from '../../storage/evidence/proof.ts'
import { openDatabase } from '../../storage/store/database.ts'
import { database_name } from '../../storage/store/layout.ts'
import { Queries } from '../../storage/store/queries.ts'
import { openReader } from '../../storage/store/reader.ts'
import { recover } from '../../storage/store/recover.ts'
import { logEntryOf } from './large-store.ts'

/** Milliseconds of each proof, of entries all over the log. Throws when one does not verify. */
export async function proofTimes(
  data: string,
  entries: number,
  root: Uint8Array,
  count: number,
): Promise<readonly number[]> {
  const reader = openReader(data)
  const times: number[] = []
  try {
    for (let at = 0; at < count; at++) {
      const index = Math.floor(((at * 0.618_033_988_75) % 1) * entries)
      const begun = performance.now()
      const proof = await inclusionProof(entries, index, async (places) => {
        const hashes = await reader.logHashes(places)
        return places.map((_, n) => hashes[n] ?? new Uint8Array())
      })
      times.push(performance.now() - begun)
      if (!verifyInclusion(leafHash(logEntryOf(index)), index, entries, root, proof))
        throw new Error(`the proof of entry ${index} does not verify`)
    }
  } finally {
    reader.close()
  }
  return times
}

/** MiB that this process grows by while it goes on with a log of `entries` by `more` of them. */
export function logGrowth(data: string, entries: number, more: number): number {
  const database = openDatabase(join(data, database_name))
  const { log: state } = recover(new Queries(database))
  database.connection.close()
  if (state.size !== entries) throw new Error(`the log has ${state.size} entries`)
  const { privateKey } = generateKeyPairSync('ed25519')
  const signer = noteSigner('bench/log', privateKey.export({ format: 'der', type: 'pkcs8' }))
  const log = new EvidenceLog(
    { origin: 'bench/log', signer, state },
    () => {},
    () => Date.now() * 1000,
  )
  Bun.gc(true)
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < more; n++) log.add('heartbeat', 'bench', { skew_us: 0, sessions: 0 })
  log.sign()
  Bun.gc(true)
  return (process.memoryUsage().heapUsed - before) / 2 ** 20
}
