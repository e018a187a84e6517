/**
 * Whether a request that carries a browser's cookie comes from a page of this gateway: a cookie comes along whoever has
 * made the browser ask. On loopback every port is the same site, so `SameSite` alone keeps nobody out there.
 *
 * @module
 */
import { createHash, timingSafeEqual } from 'node:crypto'

const reading: readonly string[] = ['GET', 'HEAD']

/**
 * Why it is not taken for the doing of the person who is signed in; nothing when it is. One line that repeats
 * nothing of the request.
 *
 * @param origin of the gateway
 * @param token as the header `x-csrf-token` or the form brought it
 */
export function whyForeign(
  request: Request,
  origin: string,
  session: { readonly csrf_token: string },
  token: string,
): string | undefined {
  const site = request.headers.get('sec-fetch-site')
  if (reading.includes(request.method)) {
    // Fetch Metadata: `none` is the person who typed the address. Programs and old browsers send nothing.
    const is_own = site === null || site === 'same-origin' || site === 'none'
    return is_own ? undefined : 'a page of another site has asked for this'
  }
  if ((site !== null && site !== 'same-origin') || request.headers.get('origin') !== origin)
    return 'a page of another site has asked for this'
  return isSame(token, session.csrf_token)
    ? undefined
    : 'the page is older than your sign-in: load it again'
}

/** In a time that does not depend on how much of it is right. */
function isSame(given: string, known: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(known))
}
