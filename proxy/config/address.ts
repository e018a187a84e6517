/**
 * `HOST:PORT`, as people write it: `10.0.0.5:22`, `web.example.com:22`, `[2001:db8::1]:22`.
 *
 * @module
 */
import { isIP } from 'node:net'

export interface Address {
  /** A name or an IP address, without brackets. */
  readonly host: string
  readonly port: number
}

export type ParsedAddress =
  | { readonly ok: true; readonly address: Address }
  | { readonly ok: false; readonly reason: string }

/** RFC 1035, section 2.3.4. */
const name_characters_max = 253
// Labels of RFC 1123, section 2.1, and the underscore that container networks use.
const host_name = /^(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/

/** `port_min` is 0 where the system may choose the port: a listener. */
export function parseAddress(text: string, port_min: 0 | 1): ParsedAddress {
  const bracketed = /^\[([^\]]*)\]:([0-9]+)$/.exec(text)
  const plain = /^([^:[\]]*):([0-9]+)$/.exec(text)
  const host = bracketed?.[1] ?? plain?.[1]
  const digits = bracketed?.[2] ?? plain?.[2]
  if (host === undefined || digits === undefined) {
    const is_bare_v6 = text.split(':').length > 2 && !text.startsWith('[')
    return refused(
      is_bare_v6
        ? 'an IPv6 address needs brackets: [ADDRESS]:PORT'
        : 'expected HOST:PORT or [IPv6]:PORT',
    )
  }
  if (bracketed !== null && isIP(host) !== 6) return refused('inside [ ] belongs an IPv6 address')
  if (host === '') return refused('the host is missing; every interface is 0.0.0.0 or [::]')
  if (bracketed === null && isIP(host) !== 4) {
    if (/^[0-9.]+$/.test(host)) return refused('this is not an IPv4 address')
    if (host.length > name_characters_max || !host_name.test(host))
      return refused('this is not a host name')
  }
  const port = Number(digits)
  if (digits.length > 5 || port > 65_535 || port < port_min)
    return refused(`the port must be ${port_min} to 65535`)
  return { ok: true, address: { host, port } }
}

export function formatAddress(address: Address): string {
  return address.host.includes(':')
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`
}

/** Whether what is sent there never leaves the machine (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3). */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.')
  return host === '::1' || host.toLowerCase() === 'localhost'
}

function refused(reason: string): ParsedAddress {
  return { ok: false, reason }
}
