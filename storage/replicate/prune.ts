/**
 * What the owner of a bucket does about sessions that the log says were erased: removes every version of their objects whose
 * lock has ended. A lock, and a legal hold, are the store's to keep; nothing here gets around them.
 *
 * @module
 */

import { digestOf, openDocument } from '../evidence/document.ts'
import { erasedIn, isErasing } from '../evidence/erasure.ts'
import { decodeLogEntry } from '../evidence/log-entry.ts'
import type { EvidenceSource } from '../verify/source.ts'
import type { BucketSource } from './bucket-source.ts'
import { parseKey, prefixOf } from './keys.ts'
import type { Bucket } from './s3.ts'
import { keepStart } from './shredding.ts'

export interface Pruned {
  /** That the log says were erased, and that something is left of. */
  readonly sessions: number
  /** Versions of objects that were removed, or would be. */
  readonly removed: number
  /** ... that are still locked, or under a legal hold. */
  readonly locked: number
}

const page = 1024

/**
 * Verify the log first: what it says is believed here. Rejects with `ReplicaError`.
 *
 * @param is_applied false: only counts
 */
export async function prune(
  bucket: Bucket,
  origin: string,
  source: BucketSource,
  now_ms: number,
  is_applied: boolean,
): Promise<Pruned> {
  const erased = await erasedSessions(source)
  const sessions = new Set<string>()
  let [removed, locked] = [0, 0]
  for (const [key, { versions }] of source.listing.objects) {
    const parts = parseKey(key)
    if (parts === undefined || !('session' in parts)) continue
    const keeps_start = erased.get(parts.session)
    if (keeps_start === undefined || (parts.kind === 'start' && keeps_start)) continue
    // Its start lies by itself then, readable.
    if ((parts.kind === 'key' || parts.kind === 'documents') && keeps_start && is_applied)
      await keepStart(bucket, prefixOf(origin), parts.session)
    for (const { version } of versions) {
      const whole = `${prefixOf(origin)}${key}`
      const lock = await bucket.lock(whole, version)
      if (lock === undefined) continue
      sessions.add(parts.session)
      const is_free = lock.is_held !== true && (lock.retain_until_ms ?? 0) <= now_ms
      // The store decides; its clock may be behind.
      const is_gone = is_free && (!is_applied || (await bucket.remove(whole, version)))
      if (is_gone) removed++
      else locked++
    }
  }
  return { sessions: sessions.size, removed, locked }
}

/** Sessions that the log says were erased, and whether the start document of each stays. */
export async function erasedSessions(
  source: Pick<EvidenceSource, 'log' | 'logEntries' | 'document'>,
): Promise<ReadonlyMap<string, boolean>> {
  const erased = new Map<string, boolean>()
  const { size } = await source.log()
  for (let from = 0; from < size; ) {
    const entries = await source.logEntries(from, Math.min(size, from + page))
    if (entries.length === 0) break
    for (const bytes of entries) {
      const decoded = decodeLogEntry(bytes)
      if (decoded === undefined || !isErasing(decoded.type)) continue
      const document = (await source.document(decoded.digest))?.bytes
      const is_whole = document !== undefined && digestOf(document) === decoded.digest
      for (const { session, keeps_start } of erasedIn(
        decoded,
        is_whole ? openDocument(document) : undefined,
      ))
        erased.set(session, keeps_start === true)
    }
    from += entries.length
  }
  return erased
}
