/**
 * Who may decide about a request, whatever is asked for: a command that waits, or a grant.
 *
 * @module
 */
import type { Vote, VoteRefusal, VoteResult } from '../../core/approval.ts'
import { mayBeSame } from '../../core/identity.ts'

export type Refused = Extract<VoteResult, { ok: false }>

export interface Asked {
  /** Who asked. */
  readonly by: { readonly subject: string; readonly issuer: string }
  readonly digest: string
  readonly approvals: readonly { readonly group: string }[]
  /** Who approved it already. */
  readonly given: readonly { readonly subject: string }[]
  /** Whether policy lets them decide. */
  mayApprove(approver: Vote['approver']): boolean
}

/** Undefined for a vote that counts. */
export function whyRefused(
  asked: Asked,
  { approver, decision, digest }: Vote,
): Refused | undefined {
  const { approvals } = asked
  // By name alone: whoever vouches for it, the same name may be the same person.
  const is_own = mayBeSame(approver.subject, asked.by.subject)
  if (decision === 'cancel')
    return isRequester(approver, asked.by)
      ? undefined
      : refused('other', 'a request is given up by who made it alone')
  if (is_own) return refused('own', 'a request is decided by somebody else than who made it')
  if (!approver.roles.includes('approver')) return refused('role', 'this needs the role approver')
  if (!asked.mayApprove(approver))
    return refused('policy', 'policy does not let you decide about this')
  if (digest !== undefined && digest !== asked.digest)
    return refused('digest', 'this is not the request that you saw')
  const is_asked = approvals.some(({ group }) => group === '' || approver.groups.includes(group))
  if (!is_asked)
    return refused(
      'group',
      `this is for members of ${approvals.map(({ group }) => group).join(', ')}`,
    )
  if (
    decision === 'approve' &&
    asked.given.some(({ subject }) => mayBeSame(subject, approver.subject))
  )
    return refused('twice', 'you approved this already')
  return undefined
}

/** For what lets somebody do something, who vouches counts too; a token of the gateway's own, with no issuer, is for whichever. */
const isRequester = (approver: Vote['approver'], by: Asked['by']): boolean =>
  approver.subject === by.subject && (approver.issuer === '' || approver.issuer === by.issuer)

export const refused = (code: VoteRefusal, message: string): Refused => ({
  ok: false,
  code,
  message,
})
