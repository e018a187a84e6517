/**
 * What a browser keeps for itself while its person is at a provider: a JWE (RFC 7516) by a key that ends with the process.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { EncryptJWT, jwtDecrypt } from 'jose'
import { login_ticket_characters_max } from './limits.ts'
import type { BrowserChecks } from './provider.ts'

export interface Ticket {
  readonly provider: string
  /** A path of the gateway's. */
  readonly to: string
  /** The connection in a terminal that the person signs in for. */
  readonly terminal?: string | undefined
  /** What the answer of an OpenID provider has to match. */
  readonly checks?: BrowserChecks
  /** That of a SAML provider. */
  readonly request_id?: string
}

export interface Tickets {
  make(ticket: Ticket): Promise<string>
  /** Nothing for what this process has not made, or too long ago. Never rejects. */
  open(text: string): Promise<Ticket | undefined>
}

/** `now_us`: UTC in microseconds. */
export function createTickets(now_us: () => number, lifetime_s: number): Tickets {
  const key = randomBytes(32)
  const encryption = 'A256GCM'
  return {
    make(ticket) {
      const now_s = Math.floor(now_us() / 1e6)
      return new EncryptJWT({ ticket })
        .setProtectedHeader({ alg: 'dir', enc: encryption })
        .setExpirationTime(now_s + lifetime_s)
        .encrypt(key)
    },
    async open(text) {
      if (text.length > login_ticket_characters_max) return undefined
      try {
        const { payload } = await jwtDecrypt(text, key, {
          keyManagementAlgorithms: ['dir'],
          contentEncryptionAlgorithms: [encryption],
          currentDate: new Date(now_us() / 1000),
          requiredClaims: ['exp'],
        })
        // Nobody else has the key: it is what `make` was given.
        return payload['ticket'] as Ticket
      } catch {
        return undefined
      }
    },
  }
}
