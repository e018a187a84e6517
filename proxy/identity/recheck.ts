/**
 * Asks an OpenID provider whether somebody whom it has signed in still may: by the refresh token of that sign-in (OpenID Connect
 * Core, section 12), else by its access token at the userinfo endpoint (section 5.3).
 *
 * @module
 */
import * as client from 'openid-client'
import { isTrusted } from './bounded-fetch.ts'
import { groupsOf } from './claims.ts'
import type { VerifiedIdToken } from './id-token.ts'

/** Of one sign-in. In memory alone: whoever has them is that person at the provider. */
export interface ProviderTokens {
  readonly id_token: string
  readonly refresh_token?: string
  readonly access_token?: string
  /** UTC in microseconds: until when the access token opens anything. */
  readonly access_ends_us?: number
}

export type Rechecked =
  /** `groups`: what it says of them now; undefined where it says nothing of groups. */
  | {
      readonly kind: 'yes'
      readonly tokens: ProviderTokens
      readonly groups: readonly string[] | undefined
    }
  /** A definite one: the sign-in is over, or whoever it was of is. */
  | { readonly kind: 'no' }
  /** No answer that says either. */
  | { readonly kind: 'unanswered' }
  /** It has given nothing to ask by, or what it gave has ended. */
  | { readonly kind: 'impossible' }

export interface RecheckParts {
  readonly configuration: client.Configuration
  readonly groups_claim: string
  verify(id_token: string): Promise<VerifiedIdToken>
  /** UTC in microseconds. */
  now_us(): number
}

export function tokensOf(
  reply: client.TokenEndpointResponse,
  id_token: string,
  now_us: number,
  before: Partial<ProviderTokens> = {},
): ProviderTokens {
  const { access_token, expires_in } = reply
  // RFC 6749, section 6: without a new one the old one goes on.
  const refresh_token = reply.refresh_token ?? before.refresh_token
  return {
    id_token,
    access_token,
    ...(refresh_token === undefined ? {} : { refresh_token }),
    ...(expires_in === undefined ? {} : { access_ends_us: now_us + expires_in * 1_000_000 }),
  }
}

/** `sub`: whom the provider signed in. Never rejects. */
export async function recheck(
  parts: RecheckParts,
  held: ProviderTokens,
  sub: string,
): Promise<Rechecked> {
  const { refresh_token, access_token, access_ends_us = 0 } = held
  if (refresh_token !== undefined) return byRefresh(parts, held, refresh_token, sub)
  if (access_token === undefined || access_ends_us <= parts.now_us() || !hasUserinfo(parts))
    return { kind: 'impossible' }
  try {
    return { kind: 'yes', tokens: held, groups: await userinfoGroups(parts, access_token, sub) }
  } catch (error) {
    return whyNot(error)
  }
}

async function byRefresh(
  parts: RecheckParts,
  held: ProviderTokens,
  refresh_token: string,
  sub: string,
): Promise<Rechecked> {
  let reply: client.TokenEndpointResponse
  try {
    reply = await client.refreshTokenGrant(parts.configuration, refresh_token)
  } catch (error) {
    return whyNot(error)
  }
  const tokens = tokensOf(reply, held.id_token, parts.now_us(), held)
  if (reply.id_token !== undefined) {
    const verified = await parts.verify(reply.id_token)
    if (!verified.ok) return { kind: 'unanswered' }
    // Section 12.2: of the same person as the first.
    if (verified.claims.sub !== sub) return { kind: 'no' }
    const groups = groupsOf(verified.claims[parts.groups_claim])
    return groups === undefined ? { kind: 'no' } : { kind: 'yes', tokens, groups }
  }
  if (!hasUserinfo(parts)) return { kind: 'yes', tokens, groups: undefined }
  try {
    return { kind: 'yes', tokens, groups: await userinfoGroups(parts, reply.access_token, sub) }
  } catch (error) {
    // It has said yes at the other endpoint.
    const why = whyNot(error)
    return why.kind === 'no' ? why : { kind: 'yes', tokens, groups: undefined }
  }
}

function hasUserinfo({ configuration }: RecheckParts): boolean {
  const { userinfo_endpoint: at } = configuration.serverMetadata()
  return at !== undefined && URL.canParse(at) && isTrusted(new URL(at))
}

/** Undefined where the endpoint says nothing of groups, as many say less than an ID token does. */
async function userinfoGroups(
  { configuration, groups_claim }: RecheckParts,
  access_token: string,
  sub: string,
): Promise<readonly string[] | undefined> {
  const claims = await client.fetchUserInfo(configuration, access_token, sub)
  if (claims[groups_claim] === undefined) return undefined
  // In no form that is read here: nobody is in none of them by that.
  return groupsOf(claims[groups_claim]) ?? []
}

/** What says that a sign-in is over (RFC 6749, section 5.2; OpenID Connect Core, section 3.1.2.6). */
const definite: ReadonlySet<string> = new Set([
  ...['invalid_grant', 'access_denied'],
  ...['login_required', 'interaction_required', 'consent_required', 'account_selection_required'],
])

function whyNot(error: unknown): Extract<Rechecked, { kind: 'no' | 'unanswered' }> {
  if (error instanceof client.ResponseBodyError)
    return { kind: definite.has(error.error) ? 'no' : 'unanswered' }
  // RFC 6750, section 3.1: the token, which has not ended yet, is good for nothing.
  if (error instanceof client.WWWAuthenticateChallengeError)
    return { kind: error.status === 401 ? 'no' : 'unanswered' }
  return { kind: 'unanswered' }
}
