/**
 * What a gateway and its workers say to each other, over the pipe between parent and child.
 *
 * @module
 */
import type { WaitingLogin } from '../api/ports.ts'
import type { Address } from '../config/address.ts'

export type FromWorker =
  /** It accepts connections. */
  | { readonly kind: 'ready'; readonly address: Address }
  /** Why it cannot record now, one line each; empty when it can again. */
  | { readonly kind: 'health'; readonly reasons: readonly string[] }
  | { readonly kind: 'login'; readonly ask: number; readonly login: WaitingLogin | undefined }

export type ToWorker = {
  readonly kind: 'waiting_login'
  readonly ask: number
  readonly id: string
}
