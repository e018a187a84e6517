/**
 * Verifies ID tokens (OpenID Connect Core, section 3.1.3.7): by a key that the issuer publishes now, for this
 * gateway, at this time.
 *
 * @module
 */
import { errors, exportJWK, type JWK, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import {
  clock_tolerance_s,
  id_token_age_s_max,
  id_token_algorithms,
  id_token_characters_max,
} from './limits.ts'

export type VerifiedIdToken =
  | {
      readonly ok: true
      readonly claims: JWTPayload
      /** The public key that verified it, with the `kid` and `alg` of the token. */
      readonly key: JWK
    }
  /**
   * `reason` is one line, and `refusal` its name in a log; neither repeats anything of the token. `unavailable`: the
   * issuer's keys are not there.
   */
  | {
      readonly ok: false
      readonly code: 'invalid' | 'unavailable'
      readonly refusal: IdTokenRefusal
      readonly reason: string
    }

export type IdTokenRefusal =
  | 'algorithm'
  | 'audience'
  | 'claim'
  | 'expired'
  | 'issuer'
  | 'key'
  | 'malformed'
  | 'not_yet_valid'
  | 'request'
  | 'signature'
  | 'too_long'
  | 'unavailable'

export interface IdTokenRules {
  readonly issuer: string
  readonly client_id: string
  /** The issuer's keys; a rejection that is no error of jose's is taken for "not there now". */
  readonly keys: JWTVerifyGetKey
  /** UTC in microseconds. */
  readonly now_us: () => number
}

/** `nonce`: that of the request, when the token answers to one of ours. Never rejects. */
export async function verifyIdToken(
  jwt: string,
  rules: IdTokenRules,
  nonce?: string,
): Promise<VerifiedIdToken> {
  if (jwt.length > id_token_characters_max) return invalid('too_long', 'the token is too long')
  try {
    const { payload, protectedHeader, key } = await jwtVerify(jwt, rules.keys, {
      algorithms: [...id_token_algorithms],
      issuer: rules.issuer,
      audience: rules.client_id,
      requiredClaims: ['sub', 'iat', 'exp'],
      maxTokenAge: id_token_age_s_max,
      clockTolerance: clock_tolerance_s,
      currentDate: new Date(rules.now_us() / 1000),
    })
    const { typ, alg, kid } = protectedHeader
    // Access tokens (RFC 9068) and logout tokens have types of their own (RFC 8725, section 3.11).
    if (typ !== undefined && !/^(application\/)?jwt$/i.test(typ))
      return invalid('malformed', 'this is no ID token')
    // OpenID Connect Back-Channel Logout, section 2.4: an ID token has no "events".
    if ('events' in payload) return invalid('malformed', 'this is no ID token')
    const is_for_several = Array.isArray(payload.aud) && payload.aud.length > 1
    const { azp } = payload
    if ((is_for_several || azp !== undefined) && azp !== rules.client_id)
      return invalid('audience', 'the token was issued to another client')
    // A device authorization has no nonce of its own; a provider that passes ours on must pass on that one.
    if (nonce !== undefined && payload['nonce'] !== undefined && payload['nonce'] !== nonce)
      return invalid('request', 'the token answers to another request')
    const public_key = await exportJWK(key)
    return {
      ok: true,
      claims: payload,
      key: { ...public_key, alg, ...(kid === undefined ? {} : { kid }) },
    }
  } catch (error) {
    return failureOf(error)
  }
}

function failureOf(error: unknown): VerifiedIdToken {
  if (error instanceof errors.JWTExpired) return invalid('expired', 'the token has expired')
  if (error instanceof errors.JWTClaimValidationFailed)
    return invalid(
      refusals[error.claim] ?? 'claim',
      `the claim ${error.claim} of the token is not valid here`,
    )
  if (error instanceof errors.JOSEAlgNotAllowed)
    return invalid('algorithm', 'the token is signed in a way that is not accepted')
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return invalid('signature', 'the token is not signed by its issuer')
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return invalid('key', 'the token is signed by a key that its issuer does not publish')
  const is_token =
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JOSENotSupported
  if (is_token) return invalid('malformed', 'this is no ID token')
  const reason = "the issuer's keys cannot be had now"
  return { ok: false, code: 'unavailable', refusal: 'unavailable', reason }
}

const refusals: Readonly<Partial<Record<string, IdTokenRefusal>>> = {
  aud: 'audience',
  iss: 'issuer',
  nbf: 'not_yet_valid',
  // Issued later than now, or too long ago.
  iat: 'not_yet_valid',
}

const invalid = (refusal: IdTokenRefusal, reason: string): VerifiedIdToken => ({
  ...{ ok: false, code: 'invalid', refusal, reason },
})
