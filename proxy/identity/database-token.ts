/**
 * Who a password is that is a token: one that this gateway made for databases, or an ID token of a provider. A token of
 * the API is none: it is another audience's (RFC 8725, section 3.9).
 *
 * @module
 */
import { createPublicKey, randomUUID } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import type { Identify } from '../core/connector.ts'
import type { Identity } from '../core/identity.ts'
import type { Denial } from '../core/verdict.ts'
import { bindingClaim, isBoundTo, isJwtBoundTo } from './bound-token.ts'
import type { Known } from './claims.ts'
import type { Issuers } from './issuers.ts'
import { type TokenKey, type Voucher, voucherClaims, voucherOf } from './token.ts'

export interface DatabaseTokenRequest extends Voucher {
  readonly subject: string
  readonly groups: readonly string[]
  readonly lifetime_s: number
  /** Who uses it proves to have the key of this one: base64url of its SHA-256. */
  readonly certificate?: string
}

/** Of a token that is a password in a file or an environment: a working day. */
export const database_token_lifetime_s_max: number = 24 * 3600

const audience = 'sluice-database'
const issuer = 'sluice'
const algorithm = 'EdDSA'
const clock_tolerance_s = 5

/** `now_us`: UTC in microseconds. Throws a `RangeError` for a lifetime outside 1 s to a day. */
export async function mintDatabaseToken(
  key: TokenKey,
  { subject, groups, lifetime_s, certificate, ...voucher }: DatabaseTokenRequest,
  now_us: number,
): Promise<{ readonly jwt: string; readonly token: string; readonly expires_s: number }> {
  if (!Number.isInteger(lifetime_s) || lifetime_s < 1 || lifetime_s > database_token_lifetime_s_max)
    throw new RangeError('a token for databases lives for 1 second to 24 hours')
  const now_s = Math.floor(now_us / 1_000_000)
  const token = randomUUID()
  const jwt = await new SignJWT({
    ...(groups.length === 0 ? {} : { groups: [...groups] }),
    ...voucherClaims(voucher),
    ...(certificate === undefined ? {} : bindingClaim(certificate)),
  })
    .setProtectedHeader({ alg: algorithm })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(subject)
    .setJti(token)
    .setIssuedAt(now_s)
    .setExpirationTime(now_s + lifetime_s)
    .sign(key)
  return { jwt, token, expires_s: now_s + lifetime_s }
}

/** `now_us`: UTC in microseconds, asked for each token. Never rejects. */
export function createTokenIdentify(
  key: TokenKey,
  issuers: Issuers,
  now_us: () => number,
): Identify {
  const public_key = createPublicKey(key)
  return async (claim) => {
    if (claim.kind !== 'token') return denied('a token is expected as the password')
    const { jwt, client_certificate } = claim
    const proven = await issuers.prove(jwt)
    if (proven !== undefined) {
      if (!('allowed' in proven) && !isJwtBoundTo(jwt, client_certificate)) return unbound
      return userOf(proven)
    }
    try {
      const { payload } = await jwtVerify(jwt, public_key, {
        algorithms: [algorithm],
        audience,
        issuer,
        requiredClaims: ['sub', 'jti', 'iat', 'exp'],
        maxTokenAge: database_token_lifetime_s_max,
        clockTolerance: clock_tolerance_s,
        currentDate: new Date(now_us() / 1000),
      })
      if (!isBoundTo(payload, client_certificate)) return unbound
      const { sub = '', jti = '' } = payload
      const vouched = voucherOf(payload, issuers)
      if (vouched === undefined) return denied('who vouched for you is not configured any more')
      const claimed: unknown = payload['groups']
      const groups = Array.isArray(claimed)
        ? claimed.filter((each) => typeof each === 'string')
        : []
      return { issuer, ...vouched, subject: sub, groups, method: 'token', credential: jti }
    } catch {
      return denied(
        'the password is not a valid token: `sluice token --database` makes one, an ID token is one too',
      )
    }
  }
}

/** Who may connect, not only read. */
export function userOf(proven: Known | Denial): Identity | Denial {
  if ('allowed' in proven) return proven
  return proven.roles.includes('user')
    ? proven.identity
    : denied('none of your groups may connect here')
}

const denied = (message: string): Denial => ({ allowed: false, rule: 'identity.token', message })

const unbound: Denial = {
  allowed: false,
  rule: 'identity.token.certificate',
  message: 'this token is bound to a certificate: connect with it over TLS (sslcert, sslkey)',
}
