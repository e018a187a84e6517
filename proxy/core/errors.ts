/**
 * Operating failures: things that happen on a good day. Each has a literal `code`; the message is
 * one line for a person and never carries payload.
 *
 * @module
 */

class OperatingError<Code extends string> extends Error {
  readonly code: Code
  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export type TargetErrorCode =
  | 'target_unreachable'
  | 'target_timeout'
  | 'host_key_mismatch'
  | 'credential_rejected'
  | 'target_protocol'
  | 'shell_silent'

export class TargetError extends OperatingError<TargetErrorCode> {
  override readonly name = 'TargetError'
}

export type ClientErrorCode = 'client_protocol' | 'client_timeout' | 'client_gone' | 'unidentified'

export class ClientError extends OperatingError<ClientErrorCode> {
  override readonly name = 'ClientError'
}

export type RecorderErrorCode =
  | 'journal_full'
  | 'journal_io'
  | 'store_io'
  | 'recorder_gone'
  /** The bucket is too far behind for another session. */
  | 'replica_behind'
  /** Of one channel alone: a scanned transfer was stopped. */
  | 'transfer_stopped'
  /** New masking rules cannot be taken into use; those before stay. */
  | 'rules_refused'

/** Evidence cannot be written: sessions end, new ones are refused. */
export class RecorderError extends OperatingError<RecorderErrorCode> {
  override readonly name = 'RecorderError'
}
