/**
 * What a gateway finds out before it relies on a bucket: that it keeps a locked object against the very credential
 * that wrote it, and that what it holds of this log is this log's past.
 *
 * @module
 */
import { equalBytes } from '../evidence/bytes.ts'
import { type Checkpoint, parseCheckpoint } from '../evidence/checkpoint.ts'
import { noteVerifier, openNote } from '../evidence/note.ts'
import type { Backlog } from '../store/backlog.ts'
import { receipts_name } from '../store/layout.ts'
import { ReplicaError } from './errors.ts'
import { checkpointKey, parseKey, prefixOf, probe_key } from './keys.ts'
import { probe_ms, proven_checkpoints_max } from './limits.ts'
import type { Receipts } from './receipts.ts'
import type { Bucket } from './s3.ts'
import type { Listed } from './xml.ts'

/**
 * Stores an object under a lock, and tries to break it. Resolves when the store refused both to shorten the lock and to
 * delete the version. Rejects with `ReplicaError` `not_append_only` when it did not, or with what else went wrong.
 *
 * A refused deletion alone proves little: a careful credential may delete nothing. The attempt to shorten needs the same
 * permission as locking itself, so only the lock is left to refuse it.
 */
export async function proveLock(bucket: Bucket, origin: string, now_ms: number): Promise<void> {
  const key = `${prefixOf(origin)}${probe_key}`
  const until = now_ms + probe_ms
  const broken = (what: string): never => {
    throw new ReplicaError('not_append_only', `the bucket is not append-only: ${what}`)
  }
  const body = new TextEncoder().encode(`probe ${new Date(now_ms).toISOString()}\n`)
  let version: string
  try {
    version = await bucket.put(key, body, until)
  } catch (error) {
    // Without Object Lock a store refuses the request for it (S3: InvalidRequest), or stores without a version.
    if (!(error instanceof ReplicaError)) throw error
    if (/ 400 Invalid(?:Request|Argument)$/.test(error.message))
      return broken('it does not accept a locked object: Object Lock is not enabled')
    if (error.code === 's3_corrupt') return broken('it does not keep versions')
    throw error
  }
  const lock = await bucket.lock(key, version)
  if (lock?.mode !== 'COMPLIANCE') return broken('a locked object is not in COMPLIANCE mode there')
  // It may round to a second.
  if ((lock.retain_until_ms ?? 0) < until - 1000)
    return broken('a lock ends earlier than asked for')
  if (await bucket.shorten(key, version, now_ms + probe_ms / 2))
    return broken('it let a lock be shortened')
  if (await bucket.remove(key, version)) return broken('it let a locked object be deleted')
}

/**
 * Compares the newest checkpoints in the bucket with the store, those that its receipts do not know. Rejects with
 * `log_rolled_back` when the bucket knows a longer log, `log_forked` when it knows another one.
 */
export async function proveContinuity(
  bucket: Bucket,
  verifier_key: string,
  backlog: Backlog,
  receipts: Pick<Receipts, 'place' | 'isEmpty'>,
): Promise<void> {
  const verifier = noteVerifier(verifier_key)
  if (verifier === undefined) throw new ReplicaError('log_forked', 'the key of the log is unusable')
  const known_size = receipts.place.checkpoint_size
  const prefix = prefixOf(verifier.name)
  // Those before were compared when they were sent.
  const after = known_size > 0 ? `${prefix}${checkpointKey(known_size - 1)}` : undefined
  const listed: Listed[] = []
  for await (const one of bucket.versions(`${prefix}checkpoint/`, after))
    if (one.kind === 'version' && isCheckpoint(one.key.slice(prefix.length))) listed.push(one)
  let found = 0
  for (const { key, version } of listed.toReversed().slice(0, proven_checkpoints_max)) {
    const note = await bucket.get(key, version)
    const opened = note === undefined ? undefined : openNote(note.bytes, [verifier])
    const checkpoint = opened?.ok === true ? parseCheckpoint(opened.text) : undefined
    // Whoever may write to the bucket can put anything there; only what this log signed counts.
    if (checkpoint?.origin !== verifier.name) continue
    compare(checkpoint, backlog)
    found++
  }
  if (found === 0 && listed.length > proven_checkpoints_max)
    throw new ReplicaError('s3_corrupt', 'the bucket is full of checkpoints that nobody signed')
  if (found === 0 && known_size > 0)
    throw new ReplicaError(
      'not_append_only',
      `the bucket no longer has the checkpoint over ${known_size} entries that it took: it was emptied, or is another one`,
    )
  // Sent anew, a session's records would be cut into other objects than those that are there.
  if (found > 0 && receipts.isEmpty)
    throw new ReplicaError(
      'store_contradicts',
      `the bucket has this log, and ${receipts_name} of the data directory, which says what was sent, is gone`,
    )
}

function compare({ size, root }: Checkpoint, backlog: Backlog): void {
  const { log_size } = backlog.snapshot()
  if (size > log_size)
    throw new ReplicaError(
      'log_rolled_back',
      `the bucket holds a signed checkpoint over ${size} entries of this log, and the data directory has ${log_size}: ` +
        'it is an older copy, or lost what it had',
    )
  const own = backlog.rootAt(size)
  if (own === undefined || !equalBytes(own, root))
    throw new ReplicaError(
      'log_forked',
      `the bucket holds another history of this log: its first ${size} entries are not those of the data directory`,
    )
}

const isCheckpoint = (key: string): boolean => parseKey(key)?.kind === 'checkpoint'
