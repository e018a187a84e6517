/**
 * What a session's trail begins with.
 *
 * @module
 */

import type { LeafListState } from '../../storage/evidence/leaf-list.ts'
import type { SessionFacts } from '../../storage/evidence/manifest.ts'
import type { EndReason } from '../core/ports.ts'

/** Made at the session's start, sealed into its envelope, forgotten at its end. */
export interface SessionSecrets {
  readonly salt: Uint8Array
  readonly sealing_key: Uint8Array
  readonly hmac_key: Uint8Array
}

export interface WaitingHold {
  readonly channel: number
  readonly request: string
}

/** What a trail begins with; after a crash, what was recovered of it. */
export interface TrailState {
  readonly id: string
  /** The members of the start document; the manifest repeats them. */
  readonly facts: SessionFacts
  readonly records: number
  readonly frontier: readonly Uint8Array[]
  /** Absent when the store lacks a list that it should have: the manifest then names none. */
  readonly leaves?: LeafListState
  /** Requests of held commands that have not ended. */
  readonly waiting?: readonly WaitingHold[]
  /** Gone with the process that made them. */
  readonly secrets?: SessionSecrets
}

/** Why a session is over. */
export interface End {
  readonly reason: EndReason
  readonly detail: string
}

/** How a session begins. */
export const no_records = {
  records: 0,
  frontier: [],
  leaves: { digests: [], hashes: [] },
} as const
