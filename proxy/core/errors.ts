/**
 * Operating failures: things that happen on a good day. Each has a literal `code`; the message is
 * one line for a person and never carries payload.
 *
 * @module
 */

export type TargetErrorCode =
  | 'target_unreachable'
  | 'target_timeout'
  | 'host_key_mismatch'
  | 'credential_rejected'
  | 'target_protocol'

export class TargetError extends Error {
  override readonly name = 'TargetError'
  readonly code: TargetErrorCode
  constructor(code: TargetErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export type ClientErrorCode = 'client_protocol' | 'client_timeout' | 'client_gone' | 'unidentified'

export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode
  constructor(code: ClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export type RecorderErrorCode = 'journal_full' | 'journal_io' | 'store_io' | 'recorder_gone'

/** Evidence cannot be written: sessions end, new ones are refused. */
export class RecorderError extends Error {
  override readonly name = 'RecorderError'
  readonly code: RecorderErrorCode
  constructor(code: RecorderErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
