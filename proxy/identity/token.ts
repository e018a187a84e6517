/**
 * Bearer tokens of the API: JWTs (RFC 7519) signed by an Ed25519 key of this data directory (RFC 8037).
 * Whoever may read that key may mint. People have ID tokens of a provider instead (`bearer.ts`).
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject, randomUUID } from 'node:crypto'
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'

export const roles = ['user', 'approver', 'auditor', 'admin'] as const
export type Role = (typeof roles)[number]

/** Who calls the API. */
export interface Caller {
  /** The provider that vouches for the subject; absent for tokens of the gateway itself. */
  readonly issuer?: string
  readonly subject: string
  /** As the provider or the token says; absent for none. */
  readonly groups?: readonly string[]
  readonly roles: readonly Role[]
  /** The token's `jti`; names it in the log without being usable. */
  readonly token: string
}

export type VerifiedToken =
  | { readonly ok: true; readonly caller: Caller }
  /** `reason` is for a log and an error document; it never repeats the token. */
  | { readonly ok: false; readonly reason: string }

/** The private Ed25519 key of the data directory. */
export type TokenKey = KeyObject

export interface TokenRequest {
  readonly subject: string
  /** Whose approvals it may give. */
  readonly groups?: readonly string[]
  readonly roles: readonly Role[]
  readonly lifetime_s: number
}

const token_audience = 'sluice-api'
/** A month: nothing revokes such a token but a new key. */
export const token_lifetime_s_max: number = 30 * 24 * 3600
/** A JWT of ours has under 500 characters; Hono and proxies take headers of 8 KiB. */
const token_characters_max = 4096
/** Clocks of two machines; the same one mints and verifies here. */
const clock_tolerance_s = 5
// RFC 8725, section 3.1: one algorithm, whatever the header of the token says.
const algorithm = 'EdDSA'
const issuer = 'sluice'

/** Reads a PKCS#8 key: DER, or PEM as text. Undefined when it is not a private Ed25519 key. */
export function parseTokenKey(pkcs8: Uint8Array | string): TokenKey | undefined {
  try {
    const key =
      typeof pkcs8 === 'string'
        ? createPrivateKey(pkcs8)
        : createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    return undefined
  }
}

const groupsOf = ({ groups = [] }: TokenRequest): { groups?: string[] } =>
  groups.length === 0 ? {} : { groups: [...groups] }

/** `now_us`: UTC in microseconds. Throws a `RangeError` for a lifetime outside 1 s to 30 days. */
export async function mintToken(
  key: TokenKey,
  request: TokenRequest,
  now_us: number,
): Promise<{ readonly jwt: string; readonly token: string; readonly expires_s: number }> {
  const { lifetime_s } = request
  if (!Number.isInteger(lifetime_s) || lifetime_s < 1 || lifetime_s > token_lifetime_s_max)
    throw new RangeError('a token lives for 1 second to 30 days')
  const now_s = Math.floor(now_us / 1_000_000)
  const token = randomUUID()
  const jwt = await new SignJWT({ roles: [...request.roles], ...groupsOf(request) })
    .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
    .setIssuer(issuer)
    .setAudience(token_audience)
    .setSubject(request.subject)
    .setJti(token)
    .setIssuedAt(now_s)
    .setExpirationTime(now_s + lifetime_s)
    .sign(key)
  return { jwt, token, expires_s: now_s + lifetime_s }
}

/** `now_us`: UTC in microseconds, asked for each token. Never rejects. */
export function createTokenVerifier(
  key: TokenKey,
  now_us: () => number,
): (jwt: string) => Promise<VerifiedToken> {
  const public_key = createPublicKey(key)
  return async (jwt) => {
    if (jwt.length > token_characters_max) return { ok: false, reason: 'the token is too long' }
    try {
      const { payload } = await jwtVerify(jwt, public_key, {
        algorithms: [algorithm],
        audience: token_audience,
        issuer,
        requiredClaims: ['sub', 'jti', 'iat', 'exp'],
        // Longer than we mint: a key that leaked must not have made a token for ever.
        maxTokenAge: token_lifetime_s_max,
        clockTolerance: clock_tolerance_s,
        currentDate: new Date(now_us() / 1000),
      })
      return callerOf(payload)
    } catch (error) {
      return { ok: false, reason: reasonOf(error) }
    }
  }
}

function callerOf(payload: JWTPayload): VerifiedToken {
  const claimed: unknown = payload['roles']
  const { sub, jti } = payload
  if (typeof sub !== 'string' || sub === '' || typeof jti !== 'string')
    return { ok: false, reason: 'the token names nobody' }
  if (!Array.isArray(claimed)) return { ok: false, reason: 'the token has no roles' }
  // Unknown roles give nothing.
  const known = roles.filter((role) => claimed.includes(role))
  const named: unknown = payload['groups']
  const groups = Array.isArray(named) ? named.filter((each) => typeof each === 'string') : []
  return {
    ok: true,
    caller: { subject: sub, roles: known, token: jti, ...(groups.length === 0 ? {} : { groups }) },
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired'
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return 'the token is not signed by the key of this gateway'
  if (error instanceof errors.JWTClaimValidationFailed)
    return `the claim ${error.claim} of the token is not valid here`
  return 'this is not a token of this gateway'
}
