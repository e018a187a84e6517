/**
 * People who sign in for a connection, put together: at which providers, and on which pages.
 *
 * @module
 */
import { formatAddress } from '../config/address.ts'
import type { Config } from '../config.ts'
import { createDeviceLogins, type DeviceLogins } from '../identity/device-login.ts'
import type { Provider } from '../identity/provider.ts'
import type { SignedIn } from '../identity/signed-in.ts'
import type { Log } from '../log.ts'
import type { SamlInUse } from './saml.ts'

export interface LoginsOptions {
  readonly saml: Pick<SamlInUse, 'names'>
  /** Those of OpenID Connect; SAML ones are on the pages alone. */
  readonly providers: readonly Provider[]
  /** Where the page is that asks before a person goes on to a provider; undefined where they go there at once. */
  readonly asked_at: () => string | undefined
  /** Where the pages are; undefined where there are none, or not yet. */
  readonly pages_at: () => string | undefined
  readonly signedIn: SignedIn
  readonly log: Log
}

/** Undefined where nobody signed in by a browser at the start: who comes without a key is then not asked. */
export function openLogins(options: LoginsOptions): DeviceLogins | undefined {
  const { saml, providers, asked_at, pages_at, signedIn, log } = options
  if (providers.length + saml.names.length === 0) return undefined
  const page = (origin: string | undefined, id: string): string | undefined =>
    origin === undefined ? undefined : `${origin}/login/device?login=${id}`
  return createDeviceLogins(providers, {
    page: (id) => page(asked_at(), id),
    own_page: (id) => page(pages_at(), id),
    browser_only: () => saml.names,
    signedIn,
    log: (event, fields) => log('info', event, fields),
  })
}

/** As the configuration alone says it: a port that the system chooses is not known there. */
export function pagesOf({ gateway, listen }: Config): string | undefined {
  if (gateway.public_url !== undefined) return gateway.public_url
  const is_known = listen.api !== undefined && listen.api.port !== 0
  return is_known ? `http://${formatAddress(listen.api)}` : undefined
}
