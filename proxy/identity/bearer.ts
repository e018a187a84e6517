/**
 * Whose a bearer token of the API is: one of this gateway's own, or an ID token of a configured issuer.
 *
 * @module
 */
import type { Issuers } from './issuers.ts'
import type { VerifiedToken } from './token.ts'

/** Never rejects. `own` verifies what no issuer of the configuration issued. */
export function createBearerVerifier(
  own: (jwt: string) => Promise<VerifiedToken>,
  issuers: Issuers,
): (jwt: string) => Promise<VerifiedToken> {
  return async (jwt) => {
    const proven = await issuers.prove(jwt)
    if (proven === undefined) return own(jwt)
    if ('allowed' in proven) return { ok: false, rule: proven.rule, reason: proven.message }
    const { identity, roles } = proven
    const { issuer, subject, groups, credential, ends_us, login } = identity
    return {
      ok: true,
      caller: {
        ...{ issuer, subject, groups, roles, token: credential },
        ...(ends_us === undefined ? {} : { ends_us }),
        ...(login === undefined ? {} : { login }),
      },
    }
  }
}
