/**
 * The device authorization grant (RFC 8628) at the gateway itself, for a command line that has no browser: it signs
 * its user in at a provider, and hands over who they are once.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { Proven, SignIn } from '../core/sign-in.ts'
import type { Denial } from '../core/verdict.ts'
import { device_login_ms, device_poll_ms_min, device_result_ms } from './limits.ts'

export interface DeviceGrants {
  readonly providers: readonly string[]
  begin(provider: string, source: string): Promise<DeviceGrant | Denial>
  /** Gives a result once. */
  poll(device_code: string): DevicePoll
}

export interface DeviceGrant {
  readonly device_code: string
  readonly user_code: string
  readonly url: string
  readonly expires_s: number
}

/** Words of RFC 8628, section 3.5, but for the last. */
export type DevicePoll =
  | { readonly kind: 'authorization_pending' | 'slow_down' | 'expired_token' }
  | { readonly kind: 'access_denied'; readonly denial: Denial }
  | { readonly kind: 'proven'; readonly proven: Proven }

interface Waiting {
  result: Proven | Denial | undefined
  polled_ms: number
}

export function createDeviceGrants(sign_in: SignIn, monotonic_ms: () => number): DeviceGrants {
  const waiting = new Map<string, Waiting>()
  return {
    get providers() {
      return sign_in.providers
    },
    async begin(provider, source) {
      const gone = new AbortController()
      const asked = { source, account: '', target: '', purpose: 'login' } as const
      const begun = await sign_in.begin(provider, asked, gone.signal)
      if ('allowed' in begun) return begun
      const device_code = randomBytes(32).toString('base64url')
      const entry: Waiting = { result: undefined, polled_ms: Number.NEGATIVE_INFINITY }
      waiting.set(device_code, entry)
      void begun.ended.then((result) => {
        entry.result = result
        setTimeout(() => waiting.delete(device_code), device_result_ms).unref()
      })
      const expires_s = Math.floor(device_login_ms / 1000)
      return { device_code, user_code: begun.code, url: begun.url, expires_s }
    },
    poll(device_code) {
      const entry = waiting.get(device_code)
      if (entry === undefined) return { kind: 'expired_token' }
      const now_ms = monotonic_ms()
      const is_early = now_ms - entry.polled_ms < device_poll_ms_min
      entry.polled_ms = now_ms
      if (is_early) return { kind: 'slow_down' }
      const { result } = entry
      if (result === undefined) return { kind: 'authorization_pending' }
      waiting.delete(device_code)
      return 'allowed' in result
        ? { kind: 'access_denied', denial: result }
        : { kind: 'proven', proven: result }
    },
  }
}
