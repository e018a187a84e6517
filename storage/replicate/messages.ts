/**
 * What the replicating Worker and its owner say to each other.
 *
 * @module
 */
import type { Hold } from '../evidence/hold.ts'
import type { RetentionRule } from '../evidence/retention.ts'
import type { ReplicaErrorCode } from './errors.ts'
import type { Receipt } from './receipts.ts'
import type { Status } from './replicator.ts'
import type { BucketSettings } from './s3.ts'

export interface ReplicaSetup {
  /** The data directory; its store is open elsewhere. */
  readonly data: string
  readonly bucket: BucketSettings
  /** Of the log, `NAME+HASH+KEY`. */
  readonly verifier_key: string
  readonly retention: readonly RetentionRule[]
  /** Keys of erased sessions are erased in the bucket from here. */
  readonly is_shredding?: boolean
  /** Where the store is encrypted at rest. */
  readonly key?: Uint8Array | undefined
}

export type ToReplica =
  /** Once, first. */
  | ({ readonly kind: 'open' } & ReplicaSetup)
  | { readonly kind: 'durable'; readonly lsn: number }
  /** Legal holds in force. */
  | { readonly kind: 'holds'; readonly holds: readonly Hold[] }
  /** The log has the receipts. */
  | { readonly kind: 'logged' }
  | { readonly kind: 'stop'; readonly within_ms: number }

export type FromReplica =
  /** It replicates from now on; the bucket may not be proven yet. */
  | { readonly kind: 'opened' }
  /** At the start or later: nothing is sent any more. */
  | { readonly kind: 'refused'; readonly code: ReplicaErrorCode; readonly message: string }
  | { readonly kind: 'status'; readonly status: Status }
  | { readonly kind: 'replicated'; readonly lsn: number }
  | { readonly kind: 'receipts'; readonly receipts: readonly Receipt[] }
  | { readonly kind: 'stopped' }
