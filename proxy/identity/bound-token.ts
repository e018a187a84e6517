/**
 * Tokens that are bound to a client's certificate: good for nobody who has not its key too (RFC 8705, section 3.1).
 *
 * @module
 */
import { decodeJwt, type JWTPayload } from 'jose'

const member = 'x5t#S256'

export const bindingClaim = (certificate: string): Record<string, unknown> => ({
  cnf: { [member]: certificate },
})

/** Whether who showed this certificate, or none, may use the token. One that is bound in a way unknown here is nobody's. */
export function isBoundTo({ cnf }: JWTPayload, certificate: string | undefined): boolean {
  if (cnf === undefined) return true
  if (typeof cnf !== 'object' || cnf === null || certificate === undefined) return false
  // RFC 7800, section 3.1: whoever uses a confirmation has to understand it.
  return (cnf as Record<string, unknown>)[member] === certificate && Object.keys(cnf).length === 1
}

/** ... of one whose signature somebody else has verified. */
export const isJwtBoundTo = (jwt: string, certificate: string | undefined): boolean =>
  isBoundTo(decodeJwt(jwt), certificate)
