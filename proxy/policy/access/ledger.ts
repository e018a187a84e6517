/**
 * Grants and revocations as the facts of the gateway's log make them: pure, so that a restart comes to what was.
 *
 * @module
 */
import type { GrantScope, Revocation, TimedGrant } from '../../core/access.ts'
import type { Decider } from '../../core/approval.ts'
import type { HoldTerms } from '../../core/verdict.ts'

/** Who did something, and by which credential, which is a name and opens nothing. */
export interface Actor extends Decider {
  readonly credential: string
}

export interface GrantRequest {
  readonly id: string
  readonly digest: string
  readonly issuer: string
  readonly subject: string
  readonly groups: readonly string[]
  readonly target: string
  readonly account: string
  readonly scope: readonly GrantScope[]
  /** Masked. */
  readonly reason: string
  readonly break_glass: boolean
  readonly duration_us: number
  /** Which policy it needs, and what that wants. */
  readonly rule: string
  readonly says: string
  readonly approvals: HoldTerms['approvals']
  readonly policy_hash: string
  readonly requested_us: number
  readonly expires_us: number
}

/** One document of the log each; `at_us` is in the order of the log. */
export type AccessFact = { readonly at_us: number; readonly by: Actor } & (
  | { readonly type: 'grant.requested'; readonly request: GrantRequest }
  | {
      readonly type: 'grant.decided'
      readonly grant: string
      readonly digest: string
      readonly decision: 'approve' | 'deny' | 'cancel'
      /** Members of which they are, of those whose approval is wanted; the empty one is anybody. */
      readonly groups: readonly string[]
      /** Masked. */
      readonly comment: string
      readonly policy_hash: string
      /** Set by the decision that gives it. */
      readonly starts_us?: number
      readonly ends_us?: number
    }
  | { readonly type: 'grant.revoked'; readonly grant: string; readonly reason: string }
  | { readonly type: 'grant.reviewed'; readonly grant: string; readonly comment: string }
  | {
      readonly type: 'access.revoked'
      readonly revocation: Revocation
      readonly reason: string
    }
  | { readonly type: 'access.restored'; readonly revocation: string; readonly reason: string }
)

export const access_fact_types = [
  'grant.requested',
  'grant.decided',
  'grant.revoked',
  'grant.reviewed',
  'access.revoked',
  'access.restored',
] as const

export interface GrantFile {
  readonly request: GrantRequest
  readonly given: readonly (Decider & { readonly groups: readonly string[] })[]
  readonly state: 'waiting' | 'denied' | 'cancelled' | 'given' | 'revoked'
  readonly window?: { readonly starts_us: number; readonly ends_us: number }
  readonly reviewed: boolean
}

export interface RevocationFile {
  readonly revocation: Revocation
  readonly reason: string
  readonly by: Actor
  readonly at_us: number
}

export interface Ledger {
  readonly grants: ReadonlyMap<string, GrantFile>
  readonly revocations: ReadonlyMap<string, RevocationFile>
}

export const empty_ledger: Ledger = { grants: new Map(), revocations: new Map() }

/** A fact about what is not there changes nothing. */
export function withFact(ledger: Ledger, fact: AccessFact): Ledger {
  switch (fact.type) {
    case 'grant.requested': {
      const { request } = fact
      const { requested_us: starts_us, duration_us, break_glass } = request
      return withGrant(ledger, {
        request,
        given: [],
        reviewed: false,
        ...(break_glass
          ? { state: 'given', window: { starts_us, ends_us: starts_us + duration_us } }
          : { state: 'waiting' }),
      })
    }
    case 'grant.decided': {
      const file = ledger.grants.get(fact.grant)
      if (file?.state !== 'waiting') return ledger
      if (fact.decision !== 'approve')
        return withGrant(ledger, {
          ...file,
          state: fact.decision === 'deny' ? 'denied' : 'cancelled',
        })
      const { subject, issuer } = fact.by
      const given = [...file.given, { subject, issuer, groups: fact.groups }]
      const { starts_us, ends_us } = fact
      return withGrant(
        ledger,
        starts_us === undefined || ends_us === undefined
          ? { ...file, given }
          : { ...file, given, state: 'given', window: { starts_us, ends_us } },
      )
    }
    case 'grant.revoked': {
      const file = ledger.grants.get(fact.grant)
      return file === undefined ? ledger : withGrant(ledger, { ...file, state: 'revoked' })
    }
    case 'grant.reviewed': {
      const file = ledger.grants.get(fact.grant)
      return file === undefined ? ledger : withGrant(ledger, { ...file, reviewed: true })
    }
    case 'access.revoked': {
      const { revocation, reason, by, at_us } = fact
      const revocations = new Map(ledger.revocations)
      revocations.set(revocation.id, { revocation, reason, by, at_us })
      return { ...ledger, revocations }
    }
    case 'access.restored': {
      const revocations = new Map(ledger.revocations)
      revocations.delete(fact.revocation)
      return { ...ledger, revocations }
    }
  }
}

function withGrant(ledger: Ledger, file: GrantFile): Ledger {
  return { ...ledger, grants: new Map(ledger.grants).set(file.request.id, file) }
}

/** Without what is over and needs nobody's look any more. */
export function withoutOld({ grants, revocations }: Ledger, now_us: number): Ledger {
  const isOld = (file: GrantFile): boolean =>
    (isOver(file, now_us) || file.state === 'revoked') && !needsReview(file)
  return {
    grants: new Map([...grants].filter(([, file]) => !isOld(file))),
    revocations: new Map(
      [...revocations].filter(
        ([, { revocation }]) => (revocation.ends_us ?? Number.MAX_VALUE) > now_us,
      ),
    ),
  }
}

function isOver({ state, request, window }: GrantFile, now_us: number): boolean {
  if (state === 'waiting') return request.expires_us <= now_us
  return state === 'denied' || state === 'cancelled' || (window?.ends_us ?? 0) <= now_us
}

export const isWaiting = ({ state, request }: GrantFile, now_us: number): boolean =>
  state === 'waiting' && request.expires_us > now_us

export const needsReview = ({ request, reviewed }: GrantFile): boolean =>
  request.break_glass && !reviewed

/** What is running now, or undefined. */
export function grantOf(file: GrantFile, now_us: number): TimedGrant | undefined {
  const { request, window, state, given } = file
  if (state !== 'given' || window === undefined || window.ends_us <= now_us) return undefined
  const { id, issuer, subject, target, account, scope, reason, break_glass } = request
  return {
    ...{ id, issuer, subject, target, account, scope, reason, break_glass },
    ...{ digest: request.digest, requested_us: request.requested_us, ...window },
    approvals: break_glass ? [] : request.approvals,
    by: given.map((each) => ({ subject: each.subject, issuer: each.issuer })),
  }
}

/** Whether each group has given as many approvals as are wanted. */
export function isApproved(
  approvals: HoldTerms['approvals'],
  given: readonly { readonly groups: readonly string[] }[],
): boolean {
  return approvals.every(
    ({ group, quorum }) => given.filter(({ groups }) => groups.includes(group)).length >= quorum,
  )
}
