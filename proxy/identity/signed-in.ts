/**
 * Somebody whom a provider has signed in, and a connection that waits for them.
 *
 * @module
 */
import type { Proven } from '../core/sign-in.ts'
import type { Denial } from '../core/verdict.ts'
import type { Vouched } from './issuers.ts'

export function mayConnect({ identity, roles, proof }: Vouched): Proven | Denial {
  if (roles.includes('user')) return { identity, proof }
  return {
    allowed: false,
    rule: 'identity.oidc.role',
    message: 'you are signed in, but none of your groups may connect here',
  }
}

export const codeOf = ({ rule }: Denial): string => rule.slice(rule.lastIndexOf('.') + 1)
