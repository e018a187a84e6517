/**
 * OpenSSH public keys: `ALGORITHM BASE64 [COMMENT]`, blob as in RFC 4253 section 6.6, RFC 5656 section 3.1
 * and RFC 8709 section 4. Accepted are Ed25519, ECDSA on the NIST curves, RSA of at least 2048 bits, and the
 * first two on a FIDO device (PROTOCOL.u2f of OpenSSH).
 *
 * @module
 */
import { createPublicKey } from 'node:crypto'
import { SshReader } from '../core/ssh-wire.ts'

export interface SshPublicKey {
  /** Name of the key's type, as in the blob: `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`. */
  readonly algorithm: string
  /** As it goes over the wire. Owned. */
  readonly blob: Uint8Array
  readonly comment: string
}

export type ParsedPublicKey =
  | { readonly ok: true; readonly key: SshPublicKey }
  | { readonly ok: false; readonly reason: string }

/** An RSA key of 16384 bits with its comment is under 4 KiB. */
const line_characters_max = 8192
// NIST SP 800-131A, table 2: less than 112 bits of strength is disallowed.
const rsa_bits_min = 2048
/** A verification is quadratic in it, and a probe costs the client nothing. */
const rsa_bits_max = 8192

const curves: Readonly<Record<string, { readonly crv: string; readonly bytes: number }>> = {
  nistp256: { crv: 'P-256', bytes: 32 },
  nistp384: { crv: 'P-384', bytes: 48 },
  nistp521: { crv: 'P-521', bytes: 66 },
}

export function parsePublicKey(line: string): ParsedPublicKey {
  const text = line.trim()
  if (text.length > line_characters_max) return refused('this is too long for a public key')
  if (text.includes('PRIVATE KEY'))
    return refused('this is a private key; the public one belongs here')
  if (/[\r\n]/.test(text)) return refused('a public key is one line')
  const [algorithm = '', base64 = '', ...comment] = text.split(/[ \t]+/)
  if (!is_type.test(algorithm)) {
    return refused(
      is_type.test(base64)
        ? `"${base64} AAAA..." must come first, without a host or options before it`
        : 'expected an OpenSSH public key: "ssh-ed25519 AAAA..."',
    )
  }
  const blob = decodeBase64(base64)
  if (blob === undefined) return refused('the part after the algorithm is not base64')
  const parsed = parsePublicBlob(blob)
  if (!parsed.ok) return parsed
  if (parsed.key.algorithm !== algorithm)
    return refused(`the line says ${algorithm}, but the key inside it is of another type`)
  return { ok: true, key: { ...parsed.key, comment: comment.join(' ') } }
}

/** The key of a wire blob; copies it. */
export function parsePublicBlob(blob: Uint8Array): ParsedPublicKey {
  const reader = new SshReader(blob)
  const algorithm = reader.text()
  const reason = reader.intact ? refusal(algorithm, reader) : 'the key is cut off'
  if (reason !== undefined) return refused(reason)
  return { ok: true, key: { algorithm, blob: Uint8Array.from(blob), comment: '' } }
}

/** A public key as `ALGORITHM BASE64`, or with its comment. */
export function formatPublicKey(key: SshPublicKey): string {
  const line = `${key.algorithm} ${Buffer.from(key.blob).toString('base64')}`
  return key.comment === '' ? line : `${line} ${key.comment}`
}

const is_type = /^(?:ssh|ecdsa-sha2|sk-ssh|sk-ecdsa|rsa-sha2)-[a-z0-9@.-]+$/

function refusal(algorithm: string, reader: SshReader): string | undefined {
  if (algorithm === 'ssh-ed25519') {
    const point = reader.string()
    return complete(reader) && point.length === 32 ? undefined : 'the Ed25519 key is malformed'
  }
  if (algorithm === 'ssh-rsa') return rsaRefusal(reader)
  if (algorithm.startsWith('ecdsa-sha2-') && !algorithm.includes('@'))
    return ecdsaRefusal(algorithm.slice('ecdsa-sha2-'.length), reader)
  if (algorithm.includes('-cert-'))
    return 'a certificate is not a key: the key that signed it goes into identity.ssh_ca'
  if (algorithm.startsWith('sk-')) return deviceRefusal(algorithm, reader)
  if (algorithm === 'ssh-dss') return 'DSA is broken and not accepted; use ssh-ed25519'
  // Only names that we know are repeated: the bytes may be anything.
  return unknown_algorithm
}

const unknown_algorithm =
  'unknown key algorithm; accepted are ssh-ed25519, ecdsa-sha2-nistp256/384/521 and ssh-rsa'

/** Whether the key is on a FIDO device, which only a person has. */
export function isOnDevice(key: SshPublicKey): boolean {
  return key.algorithm.startsWith('sk-')
}

function deviceRefusal(algorithm: string, reader: SshReader): string | undefined {
  if (algorithm === 'sk-ssh-ed25519@openssh.com') {
    if (reader.string().length !== 32) return 'the Ed25519 key is malformed'
  } else if (algorithm === 'sk-ecdsa-sha2-nistp256@openssh.com') {
    if (!isPoint('nistp256', reader)) return malformed_ecdsa
  } else return unknown_algorithm
  const application = reader.text()
  if (!complete(reader)) return 'the key is malformed'
  // A website's origin is an application too, and what it has signed is no login.
  return application.startsWith('ssh:')
    ? undefined
    : 'the key was made for another application than SSH: ssh-keygen -t ed25519-sk makes one'
}

function rsaRefusal(reader: SshReader): string | undefined {
  const exponent = reader.string()
  const modulus = reader.string()
  const first = modulus[0] === 0 ? 1 : 0
  const top = modulus[first] ?? 0
  if (!complete(reader) || top === 0 || exponent.length === 0 || exponent.length > 8)
    return 'the RSA key is malformed'
  const bits = (modulus.length - first) * 8 - Math.clz32(top) + 24
  if (bits < rsa_bits_min)
    return `an RSA key of ${bits} bits is too weak; ${rsa_bits_min} are the least`
  if (bits > rsa_bits_max)
    return `an RSA key of ${bits} bits is too large; ${rsa_bits_max} are the most`
  return undefined
}

const malformed_ecdsa = 'the ECDSA key is malformed'

function ecdsaRefusal(name: string, reader: SshReader): string | undefined {
  return isPoint(name, reader) && complete(reader) ? undefined : malformed_ecdsa
}

function isPoint(name: string, reader: SshReader): boolean {
  const curve = curves[name]
  const inner = reader.text()
  const point = reader.string()
  if (curve === undefined || inner !== name) return false
  // Uncompressed only: RFC 5656, section 3.1 makes compression optional, and OpenSSH refuses it.
  if (point[0] !== 4 || point.length !== 1 + 2 * curve.bytes) return false
  const coordinate = (from: number): string =>
    Buffer.from(point.subarray(from, from + curve.bytes)).toString('base64url')
  try {
    // Refuses a point that is not on the curve.
    createPublicKey({
      format: 'jwk',
      key: { kty: 'EC', crv: curve.crv, x: coordinate(1), y: coordinate(1 + curve.bytes) },
    })
    return true
  } catch {
    return false
  }
}

function complete(reader: SshReader): boolean {
  return reader.intact && reader.rest === 0
}

/** Strict: what Node ignores in base64 would be a second spelling of the same key. */
function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return text !== '' && bytes.toString('base64') === text ? Uint8Array.from(bytes) : undefined
}

function refused(reason: string): ParsedPublicKey {
  return { ok: false, reason }
}
