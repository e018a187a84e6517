/**
 * What the store's Worker and its owner say to each other.
 *
 * @module
 */
import type { StoreErrorCode } from './errors.ts'
import type { Reader } from './reader.ts'
import type { RecoveredState } from './recover.ts'

export type ToStore =
  /** Once, first. */
  | {
      readonly kind: 'open'
      readonly data: string
      /** Where it is encrypted at rest. */
      readonly key?: Uint8Array | undefined
    }
  /** Journal entries up to here are on the disk. */
  | { readonly kind: 'durable'; readonly lsn: number }
  | ({ readonly kind: 'ask'; readonly id: number } & Question)
  | { readonly kind: 'stop' }

/** A call of {@link Reader}. */
export type Question = {
  readonly [Method in keyof Reader]: {
    readonly method: Method
    readonly parameters: Parameters<Reader[Method]>
  }
}[keyof Reader]

export type FromStore =
  | { readonly kind: 'opened'; readonly recovered: RecoveredState }
  | { readonly kind: 'refused'; readonly error: Failure }
  /** Before `opened`, where that takes long: bytes of the journal that are projected. */
  | { readonly kind: 'recovering'; readonly bytes: number }
  /** The journal may forget everything up to here. */
  | { readonly kind: 'projected'; readonly lsn: number }
  | { readonly kind: 'lagging'; readonly reason: string | undefined }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'unanswered'; readonly id: number; readonly error: Failure }
  | { readonly kind: 'stopped' }

export interface Failure {
  /** `cursor` stands for the `RangeError` of an unreadable one. */
  readonly code: StoreErrorCode | 'cursor'
  readonly message: string
}
