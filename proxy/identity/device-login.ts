/**
 * People who sign in for a connection that waits (RFC 8628): who they are is what the provider's ID token says, and
 * that token with the key that verified it is the proof.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { Proven, SignIn, SignInRequest } from '../core/sign-in.ts'
import type { Denial } from '../core/verdict.ts'
import { prove } from './issuers.ts'
import {
  device_login_ms,
  waiting_login_ms_min,
  waiting_logins_max,
  waiting_logins_per_source_max,
} from './limits.ts'
import type { DeviceCode, Provider } from './provider.ts'

export interface DeviceLogins extends SignIn {
  /** What the consent page shows; nothing once the login is over, however it ended. */
  waiting(id: string): WaitingLogin | undefined
}

export interface WaitingLogin extends SignInRequest {
  readonly provider: string
  readonly user_code: string
  /** At the provider. */
  readonly url: string
}

export interface DeviceLoginPorts {
  /** The address of the consent page for a login; nothing where browsers cannot reach the gateway. */
  readonly page: (id: string) => string | undefined
  /** For the operator: a login that came to nothing. Never carries payload. */
  readonly log: (event: string, fields: Readonly<Record<string, string>>) => void
  readonly limits?: { readonly device_login_ms?: number; readonly waiting_login_ms_min?: number }
}

export function createDeviceLogins(
  providers: readonly Provider[],
  ports: DeviceLoginPorts,
): DeviceLogins {
  const logins = new Map<string, WaitingLogin>()
  const room = createRoom(ports.limits?.waiting_login_ms_min ?? waiting_login_ms_min)

  const begin: SignIn['begin'] = async (name, asked, signal) => {
    const provider = providers.find(({ settings }) => settings.name === name)
    if (provider === undefined) return denied('provider', 'there is no such provider')
    const leave = room.enter(asked.source)
    if (leave === undefined) return denied('busy', 'too many sign-ins are waiting: try again later')
    const refuse = (code: string, reason: string): Denial => {
      ports.log('sign_in_failed', { provider: name, code })
      return denied(code, reason)
    }
    const nonce = randomBytes(16).toString('base64url')
    const authorized = await provider.authorize(nonce)
    if (!authorized.ok || signal.aborted) {
      leave()
      return authorized.ok
        ? denied('gone', 'the client left')
        : refuse(authorized.code, authorized.reason)
    }
    const { user_code, url } = authorized.value
    // Not the user code: that one is short, and whoever guesses it would read about somebody else's login.
    const id = randomBytes(16).toString('base64url')
    logins.set(id, { ...asked, provider: name, user_code, url })
    const limit_ms = ports.limits?.device_login_ms ?? device_login_ms
    const ended = finish(provider, authorized.value, nonce, signal, limit_ms)
      .catch((): Denial => denied('fault', 'the sign-in failed'))
      .then((result) => ('allowed' in result ? refuse(codeOf(result), result.message) : result))
      .finally(() => {
        logins.delete(id)
        leave()
      })
    return { url: ports.page(id) ?? url, code: user_code, ended }
  }
  return {
    providers: providers.map(({ settings }) => settings.name),
    begin,
    waiting: (id) => logins.get(id),
  }
}

/** From the code to somebody proven. */
async function finish(
  provider: Provider,
  code: DeviceCode,
  nonce: string,
  signal: AbortSignal,
  limit_ms: number,
): Promise<Proven | Denial> {
  const abort = new AbortController()
  const onAbort = (): void => abort.abort()
  const timer = setTimeout(onAbort, limit_ms)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const token = await provider.token(code, abort.signal)
    if (signal.aborted) return denied('gone', 'the client left')
    if (abort.signal.aborted) return denied('expired', 'nobody signed in, in time: connect again')
    if (!token.ok) return denied(token.code, token.reason)
    return await proveBy(provider, token.value, nonce)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

async function proveBy(provider: Provider, jwt: string, nonce: string): Promise<Proven | Denial> {
  const proven = await prove(provider, jwt, nonce)
  if ('allowed' in proven || proven.roles.includes('user')) return proven
  return denied('role', 'you are signed in, but none of your groups may connect here')
}

/** Places for logins that wait. `enter` gives what leaves again; nothing when there is no room. */
function createRoom(place_ms_min: number): { enter(source: string): (() => void) | undefined } {
  const taken = new Map<string, number>()
  let total = 0
  return {
    enter(source) {
      const host = source.slice(0, source.lastIndexOf(':'))
      const of_host = taken.get(host) ?? 0
      if (total >= waiting_logins_max || of_host >= waiting_logins_per_source_max) return undefined
      total += 1
      taken.set(host, of_host + 1)
      const free = (): void => {
        total -= 1
        const left = (taken.get(host) ?? 1) - 1
        if (left === 0) taken.delete(host)
        else taken.set(host, left)
      }
      const kept = Promise.withResolvers<void>()
      setTimeout(kept.resolve, place_ms_min).unref()
      let is_left = false
      return () => {
        if (is_left) return
        is_left = true
        void kept.promise.then(free)
      }
    },
  }
}

const codeOf = ({ rule }: Denial): string => rule.slice(rule.lastIndexOf('.') + 1)

function denied(rule: string, message: string): Denial {
  return { allowed: false, rule: `identity.oidc.${rule}`, message }
}
