/**
 * From the claims of a verified ID token to somebody the gateway knows: subject, groups, and the roles that the
 * configuration gives to groups.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { JWTPayload } from 'jose'
import type { Identity } from '../core/identity.ts'
import type { Denial } from '../core/verdict.ts'
import { group_characters_max, groups_max, subject_characters_max } from './limits.ts'
import { type Role, roles } from './token.ts'

/** How a provider's claims are read. */
export interface ClaimRules {
  readonly name: string
  readonly issuer: string
  readonly groups_claim: string
  /** `sub`, unless another claim names people in a way that the provider never gives to a second one. */
  readonly subject_claim: string
  /** Groups that have a role. Without an entry for `user`, everybody whom the provider signs in has that one. */
  readonly roles: Readonly<Partial<Record<Role, readonly string[]>>>
  /** Whether sessions end with the token. */
  readonly bind_session_to_token: boolean
}

export interface Known {
  readonly identity: Identity
  readonly roles: readonly Role[]
}

/** `jwt` gives the token a name where its claims have none. */
export function identityOf(rules: ClaimRules, claims: JWTPayload, jwt: string): Known | Denial {
  const subject = claims[rules.subject_claim]
  if (!isPlain(subject, subject_characters_max) || /\s/.test(subject))
    return denied('subject', `${rules.name} does not say who you are (${rules.subject_claim})`)
  // An address that its owner never confirmed is a claim of the person, not of the provider.
  if (rules.subject_claim === 'email' && claims['email_verified'] !== true)
    return denied('subject', `${rules.name} has not verified your e-mail address`)
  const groups = groupsOf(claims[rules.groups_claim])
  if (groups === undefined)
    return denied('groups', `${rules.name} does not say your groups in a form that is read here`)
  const ends_s = rules.bind_session_to_token ? claims.exp : undefined
  return {
    identity: {
      issuer: rules.issuer,
      subject,
      groups,
      method: 'token',
      credential: tokenName(claims, jwt),
      ...loginOf(claims),
      ...(ends_s === undefined ? {} : { ends_us: ends_s * 1_000_000 }),
    },
    roles: rolesOf(rules.roles, groups),
  }
}

/** What a provider names when it ends a sign-in (OpenID Connect Back-Channel Logout, section 2.4). */
function loginOf({ sub, iat, sid }: JWTPayload): Pick<Identity, 'login'> {
  if (!isPlain(sub, subject_characters_max) || typeof iat !== 'number') return {}
  const issued_us = iat * 1_000_000
  return {
    login: { sub, issued_us, ...(isPlain(sid, subject_characters_max) ? { sid } : {}) },
  }
}

export function rolesOf(given: ClaimRules['roles'], groups: readonly string[]): readonly Role[] {
  return roles.filter((role) => {
    const of_role = given[role]
    if (of_role === undefined) return role === 'user'
    return of_role.some((group) => groups.includes(group))
  })
}

/** None where it is absent; undefined where it cannot be read, which must not look like "no groups". */
export function groupsOf(claim: unknown): readonly string[] | undefined {
  if (claim === undefined || claim === null) return []
  const listed: readonly unknown[] = Array.isArray(claim) ? claim : [claim]
  if (listed.length > groups_max) return undefined
  const groups = listed.filter((each) => isPlain(each, group_characters_max))
  return groups.length === listed.length ? [...new Set(groups)] : undefined
}

/** One visible line: it is recorded and shown. */
export const isPlain = (value: unknown, characters_max: number): value is string =>
  typeof value === 'string' &&
  value.length > 0 &&
  value.length <= characters_max &&
  !/\p{C}/u.test(value)

/** `jti`, else `sid`, else a digest: it covers the signature, which nobody can guess. */
export function tokenName(claims: JWTPayload, jwt: string): string {
  const named = [claims.jti, claims['sid']].find((each) => isPlain(each, subject_characters_max))
  if (typeof named === 'string') return named
  return `SHA256:${createHash('sha256').update(jwt).digest('base64').replace(/=+$/, '')}`
}

function denied(rule: string, message: string): Denial {
  return { allowed: false, rule: `identity.oidc.${rule}`, message }
}
