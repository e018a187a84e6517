/**
 * People who sign in for a connection that waits: by the provider's device authorization grant (RFC 8628), where it has
 * one, and otherwise on a page of the gateway's own, where they confirm what they have signed in for. What the provider
 * has signed is the proof.
 *
 * @module
 */
import { randomBytes, randomInt } from 'node:crypto'
import type { Proven, SignIn, SignInRequest, SigningIn } from '../core/sign-in.ts'
import type { Denial } from '../core/verdict.ts'
import { prove } from './issuers.ts'
import {
  device_login_ms,
  user_code_letters,
  waiting_login_ms_min,
  waiting_logins_max,
  waiting_logins_per_source_max,
  watched_ms_min,
} from './limits.ts'
import type { DeviceCode, Provider } from './provider.ts'
import { codeOf, mayConnect, type SignedIn } from './signed-in.ts'

export interface DeviceLogins extends SignIn {
  /** What the consent page shows; nothing once the login is over, however it ended. */
  waiting(id: string): WaitingLogin | undefined
  /** What came of a login on the gateway's own page; false when none waits under this name. */
  settle(id: string, result: Proven | Denial): boolean
}

export interface WaitingLogin extends SignInRequest {
  readonly provider: string
  readonly user_code: string
  /** At the provider, or a path of the gateway's that leads there. */
  readonly url: string
}

export interface DeviceLoginPorts {
  /** The address of the consent page for a login; nothing where browsers cannot reach the gateway. */
  readonly page: (id: string) => string | undefined
  /** The same where people can sign in nowhere else; nothing where there are no pages. */
  readonly own_page: (id: string) => string | undefined
  /** Names of providers, besides those that are given, at which people sign in with a browser that comes back. */
  readonly browser_only: () => readonly string[]
  /** Somebody whom a provider has signed in. The tokens are for {@link Provider.recheck}, and for nobody's eyes. */
  readonly signedIn?: SignedIn
  /** For the operator: a login that came to nothing. Never carries payload. */
  readonly log: (event: string, fields: Readonly<Record<string, string>>) => void
  readonly limits?: { readonly device_login_ms?: number; readonly waiting_login_ms_min?: number }
}

export function createDeviceLogins(
  providers: readonly Provider[],
  ports: DeviceLoginPorts,
): DeviceLogins {
  const logins = new Map<string, WaitingLogin & { readonly settle?: Settle }>()
  const room = createRoom(ports.limits?.waiting_login_ms_min ?? waiting_login_ms_min)
  const limit_ms = ports.limits?.device_login_ms ?? device_login_ms
  const refuse = (provider: string, code: string, reason: string): Denial => {
    ports.log('sign_in_failed', { provider, code })
    return denied(code, reason)
  }
  /** `ended` is what comes of it. */
  const wait = (
    id: string,
    login: WaitingLogin & { readonly settle?: Settle },
    leave: () => void,
    ended: Promise<Proven | Denial>,
  ): SigningIn['ended'] => {
    logins.set(id, login)
    return ended
      .catch((): Denial => denied('fault', 'the sign-in failed'))
      .then((result) =>
        'allowed' in result ? refuse(login.provider, codeOf(result), result.message) : result,
      )
      .finally(() => {
        logins.delete(id)
        leave()
      })
  }

  /** By the gateway's own page. */
  const beginThere = (
    name: string,
    asked: SignInRequest,
    signal: AbortSignal,
    leave: () => void,
  ): SigningIn | Denial => {
    const id = newId()
    const url = ports.own_page(id)
    if (url === undefined) {
      leave()
      return refuse(
        name,
        'page',
        `${name} needs a browser, and this gateway has no pages: listen.api`,
      )
    }
    const code = newUserCode()
    const { promise, resolve: settle } = Promise.withResolvers<Proven | Denial>()
    const within = `/login?provider=${encodeURIComponent(name)}&terminal=${id}`
    const login = { ...asked, provider: name, user_code: code, url: within, settle }
    return { url, code, ended: wait(id, login, leave, withinTime(promise, signal, limit_ms)) }
  }

  const begin: SignIn['begin'] = async (name, asked, signal) => {
    const provider = providers.find(({ settings }) => settings.name === name)
    if (provider === undefined && !ports.browser_only().includes(name))
      return denied('provider', 'there is no such provider')
    // What it gets names its issuer, and those of tokens alone are known where it is shown.
    if (provider === undefined && asked.purpose === 'login')
      return denied(
        'provider',
        `${name} signs in connections and pages: sluice login needs an OpenID provider`,
      )
    const leave = room.enter(asked.source)
    if (leave === undefined) return denied('busy', 'too many sign-ins are waiting: try again later')
    if (provider === undefined) return beginThere(name, asked, signal, leave)
    const nonce = randomBytes(16).toString('base64url')
    const authorized = await provider.authorize(nonce)
    if (signal.aborted) {
      leave()
      return denied('gone', 'the client left')
    }
    if (!authorized.ok && authorized.code === 'deviceless')
      return beginThere(name, asked, signal, leave)
    if (!authorized.ok) {
      leave()
      return refuse(name, authorized.code, authorized.reason)
    }
    const { user_code, url } = authorized.value
    const id = newId()
    const ended = finish(provider, authorized.value, nonce, signal, limit_ms, ports.signedIn)
    const login = { ...asked, provider: name, user_code, url }
    return { url: ports.page(id) ?? url, code: user_code, ended: wait(id, login, leave, ended) }
  }
  return {
    get providers() {
      return [...providers.map(({ settings }) => settings.name), ...ports.browser_only()]
    },
    begin,
    waiting: (id) => logins.get(id),
    settle(id, result) {
      const settle = logins.get(id)?.settle
      settle?.(result)
      return settle !== undefined
    },
  }
}

type Settle = (result: Proven | Denial) => void

/** Not the user code: that one is short, and whoever guesses it would read about somebody else's login. */
const newId = (): string => randomBytes(16).toString('base64url')

function newUserCode(): string {
  const letters = Array.from(
    { length: 8 },
    () => user_code_letters[randomInt(user_code_letters.length)],
  )
  return `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`
}

/** Until there is a result, no time left, or nobody who waits. */
function withinTime(
  result: Promise<Proven | Denial>,
  signal: AbortSignal,
  limit_ms: number,
): Promise<Proven | Denial> {
  const { promise, resolve } = Promise.withResolvers<Proven | Denial>()
  const onAbort = (): void => resolve(denied('gone', 'the client left'))
  const timer = setTimeout(() => resolve(too_late), limit_ms)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  void result.then(resolve)
  return promise.finally(() => {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  })
}

/** From the code to somebody proven. */
async function finish(
  provider: Provider,
  code: DeviceCode,
  nonce: string,
  signal: AbortSignal,
  limit_ms: number,
  signedIn: SignedIn = () => {},
): Promise<Proven | Denial> {
  const abort = new AbortController()
  const onAbort = (): void => abort.abort()
  const timer = setTimeout(onAbort, limit_ms)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const token = await provider.token(code, abort.signal)
    if (signal.aborted) return denied('gone', 'the client left')
    if (abort.signal.aborted) return too_late
    if (!token.ok) return denied(token.code, token.reason)
    const signed_in = await prove(provider, token.value.id_token, nonce)
    if ('allowed' in signed_in) return signed_in
    const allowed = mayConnect(signed_in)
    if (!('allowed' in allowed)) signedIn(signed_in.identity, token.value, watched_ms_min)
    return allowed
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
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

function denied(rule: string, message: string): Denial {
  return { allowed: false, rule: `identity.oidc.${rule}`, message }
}

const too_late = denied('expired', 'nobody signed in, in time: connect again')
