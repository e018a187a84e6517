/**
 * The answer of policy. Unknown is denied.
 *
 * @module
 */

import type { GrantedTransfer } from './transfer.ts'

export type Verdict = Grant | Denial

export interface Grant {
  readonly allowed: true
  /** The rule that decided, as a person would look it up. */
  readonly rule: string
  /** Of a channel that carries files: how much of that is allowed. */
  readonly transfer?: GrantedTransfer
}

export interface Denial {
  readonly allowed: false
  readonly rule: string
  /** One line for the user. Never carries payload. */
  readonly message: string
}

/** What a channel may ask for besides running a command. */
export type Capability = 'forwarding' | 'agent_forwarding' | 'upload' | 'download' | 'x11'
