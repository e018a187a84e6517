/**
 * Names of requests: said aloud and typed, and they open nothing.
 *
 * @module
 */

/** Crockford's base32: no letter that is read as another. */
const letters = '0123456789abcdefghjkmnpqrstvwxyz'

/** `prefix` and so many random `characters`; none of those that are taken. */
export function newId(
  taken: ReadonlyMap<string, unknown>,
  characters: number,
  prefix: string = '',
): string {
  for (;;) {
    const random = crypto.getRandomValues(new Uint8Array(characters))
    const id = prefix + [...random].map((byte) => letters.charAt(byte & 31)).join('')
    if (!taken.has(id)) return id
  }
}
