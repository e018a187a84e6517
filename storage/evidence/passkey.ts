/**
 * An approval that somebody's passkey signed (W3C Web Authentication, Level 2): the signature is over the request's
 * digest, and can be checked with what stands in the record alone. Normative: FORMAT.md, section 2.7.
 *
 * @module
 */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { isObject, parseObject } from './bytes.ts'

export interface PasskeySignature {
  /** Credential id, base64url. */
  readonly credential: string
  /** P-256, Ed25519 or RSA (RFC 7517, RFC 8037): as it was registered. */
  readonly public_key: Readonly<Record<string, string>>
  /** Base64, as the browser gave them. */
  readonly authenticator_data: string
  readonly client_data: string
  readonly signature: string
}

/** WebAuthn, section 6.1: 32 bytes of the relying party's hash, flags, a counter. */
const flags_at = 32
const authenticator_data_bytes_min = 37
const user_present = 0x01
const user_verified = 0x04

/** None of its parts is larger, with an RSA key of 4096 bits and every extension. */
const part_characters_max = 8_192

const members = ['credential', 'authenticator_data', 'client_data', 'signature'] as const

export function isPasskeySignature(value: unknown): boolean {
  if (!isObject(value) || !isObject(value['public_key'])) return false
  const texts = [...members.map((name) => value[name]), ...Object.values(value['public_key'])]
  return texts.every((text) => typeof text === 'string' && text.length <= part_characters_max)
}

/**
 * Why it is not a signature for this request; undefined when it is.
 *
 * @param digest of the `hold`, hex
 */
export function whyNotSigned(signed: PasskeySignature, digest: string): string | undefined {
  const client_data = Buffer.from(signed.client_data, 'base64')
  const { type, challenge } = { ...parseObject(client_data) } as Record<string, unknown>
  if (type !== 'webauthn.get') return 'what its passkey signed is no assertion'
  if (challenge !== Buffer.from(digest, 'hex').toString('base64url'))
    return 'its passkey signed another request'
  const data = Buffer.from(signed.authenticator_data, 'base64')
  const flags = data[flags_at] ?? 0
  if (data.length < authenticator_data_bytes_min) return 'its authenticator data is too short'
  if ((flags & user_present) === 0 || (flags & user_verified) === 0)
    return 'its passkey did not see who used it'
  const client_hash = createHash('sha256').update(client_data).digest()
  const message = Buffer.concat([data, client_hash])
  return isSignedBy(signed, message) ? undefined : 'the signature of its passkey is wrong'
}

function isSignedBy({ public_key, signature }: PasskeySignature, message: Uint8Array): boolean {
  // ECDSA with SHA-256 in DER, RSASSA-PKCS1-v1_5 with SHA-256, Ed25519 (WebAuthn, section 6.5.6).
  const algorithm = public_key['kty'] === 'OKP' ? null : 'sha256'
  const is_known =
    public_key['kty'] === 'RSA' || public_key['crv'] === 'P-256' || public_key['crv'] === 'Ed25519'
  if (!is_known) return false
  let key: ReturnType<typeof createPublicKey>
  try {
    key = createPublicKey({ key: { ...public_key }, format: 'jwk' })
  } catch {
    return false
  }
  return verify(algorithm, message, key, Buffer.from(signature, 'base64'))
}
