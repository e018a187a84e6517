/**
 * Somebody whom a provider has signed in, and a connection that waits for them.
 *
 * @module
 */
import type { Identity } from '../core/identity.ts'
import type { Proven } from '../core/sign-in.ts'
import type { Denial } from '../core/verdict.ts'
import type { Vouched } from './issuers.ts'
import type { ProviderTokens } from './recheck.ts'

/** `for_ms`: how long something may rest on it that no session shows. */
export type SignedIn = (identity: Identity, tokens: ProviderTokens, for_ms: number) => void

export function mayConnect({ identity, roles, proof }: Vouched): Proven | Denial {
  if (roles.includes('user')) return { identity, proof }
  return {
    allowed: false,
    rule: 'identity.oidc.role',
    message: 'you are signed in, but none of your groups may connect here',
  }
}

export const codeOf = ({ rule }: Denial): string => rule.slice(rule.lastIndexOf('.') + 1)
