/**
 * Keys of sessions that the log says were erased, erased in the bucket too: every version. Not before the bucket has a checkpoint
 * over the entry that says so, so that a key is never gone without a word. What is done is looked at once more, since a
 * request may arrive late.
 *
 * @module
 */
import { digestOf } from '../evidence/document.ts'
import { decodeDocuments } from './body.ts'
import { ReplicaError } from './errors.ts'
import type { Shredded } from './key-table.ts'
import { documentKey, documentsKey, sessionKey } from './keys.ts'
import { shredded_sessions_max, shredding_look_ms, shredding_refused_ms } from './limits.ts'
import type { Receipts } from './receipts.ts'
import type { Bucket } from './s3.ts'
import { commitmentOf, commitToKey, decodeSessionKey, decryptObject } from './session-key.ts'

export interface ShreddingParts {
  readonly bucket: Bucket
  readonly receipts: Pick<Receipts, 'keys' | 'place'>
  /** Of the log's keys. */
  readonly prefix: string
  readonly now_ms: () => number
}

export class Shredding {
  readonly #parts: ShreddingParts
  /** When each was looked at, and whether the bucket refused. */
  readonly #looked = new Map<string, { readonly at_ms: number; readonly is_refused: boolean }>()
  #failure: string | undefined

  constructor(parts: ShreddingParts) {
    this.#parts = parts
  }

  /** Why the bucket does not let keys be erased; undefined while it does. */
  get reason(): string | undefined {
    const refused = [...this.#looked].find(([, { is_refused }]) => is_refused)?.[0]
    return refused === undefined
      ? this.#failure
      : `s3_refused: the key of session ${refused} may not be deleted`
  }

  /** Some of what is to be done. Never rejects for what the bucket says. */
  async step(): Promise<void> {
    const { bucket, receipts, prefix, now_ms } = this.#parts
    const { keys, place } = receipts
    try {
      for (const shredded of keys.open(place.checkpoint_size, shredded_sessions_max)) {
        const { session } = shredded
        const looked = this.#looked.get(session)
        const pause_ms = looked?.is_refused === true ? shredding_refused_ms : shredding_look_ms
        if (now_ms() - (looked?.at_ms ?? 0) < pause_ms) continue
        const outcome = await shredKey(bucket, prefix, shredded)
        if (outcome === 'gone') {
          keys.over(session)
          this.#looked.delete(session)
          continue
        }
        this.#looked.set(session, { at_ms: now_ms(), is_refused: outcome === 'refused' })
      }
      this.#failure = undefined
    } catch (error) {
      if (!(error instanceof ReplicaError)) throw error
      this.#failure = `${error.code}: ${error.message}`
    }
  }
}

/** Deletes every version of a session's key. `gone`: there was none. Rejects with `ReplicaError`. */
async function shredKey(
  bucket: Bucket,
  prefix: string,
  { session, keeps_start }: Shredded,
): Promise<'gone' | 'deleted' | 'refused'> {
  const name = `${prefix}${sessionKey(session, 'key')}`
  const versions = await versionsOf(bucket, name)
  if (versions.length === 0) return 'gone'
  if (keeps_start) await keepStart(bucket, prefix, session)
  let is_refused = false
  for (const version of versions) if (!(await bucket.remove(name, version))) is_refused = true
  return is_refused ? 'refused' : 'deleted'
}

/**
 * A start document that must stay readable, since it shows that a legal hold is not over the session: as it was logged, where
 * documents lie. Before what it lies in goes, or the key. Rejects with `ReplicaError`.
 */
export async function keepStart(bucket: Bucket, prefix: string, session: string): Promise<void> {
  const [alone, within] = [sessionKey(session, 'start'), documentsKey(session, 0)]
  const [bodies, objects, keys] = await Promise.all(
    [alone, within, sessionKey(session, 'key')].map((name) => bodiesOf(bucket, `${prefix}${name}`)),
  )
  const open = (name: string, body: Uint8Array): Uint8Array | undefined => {
    const commitment = commitmentOf(body)
    if (commitment === undefined) return body
    const key = (keys ?? [])
      .map(decodeSessionKey)
      .find((each) => each !== undefined && isOf(each, session, commitment))
    return key && decryptObject(body, key, name)
  }
  // What lies alone and is not encrypted stays as it is.
  const starts = [
    ...(bodies ?? []).map((body) =>
      commitmentOf(body) === undefined ? undefined : open(alone, body),
    ),
    ...(objects ?? []).map((body) => {
      const plain = open(within, body)
      return plain && decodeDocuments(plain)?.[0]
    }),
  ]
  for (const start of starts) {
    if (start === undefined) continue
    const name = `${prefix}${documentKey(digestOf(start))}`
    if ((await bucket.get(name)) === undefined) await bucket.put(name, start)
  }
}

const isOf = (key: Uint8Array, session: string, commitment: Uint8Array): boolean =>
  Buffer.compare(commitToKey(key, session), commitment) === 0

async function bodiesOf(bucket: Bucket, name: string): Promise<readonly Uint8Array[]> {
  const bodies: Uint8Array[] = []
  for (const version of await versionsOf(bucket, name)) {
    const found = await bucket.get(name, version)
    if (found !== undefined) bodies.push(found.bytes)
  }
  return bodies
}

async function versionsOf(bucket: Bucket, name: string): Promise<readonly string[]> {
  const versions: string[] = []
  for await (const { key, version, kind } of bucket.versions(name))
    if (key === name && kind === 'version') versions.push(version)
  return versions
}
