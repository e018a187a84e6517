/**
 * Operating failures of the remote store. Messages name keys, states and S3's own error codes, never content.
 *
 * @module
 */

export type ReplicaErrorCode =
  /** No answer, or not in time. */
  | 's3_unreachable'
  /** The store refuses: a wrong key, or a permission that is missing. */
  | 's3_refused'
  /** The store says that it cannot now: 5xx, or too many requests. */
  | 's3_failing'
  /** The answer is not what the store would say. */
  | 's3_corrupt'
  /** No such bucket. */
  | 's3_missing'
  /** The store on this machine cannot be read now: busy, or its disk full. */
  | 'store_io'
  /** The bucket does not keep what it promised to keep. */
  | 'not_append_only'
  /** The bucket holds more of this log than the data directory: an older copy of it was put back. */
  | 'log_rolled_back'
  /** The bucket holds another history of this log. */
  | 'log_forked'
  /** The store no longer gives the bytes that were promised to the bucket. */
  | 'store_contradicts'

export class ReplicaError extends Error {
  override readonly name = 'ReplicaError'
  readonly code: ReplicaErrorCode
  constructor(code: ReplicaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Whether another try may succeed without anybody's doing. */
export function isPassing({ code }: ReplicaError): boolean {
  return code.startsWith('s3_') || code === 'store_io'
}
