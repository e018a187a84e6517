/**
 * People who sign in with a browser at a provider (OpenID Connect Core, section 3.1). What the answer has to match stays
 * with the browser, encrypted by a key of this process: who begins sign-ins without an end takes no memory here, and
 * an answer that is brought to another browser (RFC 6749, section 10.12) has nothing to match.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { EncryptJWT, jwtDecrypt } from 'jose'
import type { Identity } from '../core/identity.ts'
import type { Denial } from '../core/verdict.ts'
import { identityOf } from './claims.ts'
import {
  browser_login_s,
  login_ticket_characters_max,
  return_path_characters_max,
} from './limits.ts'
import type { Provider } from './provider.ts'
import type { Role } from './token.ts'

export interface BrowserLogins {
  /** Names, in the order of the configuration. */
  readonly providers: readonly string[]
  /** `to`: where the person wanted to go, as a link says it. Never rejects. */
  begin(provider: string, to: string): Promise<BegunLogin | Denial>
  /** `ticket`: what the browser has kept. `query`: what it brought back, with its `?`. Never rejects. */
  finish(ticket: string, query: string): Promise<SignedIn | Denial>
}

export interface BegunLogin {
  /** At the provider. HTTPS, or loopback. */
  readonly url: string
  /** For the browser alone, and of no use to it but to bring it back. */
  readonly ticket: string
}

export interface SignedIn {
  readonly identity: Identity
  /** One at least. */
  readonly roles: readonly Role[]
  /** Where the person wanted to go: a path of the gateway's, whatever the link said. */
  readonly to: string
}

export interface BrowserLoginPorts {
  /** Where browsers find the gateway: an origin. It is known once the API listens. */
  readonly origin: () => string
  /** UTC in microseconds. */
  readonly now_us: () => number
  /** For the operator. Never carries payload. */
  readonly log: (event: string, fields: Readonly<Record<string, string>>) => void
}

/** Where a provider sends browsers back to: what it has to have registered (RFC 6749, section 3.1.2.2). */
export const callback_path = '/login/callback'

interface Ticket {
  readonly provider: string
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly to: string
}

export function createBrowserLogins(
  providers: readonly Provider[],
  ports: BrowserLoginPorts,
): BrowserLogins {
  const tickets = createTickets(ports.now_us)
  const by_name = new Map(providers.map((each) => [each.settings.name, each]))
  const refuse = (provider: string, code: string, message: string): Denial => {
    ports.log('sign_in_failed', { provider, code, way: 'browser' })
    return { allowed: false, rule: `identity.oidc.${code}`, message }
  }

  const answered = async (
    ticket: Ticket,
    provider: Provider,
    query: string,
  ): Promise<SignedIn | Denial> => {
    const { settings } = provider
    const { name } = settings
    const returned = new URL(`${ports.origin()}${callback_path}${query}`)
    const token = await provider.redeem(ticket, returned)
    if (!token.ok) return refuse(name, token.code, token.reason)
    const verified = await provider.verify(token.value, ticket.nonce)
    if (!verified.ok) return refuse(name, verified.code, `${name}: ${verified.reason}`)
    const known = identityOf(settings, verified.claims, token.value)
    if ('allowed' in known) return refuse(name, codeOf(known), known.message)
    const { identity, roles } = known
    if (roles.length === 0)
      return refuse(name, 'role', 'you are signed in, but none of your groups has a role here')
    ports.log('signed_in', { provider: name, subject: identity.subject, way: 'browser' })
    return { identity, roles, to: ticket.to }
  }

  return {
    providers: [...by_name.keys()],
    async begin(name, to) {
      const provider = by_name.get(name)
      if (provider === undefined) return refuse('', 'provider', 'there is no such provider')
      const asked = await provider.authorizeBrowser(`${ports.origin()}${callback_path}`)
      if (!asked.ok) return refuse(name, asked.code, asked.reason)
      const { url, state, nonce, verifier } = asked.value
      const ticket = { provider: name, state, nonce, verifier, to: ownPath(to) }
      return { url, ticket: await tickets.make(ticket) }
    },
    async finish(text, query) {
      const ticket = await tickets.open(text)
      const provider = by_name.get(ticket?.provider ?? '')
      if (ticket === undefined || provider === undefined)
        return refuse('', 'ticket', 'this browser has not begun a sign-in here, or too long ago')
      return answered(ticket, provider, query)
    },
  }
}

/**
 * The path itself where it is one of the gateway's own, and `/` otherwise: what a link says must not lead a person who
 * has just signed in to another site, and neither back to where they came from, for ever.
 */
export function ownPath(text: string): string {
  const is_path = text.length <= return_path_characters_max && /^\/[!-~]*$/.test(text)
  if (!is_path || text.includes('\\')) return '/'
  const origin = 'http://own.invalid'
  const parsed = URL.parse(text, origin)
  if (parsed?.origin !== origin || /^\/(login|logout|saml)(\/|$)/.test(parsed.pathname)) return '/'
  // As the parser has it: "/./" and a second slash are gone before a browser could read them otherwise.
  const path = parsed.pathname.replace(/^\/+/, '/')
  return `${path}${parsed.search}`
}

/** JWE (RFC 7516) by a key that ends with the process. */
function createTickets(now_us: () => number): {
  make(ticket: Ticket): Promise<string>
  open(text: string): Promise<Ticket | undefined>
} {
  const key = randomBytes(32)
  const encryption = 'A256GCM'
  return {
    make(ticket) {
      const now_s = Math.floor(now_us() / 1e6)
      return new EncryptJWT({ ...ticket })
        .setProtectedHeader({ alg: 'dir', enc: encryption })
        .setExpirationTime(now_s + browser_login_s)
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
        return payload as unknown as Ticket
      } catch {
        return undefined
      }
    },
  }
}

const codeOf = ({ rule }: Denial): string => rule.slice(rule.lastIndexOf('.') + 1)
