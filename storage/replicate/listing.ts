/**
 * What a bucket holds of one log, at one moment: every version of every object, and every delete marker.
 *
 * @module
 */
import { ReplicaError } from './errors.ts'
import { checkpointKey, entriesKey, parseKey, prefixOf } from './keys.ts'
import { entries_count_max, listed_objects_max } from './limits.ts'
import type { Bucket } from './s3.ts'
import type { Listed } from './xml.ts'

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

/** As gateways and their logs are named. Others are no log's: their names would reach addresses, and whoever reads the list. */
const log_name = /^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/
const log_id = /^[A-Za-z0-9]{1,64}$/

/** Origins of the logs in a bucket, `NAME/LOGID`, sorted. */
export async function listOrigins(bucket: Pick<Bucket, 'folders'>): Promise<readonly string[]> {
  const origins: string[] = []
  for (const name of await bucket.folders('')) {
    if (!log_name.test(name)) continue
    for (const id of await bucket.folders(`${name}/`))
      if (log_id.test(id)) origins.push(`${name}/${id}`)
  }
  return origins.toSorted()
}

/** Rejects with `ReplicaError`. */
export async function listLog(bucket: Bucket, origin: string): Promise<BucketListing> {
  const listed = new Gathered(origin)
  for await (const one of bucket.versions(prefixOf(origin))) listed.add(one)
  return listed.whole()
}

/** One session, and the entries of the log from one to another one, each at its index. */
export interface Part {
  readonly session: string
  readonly from: number
  readonly to: number
}

/**
 * Lists no more than what proves that part: the session's objects, the entries, and the first checkpoint over them, which is
 * not there before all of that is. Rejects with `ReplicaError`.
 */
export async function listPart(
  bucket: Bucket,
  origin: string,
  { session, from, to }: Part,
): Promise<BucketListing> {
  const prefix = prefixOf(origin)
  const listed = new Gathered(origin)
  const after = (key: string): string => `${prefix}${key}`
  for await (const one of bucket.versions(`${prefix}checkpoint/`, after(checkpointKey(to)))) {
    const parts = parseKey(one.key.slice(prefix.length))
    if (parts?.kind !== 'checkpoint' || parts.first <= to) continue
    if (parts.first !== (listed.checkpoints[0] ?? parts.first)) break
    listed.add(one)
  }
  if (listed.checkpoints.length === 0) return listed.whole()
  const before = from - entries_count_max
  const entries = bucket.versions(
    `${prefix}entries/`,
    before > 0 ? after(entriesKey(before)) : undefined,
  )
  for await (const one of entries) {
    const parts = parseKey(one.key.slice(prefix.length))
    if (parts?.kind === 'entries' && parts.first > to) break
    listed.add(one)
  }
  for await (const one of bucket.versions(`${prefix}session/${session}/`)) listed.add(one)
  return listed.whole()
}

class Gathered implements BucketListing {
  readonly #origin: string
  readonly objects = new Map<string, { versions: Version[]; is_deleted: boolean }>()
  readonly sessions = new Map<string, number>()
  readonly records = new Map<string, number[]>()
  readonly entries: number[] = []
  readonly checkpoints: number[] = []

  constructor(origin: string) {
    this.#origin = origin
  }

  /** All of it was added. */
  whole(): this {
    for (const { versions } of this.objects.values()) if (versions.length > 1) versions.reverse()
    return this
  }

  /** In the order of the store: keys sort as they count, and the versions of one come the newest first. */
  add({ key: whole, version, kind, is_latest, modified_ms, etag }: Listed): void {
    const prefix = prefixOf(this.#origin)
    if (!whole.startsWith(prefix)) throw new ReplicaError('s3_corrupt', 'a listing of other keys')
    const key = whole.slice(prefix.length)
    const parts = parseKey(key)
    // A gateway replaces these each minute, for years, and nobody who verifies reads them.
    if (parts === undefined || parts.kind === 'hint' || parts.kind === 'probe') return
    const { objects, sessions, records } = this
    let object = objects.get(key)
    if (object === undefined) {
      object = { versions: [], is_deleted: false }
      objects.set(key, object)
      if (objects.size > listed_objects_max)
        throw new ReplicaError(
          's3_corrupt',
          `${this.#origin}: more than ${listed_objects_max} objects`,
        )
      if (parts.kind === 'entries') this.entries.push(parts.first)
      if (parts.kind === 'checkpoint') this.checkpoints.push(parts.first)
      if (parts.kind === 'records') {
        const firsts = records.get(parts.session) ?? []
        records.set(parts.session, firsts)
        firsts.push(parts.first)
      }
    }
    if (kind === 'delete_marker') {
      object.is_deleted ||= is_latest
      return
    }
    object.versions.push({ version, modified_ms, etag })
    if ('session' in parts)
      sessions.set(parts.session, Math.min(sessions.get(parts.session) ?? modified_ms, modified_ms))
  }
}
