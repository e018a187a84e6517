/**
 * A command that waits for a person: what is asked for, and how it ends.
 *
 * @module
 */

import type { PasskeySignature } from '../../storage/evidence/passkey.ts'
import type { ReleaseChange } from '../../storage/evidence/release.ts'
import type { Identity } from './identity.ts'
import type { HoldTerms } from './verdict.ts'

export type { PasskeySignature }

/** A command as it may be shown: masked, with the names of the rules that masked something. */
export interface MaskedCommand {
  readonly text: string
  readonly rules: readonly string[]
  /** Which part of the text which rule masked, in order; places are in UTF-16 code units. */
  readonly spans?: readonly MaskedSpan[]
  /** What of the client's environment goes with it, masked. */
  readonly environment?: Readonly<Record<string, string>>
}

export interface MaskedSpan {
  readonly at: number
  readonly length: number
  readonly rule: string
}

export interface HeldCommand {
  readonly session: string
  readonly channel: number
  readonly identity: Identity
  readonly account: string
  readonly target: string
  readonly labels: Readonly<Record<string, string>>
  readonly source: string
  readonly environment: Readonly<Record<string, string>>
  readonly is_terminal: boolean
  /** As it came, and as it will be sent. */
  readonly command: Uint8Array
  readonly shown: MaskedCommand
  readonly rule: string
  readonly terms: HoldTerms
}

/** Somebody who decided. */
export interface Decider {
  readonly subject: string
  /** Empty for a token of the gateway's own. */
  readonly issuer: string
  /** They signed the request's digest, and that was checked. */
  readonly passkey?: PasskeySignature
}

export type HoldOutcome =
  | { readonly kind: 'approved'; readonly by: readonly Decider[] }
  /** The comment is masked. */
  | { readonly kind: 'denied'; readonly by: readonly Decider[]; readonly comment: string }
  /** In time, or `stopped`: with the gateway. */
  | { readonly kind: 'expired'; readonly stopped?: true }
  | { readonly kind: 'cancelled' }

export interface Held {
  /** What people type. */
  readonly id: string
  /** Of the command and all that it is bound to, under a key that this process alone has. */
  readonly digest: string
  /** UTC in microseconds. */
  readonly expires_us: number
  readonly decided: Promise<HoldOutcome>
  /** Whoever asked has given up. */
  cancel(): void
  /** True once, for exactly what was approved. */
  redeem(command: HeldCommand): boolean
}

export interface Approvals {
  /** Undefined when no more can wait. */
  hold(command: HeldCommand): Held | undefined
  /** Where a browser finds what waits; undefined where none can. */
  page?(): string | undefined
}

/** What of a request anybody may see who may decide about it. */
export interface ApprovalRequest {
  readonly id: string
  readonly digest: string
  /** What of the gateway's evidence is to be let go; `target` is the gateway then. */
  readonly release?: ReleaseChange
  /** Empty for a grant, and for a legal hold. */
  readonly session: string
  readonly channel: number
  readonly subject: string
  readonly issuer: string
  readonly groups: readonly string[]
  readonly account: string
  readonly target: string
  readonly labels: Readonly<Record<string, string>>
  readonly source: string
  readonly is_terminal: boolean
  readonly command: MaskedCommand
  readonly rule: string
  readonly risk: string
  readonly findings: readonly string[]
  readonly says: string
  readonly reason: string
  readonly approvals: readonly {
    readonly group: string
    readonly quorum: number
    readonly given: readonly Decider[]
  }[]
  /** Who approves signs with a passkey. */
  readonly passkey: boolean
  readonly requested_us: number
  readonly expires_us: number
}

/** `an approval by any approver and 2 approvals by dba`. */
export function approvalsText(
  approvals: readonly { readonly group: string; readonly quorum: number }[],
): string {
  return approvals
    .map(({ group, quorum }) => {
      const count = quorum === 1 ? 'an approval' : `${quorum} approvals`
      return `${count} by ${group === '' ? 'any approver' : group}`
    })
    .join(' and ')
}

export interface Approver extends Decider {
  /** Public name of what they showed to be who they are. */
  readonly credential?: string
  readonly groups: readonly string[]
  readonly roles: readonly string[]
}

export interface Vote {
  /** `cancel` is for who made the request, and for nobody else. */
  readonly decision: 'approve' | 'deny' | 'cancel'
  readonly approver: Approver
  /** What they saw; anything else is refused. */
  readonly digest?: string
  /** Of that digest; whoever gives it has checked it, and whose it is. */
  readonly passkey?: PasskeySignature
  readonly comment: string
}

export type VoteResult =
  /** `waiting`: more approvals are needed. */
  | { readonly ok: true; readonly state: 'approved' | 'denied' | 'cancelled' | 'waiting' }
  | { readonly ok: false; readonly code: VoteRefusal; readonly message: string }

export type VoteRefusal =
  | 'unknown'
  | 'own'
  | 'other'
  | 'role'
  | 'policy'
  | 'group'
  | 'twice'
  | 'passkey'
  | 'digest'
  | 'recording'
  /** What was approved cannot be done any more. */
  | 'over'

/** What happened at a desk. */
export type DeskChange =
  /** It is new, or has one approval more. */
  | { readonly kind: 'waiting'; readonly request: ApprovalRequest }
  | { readonly kind: 'ended'; readonly request: ApprovalRequest; readonly outcome: HoldOutcome }
