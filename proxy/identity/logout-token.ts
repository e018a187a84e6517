/**
 * Verifies logout tokens: a provider says that somebody's sign-in is over (OpenID Connect Back-Channel Logout 1.0,
 * section 2.6).
 *
 * @module
 */
import { type JWTVerifyGetKey, jwtVerify } from 'jose'
import {
  clock_tolerance_s,
  id_token_algorithms,
  id_token_characters_max,
  logout_token_age_s_max,
  logout_tokens_max,
  subject_characters_max,
} from './limits.ts'

export type VerifiedLogout =
  | { readonly ok: true; readonly logout: Logout }
  /** One line; it repeats nothing of the token. */
  | { readonly ok: false; readonly reason: string }

/** At least one of `sub` and `sid`. */
export interface Logout {
  readonly issuer: string
  readonly sub?: string
  readonly sid?: string
  readonly jti: string
  /** UTC in microseconds: what was issued later is another sign-in's. */
  readonly issued_us: number
}

export interface LogoutRules {
  readonly issuer: string
  readonly client_id: string
  readonly keys: JWTVerifyGetKey
  /** UTC in microseconds. */
  readonly now_us: () => number
}

const event = 'http://schemas.openid.net/event/backchannel-logout'

/** Each token counts once. Never rejects. */
export function createLogoutVerifier(rules: LogoutRules): (jwt: string) => Promise<VerifiedLogout> {
  /** By `jti`, until when it would be accepted again; in seconds. */
  const seen = new Map<string, number>()
  const isNew = (jti: string, now_s: number): boolean => {
    for (const [known, until_s] of seen) if (until_s < now_s) seen.delete(known)
    if (seen.has(jti) || seen.size >= logout_tokens_max) return false
    seen.set(jti, now_s + logout_token_age_s_max + 2 * clock_tolerance_s)
    return true
  }
  return async (jwt) => {
    if (jwt.length > id_token_characters_max) return invalid('the token is too long')
    const now_s = rules.now_us() / 1_000_000
    try {
      const { payload, protectedHeader } = await jwtVerify(jwt, rules.keys, {
        algorithms: [...id_token_algorithms],
        issuer: rules.issuer,
        audience: rules.client_id,
        requiredClaims: ['iat', 'exp', 'jti', 'events'],
        maxTokenAge: logout_token_age_s_max,
        clockTolerance: clock_tolerance_s,
        currentDate: new Date(now_s * 1000),
      })
      const { typ } = protectedHeader
      if (typ !== undefined && !/^(application\/)?(logout\+)?jwt$/i.test(typ))
        return invalid('this is no logout token')
      // An ID token, whose nonce a client has seen, must not pass for one (section 2.4).
      if ('nonce' in payload) return invalid('a logout token has no nonce')
      const { events, sub, sid, jti, iat = 0 } = payload as Record<string, unknown>
      const of_logout = isObject(events) ? events[event] : undefined
      if (!isObject(of_logout)) return invalid('the token is about no logout')
      if (!isName(jti) || typeof iat !== 'number') return invalid('the token has no name')
      if ((sub !== undefined && !isName(sub)) || (sid !== undefined && !isName(sid)))
        return invalid('the token names nobody in a form that is read here')
      if (sub === undefined && sid === undefined) return invalid('the token names nobody')
      if (!isNew(jti, now_s)) return invalid('the token was used before')
      return {
        ok: true,
        logout: {
          issuer: rules.issuer,
          ...(sub === undefined ? {} : { sub }),
          ...(sid === undefined ? {} : { sid }),
          jti,
          issued_us: iat * 1_000_000,
        },
      }
    } catch {
      return invalid('this is no valid logout token of this provider')
    }
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isName = (value: unknown): value is string =>
  typeof value === 'string' &&
  value.length > 0 &&
  value.length <= subject_characters_max &&
  !/\p{C}/u.test(value)

const invalid = (reason: string): VerifiedLogout => ({ ok: false, reason })
