/**
 * SHA-256 of the module beside the native one, in bytes a microsecond of processor time: as it comes, and four messages of one
 * length at once. Copies into the module and the digests out of it are part of it.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { MaskingEngine } from '../../masking-wasm/host/engine.ts'

/** A node of a Merkle tree, a usual record, and as much as four lanes take at once. */
export const message_sizes = [65, 1024, 16_384] as const

export type Hasher = 'four lanes' | 'one stream' | 'native, node:crypto' | 'native, Bun'

const four_messages = Uint8Array.from({ length: 65_536 }, (_, index) => (index * 7919) >> 4)

/** Hashes messages of `bytes` bytes until `at_least_ms` are spent. */
export function hashingRate(
  engine: MaskingEngine,
  hasher: Hasher,
  bytes: number,
  at_least_ms: number,
): number {
  const all = four_messages.subarray(0, 4 * bytes)
  const each = [0, 1, 2, 3].map((lane) => all.subarray(lane * bytes, (lane + 1) * bytes))
  const hash: Readonly<Record<Hasher, () => void>> = {
    'four lanes': () => void engine.sha256Four(all),
    'one stream': () => each.forEach((message) => void engine.sha256(message)),
    'native, node:crypto': () =>
      each.forEach((message) => void createHash('sha256').update(message).digest()),
    'native, Bun': () => each.forEach((message) => void Bun.SHA256.hash(message)),
  }
  const run = hash[hasher]
  const times = Math.ceil(1_000_000 / all.length)
  let hashed = 0
  let spent_us = 0
  const began = process.cpuUsage()
  do {
    for (let i = 0; i < times; i++) run()
    hashed += times * all.length
    const { user, system } = process.cpuUsage(began)
    spent_us = user + system
  } while (spent_us < at_least_ms * 1000)
  return hashed / spent_us
}
