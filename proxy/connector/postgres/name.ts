/**
 * Names of prepared statements and portals, as the protocol has them. Two that are one to the target must be one here.
 *
 * @module
 */

/** PostgreSQL looks at so many bytes of a name (NAMEDATALEN - 1): longer ones that begin alike are one to it. */
const name_bytes_max = 63

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Undefined for one that cannot be told from another with certainty: too long, or not UTF-8. */
export function nameOf(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start > name_bytes_max) return undefined
  // Most are short and of ASCII, and a decoder costs more than they do.
  let name = ''
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0x80
    if (byte > 0x7f) return decoded(bytes.subarray(start, end))
    name += String.fromCharCode(byte)
  }
  return name
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

export const unnameable = 'a name is longer than 63 bytes, or not UTF-8'
