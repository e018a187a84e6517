/**
 * People who sign in with a browser, at an OpenID provider (OpenID Connect Core, section 3.1) or a SAML one. What the
 * answer has to match stays with the browser, encrypted by a key of this process: who begins sign-ins without an end
 * takes no memory here, and an answer that is brought to another browser (RFC 6749, section 10.12) has nothing to match.
 *
 * @module
 */
import type { Denial } from '../core/verdict.ts'
import type { SignedInBrowser } from './browser-session.ts'
import { prove, type Vouched } from './issuers.ts'
import { browser_login_s, watched_ms_min } from './limits.ts'
import { ownPath } from './own-path.ts'
import type { Provider } from './provider.ts'
import { createHandles } from './saml/handles.ts'
import type { SamlProvider } from './saml/provider.ts'
import { codeOf, type SignedIn } from './signed-in.ts'
import { createTickets, type Ticket } from './ticket.ts'

export interface BrowserLogins {
  /** Names, in the order of the configuration, those with OpenID Connect first. */
  readonly providers: readonly string[]
  /** Never rejects. */
  begin(provider: string, aim: LoginAim): Promise<BegunLogin | Denial>
  /**
   * `ticket`: what the browser has kept. `query`: what it brought back, with its `?`. `at`: the provider whose callback it came
   * to, where that one has its own. Never rejects.
   */
  finish(
    ticket: string,
    query: string,
    at?: string,
  ): Promise<(SignedInBrowser & Vouched & LoginAim) | Denial>
  readonly saml: {
    /** What a provider has to know of this gateway; nothing where there is none of that name. */
    metadata(provider: string): Promise<string | undefined>
    /**
     * What a provider's page has posted here. Gives the query to go on with, as a request that has the browser's
     * ticket with it, which this one has not. `response`: undefined for one that is larger than any. Never rejects.
     */
    accept(
      provider: string,
      response: string | undefined,
    ): Promise<{ readonly query: string } | Denial>
  }
}

export interface LoginAim {
  /** Where the person wanted to go: a link says it, and `finish` gives a path of the gateway's. */
  readonly to: string
  /** The connection in a terminal that the person signs in for; nothing for the pages. */
  readonly terminal?: string | undefined
}

export interface BegunLogin {
  /** At the provider. HTTPS, or loopback. */
  readonly url: string
  /** For the browser alone, and of no use to it but to bring it back. */
  readonly ticket: string
}

export interface BrowserLoginPorts {
  /** Where browsers find the gateway: an origin. It is known once the API listens. */
  readonly origin: () => string
  /** UTC in microseconds. */
  readonly now_us: () => number
  /** As of logins in a terminal. */
  readonly signedIn?: SignedIn
  /** For the operator. Never carries payload. */
  readonly log: (event: string, fields: Readonly<Record<string, string>>) => void
}

/** Where a provider sends browsers back to: what it has to have registered (RFC 6749, section 3.1.2.2). */
export const callback_path = '/login/callback'

/** `saml_providers`: those of now, asked each time. */
export function createBrowserLogins(
  providers: readonly Provider[],
  saml_providers: () => readonly SamlProvider[],
  ports: BrowserLoginPorts,
): BrowserLogins {
  const tickets = createTickets(ports.now_us, browser_login_s)
  const handles = createHandles(ports.now_us)
  const by_name = new Map(providers.map((each) => [each.settings.name, each]))
  const samlOf = (name: string): SamlProvider | undefined =>
    saml_providers().find(({ settings }) => settings.name === name)
  const refuse = (provider: string, code: string, message: string): Denial => {
    ports.log('sign_in_failed', { provider, code, way: 'browser' })
    return { allowed: false, rule: `identity.sign_in.${code}`, message }
  }

  /**
   * Of several each has its own (RFC 9700, section 4.4.2): one that sends a browser on to another is not given what that one has
   * issued.
   */
  const callbackOf = (name: string): string =>
    providers.length > 1 ? `${callback_path}/${name}` : callback_path

  const byCode = async (ticket: Ticket, query: string, at?: string): Promise<Vouched | Denial> => {
    const provider = by_name.get(ticket.provider)
    const { checks } = ticket
    if (provider === undefined || checks === undefined) return nobody()
    const came_to = at === undefined ? callback_path : `${callback_path}/${at}`
    if (came_to !== callbackOf(ticket.provider))
      return refuse(ticket.provider, 'state', 'this is the answer of another provider')
    const returned = new URL(`${ports.origin()}${came_to}${query}`)
    const token = await provider.redeem(checks, returned)
    if (!token.ok) return refuse(ticket.provider, token.code, token.reason)
    const signed_in = await prove(provider, token.value.id_token, checks.nonce)
    if ('allowed' in signed_in) return refuse(ticket.provider, codeOf(signed_in), signed_in.message)
    const page_ms = provider.settings.page_session_s * 1_000
    const for_ms = ticket.terminal === undefined ? page_ms : watched_ms_min
    ports.signedIn?.(signed_in.identity, token.value, for_ms)
    return signed_in
  }
  const byHandle = ({ provider, request_id }: Ticket, query: string): Vouched | Denial => {
    const taken = handles.take(new URLSearchParams(query).get('saml') ?? '')
    const is_own = taken !== undefined && taken.request_id === request_id
    return is_own
      ? taken.signed_in
      : refuse(provider, 'state', 'this is the answer to another sign-in')
  }
  /** None for one whose provider was taken out meanwhile. */
  const pageSessionOf = (name: string): number =>
    (by_name.get(name) ?? samlOf(name))?.settings.page_session_s ?? 0
  const nobody = (): Denial =>
    refuse('', 'ticket', 'this browser has not begun a sign-in here, or too long ago')

  return {
    get providers() {
      return [...by_name.keys(), ...saml_providers().map(({ settings }) => settings.name)]
    },
    async begin(name, { to, terminal }) {
      const aim = { provider: name, to: ownPath(to), terminal }
      const saml = samlOf(name)
      if (saml !== undefined) {
        const { url, request_id } = await saml.request()
        return { url, ticket: await tickets.make({ ...aim, request_id }) }
      }
      const provider = by_name.get(name)
      if (provider === undefined) return refuse('', 'provider', 'there is no such provider')
      const asked = await provider.authorizeBrowser(`${ports.origin()}${callbackOf(name)}`)
      if (!asked.ok) return refuse(name, asked.code, asked.reason)
      const { url, ...checks } = asked.value
      return { url, ticket: await tickets.make({ ...aim, checks }) }
    },
    async finish(text, query, at) {
      const ticket = await tickets.open(text)
      if (ticket === undefined) return nobody()
      const { provider, to, terminal, request_id } = ticket
      const signed_in =
        request_id === undefined ? await byCode(ticket, query, at) : byHandle(ticket, query)
      if ('allowed' in signed_in) return signed_in
      const { identity, roles } = signed_in
      if (roles.length === 0)
        return refuse(
          provider,
          'role',
          'you are signed in, but none of your groups has a role here',
        )
      ports.log('signed_in', { provider, subject: identity.subject, way: 'browser' })
      return { ...signed_in, to, terminal, page_session_s: pageSessionOf(provider) }
    },
    saml: {
      metadata: async (name) => samlOf(name)?.metadata(),
      async accept(name, response) {
        const provider = samlOf(name)
        if (provider === undefined) return refuse('', 'provider', 'there is no such provider')
        const accepted = await provider.accept(response)
        if (!accepted.ok) return refuse(name, accepted.code, accepted.reason)
        const handle = handles.put(accepted)
        return handle === undefined
          ? refuse(name, 'full', 'too many people sign in now: try it again')
          : { query: `?saml=${handle}` }
      },
    },
  }
}
