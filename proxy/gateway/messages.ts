/**
 * What a gateway and its workers say to each other, over the pipe between parent and child.
 *
 * @module
 */

import type { Hold, HoldActor } from '../../storage/evidence/hold.ts'
import type { Release } from '../../storage/evidence/release.ts'
import type { ShredResult } from '../api/ports.ts'
import type { Address } from '../config/address.ts'
import type { WaitingLogin } from '../console/ports.ts'
import type { ApprovalRequest, DeskChange, Vote, VoteResult } from '../core/approval.ts'
import type { Proven } from '../core/sign-in.ts'
import type { Denial } from '../core/verdict.ts'
import type { Login, WatchedSignIn } from '../identity/sign-in-watch.ts'
import type { Family } from '../metrics/family.ts'
import type { AccessState } from './access.ts'

/** Where connections come in; undefined where nothing listens. */
export interface Addresses {
  readonly ssh: Address | undefined
  readonly postgres: Address | undefined
}

/** A key of a database's client; `secret` in hex. */
export interface SentCancelKey {
  readonly pid: number
  readonly secret: string
}

export type FromWorker =
  /** It listens to this pipe. */
  | { readonly kind: 'hello' }
  /** It accepts connections. */
  | { readonly kind: 'ready'; readonly addresses: Addresses }
  /** A client wants to cancel what may run in another worker. */
  | ({ readonly kind: 'cancel' } & SentCancelKey)
  /** Why it cannot record now, one line each; empty when it can again. */
  | { readonly kind: 'health'; readonly reasons: readonly string[] }
  | {
      readonly kind: 'requests'
      readonly ask: number
      readonly requests: readonly ApprovalRequest[]
    }
  /** Unasked: somebody signed in there. */
  | { readonly kind: 'signed_in'; readonly signed_in: WatchedSignIn }
  | { readonly kind: 'sign_ins'; readonly ask: number; readonly logins: readonly Login[] }
  /** Unasked. */
  | { readonly kind: 'desk'; readonly change: DeskChange }
  | { readonly kind: 'metrics'; readonly ask: number; readonly families: readonly Family[] }
  | { readonly kind: 'shredded'; readonly ask: number; readonly result: ShredResult }
  | { readonly kind: 'voted'; readonly ask: number; readonly result: VoteResult }
  | { readonly kind: 'settled'; readonly ask: number; readonly is_there: boolean }
  | { readonly kind: 'login'; readonly ask: number; readonly login: WaitingLogin | undefined }

export type ToWorker =
  /** The configuration is to be read again. By this pipe, since a signal may come before there is an ear for it. */
  | { readonly kind: 'reload' }
  | ({ readonly kind: 'cancel' } & SentCancelKey)
  /** What is given and taken away now; first as an answer to `hello`. */
  | { readonly kind: 'access'; readonly state: AccessState }
  /** Legal holds in force; first as an answer to `hello`. */
  | { readonly kind: 'holds'; readonly holds: readonly Hold[] }
  /** Whose time has come is let go now. */
  | { readonly kind: 'retain' }
  | Question

/** Answered with the same number. */
export type Question = { readonly ask: number } & (
  | { readonly kind: 'waiting_login'; readonly id: string }
  /** What came of a sign-in with a browser, for the worker in which it waits. */
  | { readonly kind: 'settle_login'; readonly id: string; readonly result: Proven | Denial }
  | { readonly kind: 'requests' }
  | { readonly kind: 'metrics' }
  /** On which its sessions rest. */
  | { readonly kind: 'sign_ins' }
  /** A session that it may have is erased before its time. */
  | {
      readonly kind: 'shred'
      readonly session: string
      readonly by: HoldActor
      readonly reason: string
      readonly release: Release | undefined
    }
  | { readonly kind: 'vote'; readonly id: string; readonly vote: Vote }
)
