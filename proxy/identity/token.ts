/**
 * Bearer tokens of the API: JWTs (RFC 7519) signed by an Ed25519 key of this data directory (RFC 8037).
 * Whoever may read that key may mint. People have ID tokens of a provider instead (`bearer.ts`).
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject, randomUUID } from 'node:crypto'
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { ProviderLogin } from '../core/identity.ts'

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
  /** UTC in microseconds: when what they do with it ends, where it is bound to the token's own end. */
  readonly ends_us?: number
  /** The sign-in that it is of. */
  readonly login?: ProviderLogin
}

export type VerifiedToken =
  | { readonly ok: true; readonly caller: Caller }
  /** `reason` is for a log and an error document; it never repeats the token. */
  | { readonly ok: false; readonly rule: string; readonly reason: string }

/** The private Ed25519 key of the data directory. */
export type TokenKey = KeyObject

export interface TokenRequest extends Voucher {
  readonly subject: string
  /** Whose approvals it may give. */
  readonly groups?: readonly string[]
  readonly roles: readonly Role[]
  readonly lifetime_s: number
}

const token_audience = 'sluice-api'
/** A month: nothing revokes such a token but a new key. */
export const token_lifetime_s_max: number = 30 * 24 * 3600
/** With the groups of whoever signed in; servers take 16 KiB of headers, and proxies often as much for one. */
export const token_characters_max: number = 12 * 1024
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

/** Who vouched for the subject of a token that the gateway signed, and until when where that ends what they do. */
export interface Voucher {
  readonly issuer?: string
  /** UTC in microseconds. */
  readonly ends_us?: number
  /** The sign-in, as that one names it when it ends it. */
  readonly login?: ProviderLogin
}

const issuer_claim = 'vouched_by'
/** In seconds, as every time in a token. */
const ends_claim = 'vouched_until'
const login_claim = 'vouched_login'

export const voucherClaims = ({
  issuer: by,
  ends_us,
  login,
}: Voucher): Record<string, unknown> => ({
  ...(by === undefined ? {} : { [issuer_claim]: by }),
  ...(ends_us === undefined ? {} : { [ends_claim]: Math.floor(ends_us / 1_000_000) }),
  ...(login === undefined ? {} : { [login_claim]: login }),
})

/** Undefined for one whose issuer is not configured any more. */
export function voucherOf(payload: JWTPayload, issuers: KnownIssuers): Voucher | undefined {
  const { [issuer_claim]: by, [ends_claim]: ends_s, [login_claim]: login } = payload
  if (by === undefined) return {}
  if (typeof by !== 'string' || issuers.rules(by) === undefined) return undefined
  return {
    issuer: by,
    ...(typeof ends_s === 'number' ? { ends_us: ends_s * 1_000_000 } : {}),
    ...(login === undefined ? {} : { login: loginIn(login) }),
  }
}

/** As the gateway wrote it into something that it signed. */
export function loginIn(value: unknown): ProviderLogin {
  const { sub, sid, issued_us } = value as ProviderLogin
  return { sub, issued_us, ...(sid === undefined ? {} : { sid }) }
}

/** Undefined for an issuer that is not configured. */
export interface KnownIssuers {
  rules(issuer: string): object | undefined
}

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
  const jwt = await new SignJWT({
    roles: [...request.roles],
    ...groupsOf(request),
    ...voucherClaims(request),
  })
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
  issuers: KnownIssuers = { rules: () => undefined },
): (jwt: string) => Promise<VerifiedToken> {
  const public_key = createPublicKey(key)
  return async (jwt) => {
    if (jwt.length > token_characters_max) return refused('too_long', 'the token is too long')
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
      return callerOf(payload, issuers)
    } catch (error) {
      return refusalOf(error)
    }
  }
}

function callerOf(payload: JWTPayload, issuers: KnownIssuers): VerifiedToken {
  const claimed: unknown = payload['roles']
  const { sub, jti } = payload
  if (typeof sub !== 'string' || sub === '' || typeof jti !== 'string')
    return refused('subject', 'the token names nobody')
  if (!Array.isArray(claimed)) return refused('roles', 'the token has no roles')
  const voucher = voucherOf(payload, issuers)
  if (voucher === undefined)
    return refused('issuer', 'who vouched for you is not configured any more: sign in again')
  // Unknown roles give nothing.
  const known = roles.filter((role) => claimed.includes(role))
  const named: unknown = payload['groups']
  const groups = Array.isArray(named) ? named.filter((each) => typeof each === 'string') : []
  return {
    ok: true,
    caller: {
      ...{ subject: sub, roles: known, token: jti, ...voucher },
      ...(groups.length === 0 ? {} : { groups }),
    },
  }
}

function refusalOf(error: unknown): VerifiedToken {
  if (error instanceof errors.JWTExpired) return refused('expired', 'the token has expired')
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return refused('signature', 'the token is not signed by the key of this gateway')
  if (error instanceof errors.JWTClaimValidationFailed)
    return refused('claim', `the claim ${error.claim} of the token is not valid here`)
  return refused('malformed', 'this is not a token of this gateway')
}

const refused = (refusal: string, reason: string): VerifiedToken => ({
  ...{ ok: false, rule: `identity.token.${refusal}`, reason },
})
