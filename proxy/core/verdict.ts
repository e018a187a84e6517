/**
 * The answer of policy. Unknown is denied.
 *
 * @module
 */

import type { TimedGrant } from './access.ts'
import type { GrantedTransfer } from './transfer.ts'

export type Verdict = Grant | Denial

export type Risk = 'low' | 'medium' | 'high' | 'critical'

export interface Grant extends Judged {
  readonly allowed: true
  /** The rule that decided, as a person would look it up. */
  readonly rule: string
  /** Of a channel that carries files: how much of that is allowed. */
  readonly transfer?: GrantedTransfer
  /** Without which it would not be allowed: the session ends with it. */
  readonly by_grant?: TimedGrant
}

export interface Denial extends Judged {
  readonly allowed: false
  readonly rule: string
  /** One line for the user. Never carries payload. */
  readonly message: string
  /** Who has proven that the credential is theirs may be told; anybody else learns nothing by it. */
  readonly is_for_owner?: true
  /** What would make it allowed after all. Who does not know of it denies. */
  readonly hold?: HoldTerms
}

/** What was found in a command line, by the risk catalogue. */
interface Judged {
  readonly risk?: Risk
  readonly findings?: readonly string[]
}

/** Under which a command may run: each group has to give as many approvals. */
export interface HoldTerms {
  /** The empty group is everybody who may approve. */
  readonly approvals: readonly { readonly group: string; readonly quorum: number }[]
  readonly expires_ms: number
  /** Who approves signs with a passkey. */
  readonly passkey?: true
  /** Why the policy demands it; may be empty. */
  readonly reason: string
  readonly risk: Risk
  /** What the worst part of the command does. */
  readonly says: string
  /** Without which not even an approval would help. */
  readonly by_grant?: TimedGrant
  readonly findings: readonly string[]
}

/** Whether approvals that were given are all that is wanted. */
export function isEnough(given: HoldTerms['approvals'], wanted: HoldTerms['approvals']): boolean {
  return wanted.every(({ group, quorum }) =>
    given.some((each) => each.group === group && each.quorum >= quorum),
  )
}

/** What a channel may ask for besides running a command. */
export type Capability = 'forwarding' | 'agent_forwarding' | 'upload' | 'download' | 'x11'

/** What goes on record of it: names of ours alone, nothing of the command. */
export function judgedOf({ risk, findings }: Verdict): Judged {
  if (risk === undefined) return {}
  return { risk, ...(findings === undefined || findings.length === 0 ? {} : { findings }) }
}
