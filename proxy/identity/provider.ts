/**
 * One OpenID provider: its metadata and keys, asked for when they are needed; the device authorization grant
 * (RFC 8628), the code of a browser (RFC 6749, section 4.1), and the verification of what it issues.
 *
 * @module
 */
import { createRemoteJWKSet, type JWTVerifyGetKey, customFetch as jwks_fetch } from 'jose'
import * as client from 'openid-client'
import { type BoundedFetch, createBoundedFetch, isTrusted } from './bounded-fetch.ts'
import type { ClaimRules } from './claims.ts'
import { type VerifiedIdToken, verifyIdToken } from './id-token.ts'
import {
  clock_tolerance_s,
  keys_cooldown_ms,
  keys_ms,
  metadata_ms,
  poll_failures_max,
  poll_s_default,
  poll_s_max,
  reply_ms,
  user_code_characters_max,
  verification_url_characters_max,
} from './limits.ts'
import { createLogoutVerifier, type VerifiedLogout } from './logout-token.ts'
import { type ProviderTokens, type Rechecked, recheck, tokensOf } from './recheck.ts'

/** As a configuration has it. */
export interface OidcSettings extends ClaimRules {
  readonly client_id: string
  readonly client_secret?: { reveal(): string }
  /** Asked for; `openid` is among them. */
  readonly scopes: readonly string[]
  /** Between two questions whether somebody still may; 0 for none. */
  readonly recheck_s: number
  /** How long these may have no answer. */
  readonly recheck_grace_s: number
  /** Of a browser that it signs in to the pages. */
  readonly page_session_s: number
}

export interface Provider {
  readonly settings: OidcSettings
  /** Groups that have a role, from now on. */
  useRoles(roles: ClaimRules['roles']): void
  /** Asks for a code. Never rejects. */
  authorize(nonce: string): Promise<Asked<DeviceCode>>
  /** Waits for the person, until `signal`. Never rejects. */
  token(code: DeviceCode, signal: AbortSignal): Promise<Asked<ProviderTokens>>
  /** Where to send a browser (RFC 6749, section 4.1, with RFC 7636). Never rejects. */
  authorizeBrowser(redirect_uri: string): Promise<Asked<BrowserRequest>>
  /** The tokens for what a browser brought back; nothing is verified yet. `returned` is the redirect URI with that. Never rejects. */
  redeem(request: BrowserChecks, returned: URL): Promise<Asked<ProviderTokens>>
  /** Never rejects. */
  verify(jwt: string, nonce?: string): Promise<VerifiedIdToken>
  /** Whether somebody whom it has signed in still may. Never rejects. */
  recheck(held: ProviderTokens, sub: string): Promise<Rechecked>
  /** That somebody's sign-in is over. Each token counts once. Never rejects. */
  verifyLogout(jwt: string): Promise<VerifiedLogout>
}

/** What the answer to a request has to match. The verifier is a secret of the one browser that asked. */
export interface BrowserChecks {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

export interface BrowserRequest extends BrowserChecks {
  readonly url: string
}

/** `reason` is one line for a person; it names the provider and repeats nothing that it answered. */
export type Asked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: AskedCode; readonly reason: string }

/** `deviceless`: the provider signs people in with a browser that comes back alone. */
export type AskedCode = 'refused' | 'expired' | 'unavailable' | 'unusable' | 'deviceless'

export interface DeviceCode {
  readonly user_code: string
  /** With the code in it where the provider offers that. */
  readonly url: string
  readonly polled: client.DeviceAuthorizationResponse
}

export interface ProviderPorts {
  /** UTC in microseconds. */
  readonly now_us: () => number
  /** Milliseconds since any fixed moment. */
  readonly monotonic_ms: () => number
  readonly fetch?: BoundedFetch
  readonly keys_cooldown_ms?: number
}

export function createProvider(given: OidcSettings, ports: ProviderPorts): Provider {
  let settings = given
  const { name, issuer, client_id } = settings
  const fetch = ports.fetch ?? createBoundedFetch()
  const metadata = createMetadata(settings, fetch, ports)
  const keys: JWTVerifyGetKey = async (header, token) => (await metadata()).keys(header, token)

  const verify: Provider['verify'] = (jwt, nonce) =>
    verifyIdToken(jwt, { issuer, client_id, keys, now_us: ports.now_us }, nonce)

  /** Until there is a token, or an answer that is no "not yet". */
  const poll = async (
    polled: client.DeviceAuthorizationResponse,
    signal: AbortSignal,
  ): Promise<Asked<ProviderTokens>> => {
    try {
      const { configuration } = await metadata()
      const ask = client.pollDeviceAuthorizationGrant
      const reply = await ask(configuration, polled, undefined, { signal })
      const { id_token } = reply
      if (id_token !== undefined)
        return { ok: true, value: tokensOf(reply, id_token, ports.now_us()) }
      return failed('unusable', `${name} signed you in without an ID token`)
    } catch (error) {
      return failureOf(error, name)
    }
  }

  return {
    get settings() {
      return settings
    },
    useRoles(roles) {
      settings = { ...settings, roles }
    },
    async authorize(nonce) {
      try {
        const { configuration } = await metadata()
        if (configuration.serverMetadata().device_authorization_endpoint === undefined)
          return failed('deviceless', `${name} has no codes for terminals`)
        const polled = await client.initiateDeviceAuthorization(configuration, {
          scope: settings.scopes.join(' '),
          nonce,
        })
        const code = deviceCode(polled)
        if (code !== undefined) return { ok: true, value: code }
        return failed('unusable', `${name} answers with a code that cannot be shown`)
      } catch (error) {
        return failureOf(error, name)
      }
    },
    async token({ polled }, signal) {
      const { interval = poll_s_default } = polled
      for (let failures = 1; ; failures++) {
        // RFC 8628, section 3.5: who gets no answer asks less often.
        const seconds = Math.min(interval * 2 ** (failures - 1), poll_s_max)
        const asked = await poll({ ...polled, interval: seconds }, signal)
        if (asked.ok || asked.code !== 'unavailable') return asked
        if (signal.aborted || failures >= poll_failures_max) return asked
      }
    },
    async authorizeBrowser(redirect_uri) {
      try {
        const { configuration } = await metadata()
        const { authorization_endpoint } = configuration.serverMetadata()
        if (authorization_endpoint === undefined || !isTrusted(new URL(authorization_endpoint)))
          return failed(
            'unusable',
            `${name} has no page to sign in at that a browser may be sent to`,
          )
        const verifier = client.randomPKCECodeVerifier()
        const checks = { state: client.randomState(), nonce: client.randomNonce(), verifier }
        const url = client.buildAuthorizationUrl(configuration, {
          redirect_uri,
          scope: settings.scopes.join(' '),
          state: checks.state,
          nonce: checks.nonce,
          code_challenge: await client.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
          // OpenID Connect Core, section 11: it is not given without.
          ...(settings.scopes.includes('offline_access') ? { prompt: 'consent' } : {}),
        })
        return { ok: true, value: { ...checks, url: url.href } }
      } catch (error) {
        return failureOf(error, name)
      }
    },
    async redeem({ state, nonce, verifier }, returned) {
      // Before the provider is asked for anything: whoever sends a browser here chooses what it brings.
      if (returned.searchParams.getAll('state').join() !== state)
        return failed('unusable', 'this is the answer to another sign-in')
      try {
        const { configuration } = await metadata()
        const reply = await client.authorizationCodeGrant(configuration, returned, {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        })
        const { id_token } = reply
        if (id_token !== undefined)
          return { ok: true, value: tokensOf(reply, id_token, ports.now_us()) }
        return failed('unusable', `${name} signed you in without an ID token`)
      } catch (error) {
        return failureOf(error, name)
      }
    },
    async recheck(held, sub) {
      try {
        const { configuration } = await metadata()
        const parts = { configuration, groups_claim: settings.groups_claim, now_us: ports.now_us }
        return await recheck({ ...parts, verify: (jwt) => verify(jwt) }, held, sub)
      } catch {
        return { kind: 'unanswered' }
      }
    },
    verifyLogout: createLogoutVerifier({ issuer, client_id, keys, now_us: ports.now_us }),
    verify,
  }
}

interface Metadata {
  readonly configuration: client.Configuration
  readonly keys: JWTVerifyGetKey
}

/** What the issuer publishes about itself, once for all who ask at the same time. A failure is forgotten at once. */
function createMetadata(
  settings: OidcSettings,
  fetch: BoundedFetch,
  ports: ProviderPorts,
): () => Promise<Metadata> {
  const { issuer, client_id, client_secret } = settings
  let known: { readonly until_ms: number; readonly metadata: Promise<Metadata> } | undefined
  const discover = async (): Promise<Metadata> => {
    const extensions = issuer.startsWith('http:') ? [client.allowInsecureRequests] : []
    // The issuer in the answer must be the one that was asked for (OpenID Connect Discovery, section 4.3).
    const found = await client.discovery(new URL(issuer), client_id, undefined, client.None(), {
      [client.customFetch]: (url, init) => fetch(url, requestOf(init)),
      timeout: reply_ms / 1000,
      execute: extensions,
    })
    const published = found.serverMetadata()
    const configuration = new client.Configuration(
      published,
      client_id,
      { [client.clockTolerance]: clock_tolerance_s },
      authentication(published.token_endpoint_auth_methods_supported, client_secret?.reveal()),
    )
    configuration[client.customFetch] = (url, init) => fetch(url, requestOf(init))
    configuration.timeout = reply_ms / 1000
    for (const extend of extensions) extend(configuration)
    if (published.jwks_uri === undefined) throw new Error('no keys are published')
    const keys = createRemoteJWKSet(new URL(published.jwks_uri), {
      [jwks_fetch]: (url, init) => fetch(url, init),
      timeoutDuration: reply_ms,
      cacheMaxAge: keys_ms,
      cooldownDuration: ports.keys_cooldown_ms ?? keys_cooldown_ms,
    })
    return { configuration, keys }
  }
  return () => {
    const now_ms = ports.monotonic_ms()
    if (known !== undefined && now_ms < known.until_ms) return known.metadata
    const asked = { until_ms: now_ms + metadata_ms, metadata: discover() }
    known = asked
    asked.metadata.catch(() => {
      if (known === asked) known = undefined
    })
    return asked.metadata
  }
}

const requestOf = (init: client.CustomFetchOptions): RequestInit => ({
  method: init.method,
  headers: init.headers,
  ...(init.body === undefined ? {} : { body: init.body as NonNullable<RequestInit['body']> }),
  ...(init.signal === undefined ? {} : { signal: init.signal }),
})

/** RFC 8414, section 2: without a list it is `client_secret_basic`. */
function authentication(
  methods: readonly string[] | undefined,
  secret: string | undefined,
): client.ClientAuth {
  if (secret === undefined) return client.None()
  const is_basic = methods === undefined || methods.includes('client_secret_basic')
  return is_basic ? client.ClientSecretBasic(secret) : client.ClientSecretPost(secret)
}

/** Undefined when what the provider wants a person to see or open is nothing that can be shown or opened. */
function deviceCode(polled: client.DeviceAuthorizationResponse): DeviceCode | undefined {
  const { user_code, verification_uri, verification_uri_complete, interval } = polled
  const url = verification_uri_complete ?? verification_uri
  const is_code =
    user_code.length <= user_code_characters_max && /^[!-~]+( [!-~]+)*$/.test(user_code)
  const is_url = url.length <= verification_url_characters_max && URL.canParse(url)
  if (!is_code || !is_url || !isTrusted(new URL(url))) return undefined
  const seconds = interval ?? poll_s_default
  return {
    user_code,
    // As a browser writes it: nothing in it moves a cursor or ends an attribute.
    url: new URL(url).href,
    polled: { ...polled, interval: Math.min(Math.max(seconds, 1), poll_s_max) },
  }
}

function failureOf(error: unknown, name: string): Extract<Asked<never>, { ok: false }> {
  // RFC 8628, section 3.5, and RFC 6749, section 4.1.2.1.
  if (
    error instanceof client.ResponseBodyError ||
    error instanceof client.AuthorizationResponseError
  ) {
    if (error.error === 'access_denied')
      return failed('refused', `the sign-in was refused at ${name}`)
    if (error.error === 'expired_token')
      return failed('expired', `the code of ${name} has expired: connect again`)
    const code = /^[a-z_]{1,40}$/.exec(error.error)?.[0] ?? 'an error'
    return failed('unusable', `${name} does not sign in this gateway's users (${code})`)
  }
  return failed('unavailable', `${name} cannot be reached, or does not answer as it should`)
}

function failed(code: AskedCode, reason: string): Extract<Asked<never>, { ok: false }> {
  return { ok: false, code, reason }
}
