/**
 * For tests: an issuer on loopback whose every answer can be changed, and a provider that asks it.
 *
 * @module
 */
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { createBoundedFetch, type FetchLimits } from './bounded-fetch.ts'
import { createProvider, type OidcSettings, type Provider } from './provider.ts'

/** Keys are asked for again, for the sake of a name that is not among them, once in this time. */
export const fixture_keys_cooldown_ms = 100

export interface FakeIssuer {
  readonly url: string
  /** By path: what is answered instead. */
  readonly answers: Map<string, (request: Request) => Response | Promise<Response>>
  /** How often a path was asked for. */
  asked(path: string): number
  /** Signs with a new key of this name, and publishes it alone. */
  rotate(kid: string): Promise<void>
  /** `changes` replace the usual claims; undefined takes one away. */
  token(changes?: Readonly<Record<string, unknown>>): Promise<string>
  /** `clock`: UTC in microseconds, where it is not the one that stands still. */
  provider(settings?: Partial<OidcSettings>, limits?: FetchLimits, clock?: () => number): Provider
  stop(): void
}

/** UTC in microseconds, as the providers here have it. */
export const now_us = (): number => 1_800_000_000_000_000

export const settings: Omit<OidcSettings, 'issuer'> = {
  name: 'corp',
  client_id: 'sluice',
  groups_claim: 'groups',
  subject_claim: 'sub',
  scopes: ['openid'],
  roles: { auditor: ['audit'] },
  bind_session_to_token: false,
  ...{ recheck_s: 300, recheck_grace_s: 3600, page_session_s: 28_800 },
}

export const device_reply = {
  device_code: 'device',
  user_code: 'BCDF-GHJK',
  verification_uri: 'https://idp.example.com/device',
  expires_in: 600,
}

export async function startFakeIssuer(): Promise<FakeIssuer> {
  const answers: FakeIssuer['answers'] = new Map()
  const counts = new Map<string, number>()
  let key: { readonly kid: string; readonly private_key: CryptoKey; readonly jwk: JWK }
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      const path = new URL(request.url).pathname
      counts.set(path, (counts.get(path) ?? 0) + 1)
      return answers.get(path)?.(request) ?? usual(path)
    },
  })
  const url = `http://127.0.0.1:${server.port}`
  const usual = (path: string): Response => {
    switch (path) {
      case '/.well-known/openid-configuration':
        return Response.json({
          issuer: url,
          jwks_uri: `${url}/keys`,
          authorization_endpoint: `${url}/authorize`,
          token_endpoint: `${url}/token`,
          device_authorization_endpoint: `${url}/device`,
          id_token_signing_alg_values_supported: ['ES256'],
        })
      case '/keys':
        return Response.json({ keys: [key.jwk] })
      case '/device':
        return Response.json(device_reply)
      default:
        return Response.json({ error: 'authorization_pending' }, { status: 400 })
    }
  }
  const issuer: FakeIssuer = {
    url,
    answers,
    asked: (path) => counts.get(path) ?? 0,
    async rotate(kid) {
      const { publicKey, privateKey } = await generateKeyPair('ES256')
      key = { kid, private_key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid } }
    },
    token: (changes = {}) => {
      const now_s = now_us() / 1e6
      const usual_claims = { iss: url, aud: 'sluice', sub: 'ann', iat: now_s, exp: now_s + 600 }
      return new SignJWT({ ...usual_claims, ...changes })
        .setProtectedHeader({ alg: 'ES256', kid: key.kid })
        .sign(key.private_key)
    },
    provider: (changes, limits, clock = now_us) =>
      createProvider(
        { ...settings, issuer: url, ...changes },
        {
          now_us: clock,
          monotonic_ms: () => performance.now(),
          keys_cooldown_ms: fixture_keys_cooldown_ms,
          ...(limits === undefined ? {} : { fetch: createBoundedFetch(limits) }),
        },
      ),
    stop: () => void server.stop(true),
  }
  await issuer.rotate('one')
  return issuer
}
