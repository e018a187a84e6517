/**
 * What gives access for a time, and what takes it away from those who have it.
 *
 * @module
 */
import type { Decider } from './approval.ts'
import { type Identity, mayBeSame } from './identity.ts'
import type { HoldTerms } from './verdict.ts'

/**
 * Whoever it fits may not go on, and not begin. Every member that is set must fit. Those of `session` end that one
 * session and keep nobody from another.
 */
export interface Revocation {
  readonly id: string
  readonly session?: string
  readonly issuer?: string
  readonly subject?: string
  /** As {@link Identity.credential}. */
  readonly credential?: string
  /** Certificates of an authority, the `SHA256:` fingerprint of its key: one by its serial, or all of a key id. */
  readonly certificate?: {
    readonly authority: string
    /** Decimal. */
    readonly serial?: string
    readonly key_id?: string
  }
  /** The person or the sign-in that a provider has ended; only what was issued up to then. */
  readonly login?: {
    readonly sub?: string
    readonly sid?: string
    /** Set where only one sign-in is meant. */
    readonly issued_us_min?: number
    readonly issued_us_max: number
  }
  /** UTC in microseconds: forgotten afterwards, as nothing is left that it could fit. */
  readonly ends_us?: number
  /** One line for the user. */
  readonly message: string
}

/** Access for a time: somebody, a target, what they may do there. */
export interface TimedGrant {
  /** What people type. */
  readonly id: string
  /** Empty for a person whom the gateway's own token named: whoever vouches for that name. */
  readonly issuer: string
  readonly subject: string
  readonly target: string
  /** Empty for every account. */
  readonly account: string
  /** What it is for; empty for all that policy then permits. */
  readonly scope: readonly GrantScope[]
  readonly reason: string
  readonly break_glass: boolean
  /** Under which it was given: a policy that wants more does not take it. */
  readonly approvals: HoldTerms['approvals']
  readonly by: readonly Decider[]
  /** UTC in microseconds. */
  readonly requested_us: number
  readonly starts_us: number
  readonly ends_us: number
  /** SHA-256 of what was asked for, hex. */
  readonly digest: string
}

export const grant_scopes = ['exec', 'shell', 'upload', 'download', 'forward', 'query'] as const
export type GrantScope = (typeof grant_scopes)[number]

/** What policy asks of who has which access; the same for every protocol. */
export interface AccessGate {
  /** What keeps this identity out now. */
  revoked(identity: Identity, session?: string): Revocation | undefined
  /** Those that are running for this person there. */
  grants(identity: Identity, target: string, account: string): readonly TimedGrant[]
}

export const no_access_gate: AccessGate = { revoked: () => undefined, grants: () => [] }

/** Whether a revocation fits somebody, or the one session that it names. */
export function fits(revocation: Revocation, identity: Identity, session?: string): boolean {
  const { issuer, subject, credential, certificate, login } = revocation
  if (revocation.session !== undefined && revocation.session !== session) return false
  if (issuer !== undefined && issuer !== identity.issuer) return false
  if (subject !== undefined && !mayBeSame(subject, identity.subject)) return false
  if (credential !== undefined && credential !== identity.credential) return false
  if (certificate !== undefined) {
    const { authority, serial, key_id } = certificate
    const shown = identity.certificate
    if (shown === undefined || shown.authority !== authority) return false
    if (serial !== undefined && serial !== shown.serial) return false
    if (key_id !== undefined && key_id !== shown.key_id) return false
  }
  if (login === undefined) return true
  const own = identity.login
  if (own === undefined || own.issued_us > login.issued_us_max) return false
  if (own.issued_us < (login.issued_us_min ?? 0)) return false
  if (login.sub !== undefined && login.sub !== own.sub) return false
  if (login.sid === undefined) return true
  // A sign-in without a name may be the one that is meant.
  return own.sid === undefined ? login.sub !== undefined : login.sid === own.sid
}

/** Whether a grant is this person's, there and now. */
export function isFor(
  grant: TimedGrant,
  identity: Pick<Identity, 'issuer' | 'subject'>,
  target: string,
  account: string,
  now_us: number,
): boolean {
  return (
    grant.subject === identity.subject &&
    (grant.issuer === '' || grant.issuer === identity.issuer) &&
    grant.target === target &&
    (grant.account === '' || grant.account === account) &&
    grant.starts_us <= now_us &&
    now_us < grant.ends_us
  )
}
