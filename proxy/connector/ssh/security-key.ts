/**
 * Keys of FIDO authenticators (PROTOCOL.u2f of OpenSSH). The private half never leaves the device. What it signs is
 * not the data alone but also what it states beside it: for which application, whether somebody touched it, and how
 * often it has signed.
 *
 * @module
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'

const ed25519 = 'sk-ssh-ed25519@openssh.com'
const ecdsa = 'sk-ecdsa-sha2-nistp256@openssh.com'

/** Types of keys that can name a person. A host, and the gateway, have no finger to touch a device with. */
export const security_key_types: readonly string[] = [ed25519, ecdsa]

export interface SecuritySignature {
  /** Ed25519: 64 bytes. ECDSA: in DER. */
  readonly signature: Uint8Array
  /** One byte: bit 0 user present, bit 2 user verified. */
  readonly flags: Uint8Array
  /** How often the device has signed: four bytes, big-endian. */
  readonly counter: Uint8Array
}

interface SecurityKey {
  readonly key: KeyObject
  readonly application: Uint8Array
}

const user_present = 0x01
const ed25519_bytes = 64
/** What follows a signature: flags and counter. */
const stated_bytes = 1 + 4
/** A number below the order of P-521, the largest curve, with room for its sign. */
const number_bytes_max = 67
/** ... of P-256, the only one that devices have here. */
const device_number_bytes_max = 33

/**
 * Takes the signature of an authentication request apart, after the name of its type. Undefined when it is not of the
 * form that the type has. Borrowed from `bytes`.
 */
export function readSecuritySignature(
  type: string,
  bytes: Uint8Array,
): SecuritySignature | undefined {
  const split = bytes.length - stated_bytes
  if (split < 0) return undefined
  const signature =
    type === ed25519
      ? bytes.subarray(0, split)
      : derOf(bytes.subarray(0, split), device_number_bytes_max)
  if (signature === undefined) return undefined
  if (type === ed25519 && signature.length !== ed25519_bytes) return undefined
  return {
    signature,
    flags: bytes.subarray(split, split + 1),
    counter: bytes.subarray(split + 1),
  }
}

/** Whether the device with this key signed the data, and somebody was there to touch it. */
export function isSecuritySignatureValid(
  blob: Uint8Array,
  { signature, flags, counter }: SecuritySignature,
  data: Uint8Array,
): boolean {
  const read = readSecurityKey(blob)
  if (read === undefined) return false
  // Without it a program on the user's machine could sign whenever the device is plugged in.
  if (((flags[0] ?? 0) & user_present) === 0) return false
  const message = Buffer.concat([sha256(read.application), flags, counter, sha256(data)])
  const hash = read.key.asymmetricKeyType === 'ec' ? 'sha256' : null
  return verify(hash, message, read.key, signature)
}

/** The key of a blob, if the blob is exactly one of a known type and made for SSH. */
function readSecurityKey(blob: Uint8Array): SecurityKey | undefined {
  const [type, ...rest] = stringsOf(blob) ?? []
  const application = rest.at(-1)
  if (type === undefined || application === undefined) return undefined
  // A website's origin is an application too: what it has signed is no login.
  if (!textOf(application).startsWith('ssh:')) return undefined
  const jwk = jwkOf(textOf(type), rest.slice(0, -1))
  if (jwk === undefined) return undefined
  try {
    // Refuses a point that is not on the curve.
    return { key: createPublicKey({ format: 'jwk', key: jwk }), application }
  } catch {
    return undefined
  }
}

function jwkOf(type: string, parts: readonly Uint8Array[]): Record<string, string> | undefined {
  const [first, second] = parts
  if (first === undefined) return undefined
  if (type === ed25519)
    return parts.length === 1 && first.length === 32
      ? { kty: 'OKP', crv: 'Ed25519', x: base64url(first) }
      : undefined
  if (type !== ecdsa || second === undefined || parts.length !== 2) return undefined
  // Uncompressed, as in RFC 5656, section 3.1.
  if (textOf(first) !== 'nistp256' || second.length !== 65 || second[0] !== 4) return undefined
  const x = base64url(second.subarray(1, 33))
  return { kty: 'EC', crv: 'P-256', x, y: base64url(second.subarray(33)) }
}

/** Two `mpint`s as a `SEQUENCE` of two `INTEGER`s: both have the same digits (RFC 4251, section 5; X.690, 8.3). */
export function derOf(
  bytes: Uint8Array,
  bytes_max: number = number_bytes_max,
): Uint8Array | undefined {
  const numbers = stringsOf(bytes)
  if (numbers?.length !== 2) return undefined
  if (numbers.some(({ length }) => length === 0 || length > bytes_max)) return undefined
  const body = numbers.flatMap((digits) => [0x02, digits.length, ...digits])
  // From 128 bytes on, which P-521 needs, a byte says how long the length is (X.690, 8.1.3.5).
  const length = body.length < 0x80 ? [body.length] : [0x81, body.length]
  return Uint8Array.from([0x30, ...length, ...body])
}

/** The strings (RFC 4251, section 5) that fill the bytes. A length is checked before it is believed. */
function stringsOf(bytes: Uint8Array): Uint8Array[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const strings: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    if (bytes.length - at < 4) return undefined
    const length = view.getUint32(at)
    at += 4
    if (length > bytes.length - at) return undefined
    strings.push(bytes.subarray(at, at + length))
    at += length
  }
  return strings
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
