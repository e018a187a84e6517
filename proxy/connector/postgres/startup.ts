/**
 * The first packet of a connection, which has no type: who, where to, and with which settings; or a wish for TLS,
 * or that a running statement be cancelled.
 *
 * @module
 */
import { stringEnd, textOf, u32 } from './message.ts'

export type Startup =
  | { readonly kind: 'ssl' | 'gss' }
  | { readonly kind: 'cancel'; readonly pid: number; readonly secret: Uint8Array }
  | {
      readonly kind: 'start'
      /** Of the protocol 3: what it can do beyond 3.0 is negotiated away. */
      readonly minor: number
      readonly parameters: ReadonlyMap<string, string>
    }
  | { readonly kind: 'refused'; readonly reason: string }

const ssl_request = 80877103
const gss_request = 80877104
const cancel_request = 80877102

/** `packet`: with its length, whole. Hostile bytes are a refusal. */
export function readStartup(packet: Uint8Array): Startup {
  if (packet.length < 8) return refused('the first packet is too short')
  const code = u32(packet, 4)
  if (code === ssl_request || code === gss_request) {
    if (packet.length !== 8) return refused('a request for encryption has a length of its own')
    return { kind: code === ssl_request ? 'ssl' : 'gss' }
  }
  if (code === cancel_request) {
    // 4 bytes of secret in protocol 3.0, up to 256 from 3.2 on.
    if (packet.length < 16 || packet.length > 268) return refused('a cancel request is malformed')
    return { kind: 'cancel', pid: u32(packet, 8), secret: packet.slice(12) }
  }
  const major = code >>> 16
  if (major !== 3) return refused(`protocol ${major} is not spoken here, 3 is`)
  const parameters = new Map<string, string>()
  let at = 8
  while (at < packet.length && packet[at] !== 0) {
    const name_end = stringEnd(packet, at)
    const end = name_end < 0 ? -1 : stringEnd(packet, name_end + 1)
    if (end < 0) return refused('the first packet is malformed')
    const name = textOf(packet.subarray(at, name_end))
    // The last one counts for the server, the first one for who reads over its shoulder: neither.
    if (parameters.has(name)) return refused('a setting is given twice')
    parameters.set(name, textOf(packet.subarray(name_end + 1, end)))
    at = end + 1
  }
  if (at !== packet.length - 1) return refused('the first packet is malformed')
  return { kind: 'start', minor: code & 0xffff, parameters }
}

const refused = (reason: string): Startup => ({ kind: 'refused', reason })
