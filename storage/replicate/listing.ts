/**
 * What a bucket holds of one log, at one moment: every version of every object, and every delete marker.
 *
 * @module
 */
import { ReplicaError } from './errors.ts'
import { parseKey, prefixOf } from './keys.ts'
import { listed_objects_max } from './limits.ts'
import type { Bucket } from './s3.ts'

export interface Version {
  readonly version: string
  /** By the store's clock. */
  readonly modified_ms: number
  readonly etag: string
}

export interface ListedObject {
  /** The oldest first. Later ones with the same content are a resend. */
  readonly versions: readonly Version[]
  /** Whoever asks for the key alone is told that there is nothing. */
  readonly is_deleted: boolean
}

export interface BucketListing {
  /** By key without the log's prefix. Empty objects are those that only delete markers are left of. */
  readonly objects: ReadonlyMap<string, ListedObject>
  /** When the first object of a session came. */
  readonly sessions: ReadonlyMap<string, number>
  /** First sequences of a session's record objects, ascending. */
  readonly records: ReadonlyMap<string, readonly number[]>
  /** First entries of the log's objects, ascending. */
  readonly entries: readonly number[]
  /** Sizes of the checkpoints, ascending. */
  readonly checkpoints: readonly number[]
}

/** Origins of the logs in a bucket, `NAME/LOGID`, sorted. */
export async function listOrigins(bucket: Bucket): Promise<readonly string[]> {
  const origins: string[] = []
  for (const name of await bucket.folders(''))
    for (const id of await bucket.folders(`${name}/`)) origins.push(`${name}/${id}`)
  return origins.toSorted()
}

/** Rejects with `ReplicaError`. */
export async function listLog(bucket: Bucket, origin: string): Promise<BucketListing> {
  const prefix = prefixOf(origin)
  const objects = new Map<string, { versions: Version[]; is_deleted: boolean }>()
  const sessions = new Map<string, number>()
  const records = new Map<string, number[]>()
  const entries: number[] = []
  const checkpoints: number[] = []
  for await (const { key: whole, version, kind, is_latest, modified_ms, etag } of bucket.versions(
    prefix,
  )) {
    if (!whole.startsWith(prefix)) throw new ReplicaError('s3_corrupt', 'a listing of other keys')
    const key = whole.slice(prefix.length)
    const parts = parseKey(key)
    if (parts === undefined) continue
    let object = objects.get(key)
    if (object === undefined) {
      object = { versions: [], is_deleted: false }
      objects.set(key, object)
      if (objects.size > listed_objects_max)
        throw new ReplicaError('s3_corrupt', `${origin}: more than ${listed_objects_max} objects`)
      if (parts.kind === 'entries') entries.push(parts.first)
      if (parts.kind === 'checkpoint') checkpoints.push(parts.first)
      if (parts.kind === 'records')
        records.set(parts.session, [...(records.get(parts.session) ?? []), parts.first])
    }
    if (kind === 'delete_marker') {
      object.is_deleted ||= is_latest
      continue
    }
    // S3 lists the newest first.
    object.versions.unshift({ version, modified_ms, etag })
    if ('session' in parts)
      sessions.set(parts.session, Math.min(sessions.get(parts.session) ?? modified_ms, modified_ms))
  }
  // Keys sort as they count.
  return { objects, sessions, records, entries, checkpoints }
}
