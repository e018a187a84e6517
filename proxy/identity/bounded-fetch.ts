/**
 * Requests to a provider: what it answers is read to a limit of bytes and time, and never led elsewhere.
 *
 * @module
 */
import { reply_bytes_max, reply_ms } from './limits.ts'

export interface FetchLimits {
  readonly bytes_max: number
  readonly ms: number
}

/** The part of `fetch` that openid-client and jose use. */
export type BoundedFetch = (url: string | URL, init?: RequestInit) => Promise<Response>

/** What the libraries read. Length and coding are no longer true. */
const kept_headers: readonly string[] = ['content-type', 'retry-after']

/** Rejects with an `Error` whose message names neither the URL nor anything of the answer. */
export function createBoundedFetch(
  limits: FetchLimits = { bytes_max: reply_bytes_max, ms: reply_ms },
): BoundedFetch {
  return async (url, init = {}) => {
    if (!isTrusted(new URL(url))) throw new Error('only HTTPS, or HTTP on loopback')
    const abort = new AbortController()
    const onAbort = (): void => abort.abort()
    const timer = setTimeout(onAbort, limits.ms)
    init.signal?.addEventListener('abort', onAbort, { once: true })
    if (init.signal?.aborted === true) onAbort()
    try {
      // A redirect would take a secret, or our belief in the address, to another place.
      const reply = await fetch(url, { ...init, redirect: 'manual', signal: abort.signal })
      const bytes = await readAll(reply, limits.bytes_max, abort)
      const { status, statusText } = reply
      const headers = new Headers()
      for (const name of kept_headers) {
        const value = reply.headers.get(name)
        if (value !== null) headers.set(name, value)
      }
      const has_body = status !== 204 && status !== 205 && status !== 304
      return new Response(has_body ? bytes : null, { status, statusText, headers })
    } finally {
      clearTimeout(timer)
      init.signal?.removeEventListener('abort', onAbort)
    }
  }
}

/** Whether what is said there is said to that host alone. */
export function isTrusted(url: URL): boolean {
  const { protocol, hostname } = url
  if (protocol === 'https:') return true
  const is_loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
  return protocol === 'http:' && is_loopback
}

/** Bytes as they are after any content coding: a small answer may unfold into a large one. */
async function readAll(
  reply: Response,
  bytes_max: number,
  abort: AbortController,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = reply.body?.getReader()
  const { promise: stopped, reject: stop } = Promise.withResolvers<never>()
  const onAbort = (): void => stop(new Error('no whole answer in time'))
  abort.signal.addEventListener('abort', onAbort, { once: true })
  stopped.catch(() => {})
  try {
    while (reader !== undefined) {
      const read = await Promise.race([reader.read(), stopped])
      if (read.done) break
      length += read.value.length
      if (length > bytes_max) throw new Error('the answer is larger than any that is expected')
      chunks.push(read.value)
    }
  } catch (error) {
    abort.abort()
    throw error
  }
  return new Uint8Array(Buffer.concat(chunks))
}
