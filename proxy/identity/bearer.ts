/**
 * Whose a bearer token of the API is: one of this gateway's own, or an ID token of a configured provider.
 *
 * @module
 */
import { decodeJwt } from 'jose'
import { identityOf } from './claims.ts'
import { id_token_characters_max } from './limits.ts'
import type { Provider } from './provider.ts'
import type { VerifiedToken } from './token.ts'

/** Never rejects. `own` verifies what no provider issued. */
export function createBearerVerifier(
  own: (jwt: string) => Promise<VerifiedToken>,
  providers: readonly Provider[],
): (jwt: string) => Promise<VerifiedToken> {
  const by_issuer = new Map(providers.map((each) => [each.settings.issuer, each]))
  return async (jwt) => {
    const provider = by_issuer.get(claimedIssuer(jwt) ?? '')
    if (provider === undefined) return own(jwt)
    const verified = await provider.verify(jwt)
    if (!verified.ok) return { ok: false, reason: verified.reason }
    const known = identityOf(provider.settings, verified.claims, jwt)
    if ('allowed' in known) return { ok: false, reason: known.message }
    const { issuer, subject, groups, credential } = known.identity
    return { ok: true, caller: { issuer, subject, groups, roles: known.roles, token: credential } }
  }
}

/** Only chooses who verifies: nothing else is believed of it. */
function claimedIssuer(jwt: string): string | undefined {
  if (jwt.length > id_token_characters_max) return undefined
  try {
    return decodeJwt(jwt).iss
  } catch {
    return undefined
  }
}
