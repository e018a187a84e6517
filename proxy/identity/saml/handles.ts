/**
 * Responses that were found right, until the browser comes for them with its own cookies: the page of a provider posts
 * from another site, and such a request has none.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { Vouched } from '../issuers.ts'
import { saml_handle_ms, saml_handles_max } from '../limits.ts'

export interface Accepted {
  readonly request_id: string
  readonly signed_in: Vouched
}

export interface Handles {
  /** A name that cannot be guessed; nothing when too many wait. */
  put(accepted: Accepted): string | undefined
  /** Once. */
  take(handle: string): Accepted | undefined
}

/** `now_us`: UTC in microseconds. */
export function createHandles(now_us: () => number): Handles {
  /** In the order of their coming, so of their ends. */
  const waiting = new Map<string, Accepted & { readonly until_us: number }>()
  const forget = (): void => {
    for (const [handle, { until_us }] of waiting) {
      if (until_us > now_us()) return
      waiting.delete(handle)
    }
  }
  return {
    put({ request_id, signed_in }) {
      forget()
      if (waiting.size >= saml_handles_max) return undefined
      const handle = randomBytes(16).toString('base64url')
      waiting.set(handle, { request_id, signed_in, until_us: now_us() + saml_handle_ms * 1000 })
      return handle
    },
    take(handle) {
      forget()
      const taken = waiting.get(handle)
      waiting.delete(handle)
      return taken
    },
  }
}
