/**
 * The OpenID providers of a config, and the address at which browsers find the gateway.
 *
 * @module
 */
import { isLoopback } from './address.ts'
import { clientSecret, type Surroundings } from './credential.ts'
import type { Path } from './document.ts'
import type { OidcProvider, OidcRoles } from './model.ts'
import type { ConfigFile, OidcFile } from './schema.ts'

/** Who leaves is out within minutes, and a thousand people ask a provider a few times a second. */
const recheck_s_default: number = 5 * 60
/**
 * A provider's outage is mostly shorter, and people at work may be who ends it. Who was removed in that hour is out by
 * `sluice revoke` at once.
 */
const recheck_grace_s_default: number = 60 * 60

/** A working day: meanwhile it is asked again. */
const page_session_s_default: number = 8 * 60 * 60

export function oidcProviders(file: ConfigFile, around: Surroundings): readonly OidcProvider[] {
  const { findings } = around
  const names = new Set<string>()
  const issuers = new Set<string>()
  return (file.identity?.oidc ?? []).flatMap((given, index) => {
    const at: Path = ['identity', 'oidc', index]
    const { name, issuer, client_id, groups_claim, subject_claim, scopes, roles } = given
    if (names.has(name)) findings.error([...at, 'name'], 'another provider has this name')
    names.add(name)
    const refusal = refusalOfUrl(issuer)
    if (refusal !== undefined) findings.error([...at, 'issuer'], refusal)
    // A bearer token says only its issuer: with two entries nobody could tell which roles it has.
    if (issuers.has(issuer)) findings.error([...at, 'issuer'], 'another provider has this issuer')
    issuers.add(issuer)
    const secret = clientSecret(given, at, around)
    return {
      name,
      issuer,
      client_id,
      ...(secret === undefined ? {} : { client_secret: secret }),
      groups_claim: groups_claim ?? 'groups',
      subject_claim: subject_claim ?? 'sub',
      scopes: [...new Set(['openid', ...(scopes ?? [])])],
      roles: givenRoles(roles),
      bind_session_to_token: given.bind_session_to_token ?? false,
      recheck_s: given.recheck_s ?? recheck_s_default,
      recheck_grace_s: given.recheck_grace_s ?? recheck_grace_s_default,
      page_session_s: given.page_session_s ?? page_session_s_default,
    }
  })
}

/** Those that have groups. */
export const givenRoles = (roles: OidcFile['roles']): OidcRoles =>
  Object.fromEntries(Object.entries(roles ?? {}).filter(([, groups]) => groups !== undefined))

/** Without a slash at its end. */
export function publicUrl(file: ConfigFile, around: Surroundings): string | undefined {
  const given = file.gateway?.public_url
  if (given === undefined) return undefined
  const at: Path = ['gateway', 'public_url']
  const refusal = refusalOfUrl(given)
  if (refusal !== undefined) {
    around.findings.error(at, refusal)
    return undefined
  }
  if (file.listen?.api === undefined)
    around.findings.error(at, 'listen.api is absent: nothing would answer there')
  const { origin, pathname } = new URL(given)
  if (pathname !== '/') around.findings.error(at, 'expected no path after the host')
  return origin
}

/** OpenID Connect Discovery, section 2: HTTPS, without query and fragment. Loopback is the exception, for tests. */
export function refusalOfUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return 'expected a URL that begins with https://'
  const { protocol, hostname, search, hash, username, password } = new URL(text)
  const is_loopback = isLoopback(hostname.replace(/^\[|\]$/g, ''))
  if (protocol !== 'https:' && !(protocol === 'http:' && is_loopback))
    return 'expected https://; http:// is possible on loopback only'
  if (search !== '' || hash !== '' || username !== '' || password !== '')
    return 'expected no user, query or fragment in the URL'
  return undefined
}
