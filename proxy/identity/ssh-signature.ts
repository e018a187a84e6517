/**
 * Signatures by SSH keys, checked without a library of SSH: an authority's over a certificate.
 *
 * @module
 */
import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { SshReader } from '../core/ssh-wire.ts'

export type AuthoritySignature =
  | 'valid'
  | 'invalid'
  /** SHA-1, a key that is too weak, or a type of key that no authority should have. */
  | 'not_accepted'

/** NIST SP 800-131A, table 2. */
const rsa_bits_min = 2048
/** A verification is quadratic in it, and costs the client nothing. */
const rsa_bits_max = 8192

const curves: Readonly<Record<string, { readonly crv: string; readonly hash: string }>> = {
  nistp256: { crv: 'P-256', hash: 'sha256' },
  nistp384: { crv: 'P-384', hash: 'sha384' },
  nistp521: { crv: 'P-521', hash: 'sha512' },
}

/** By the algorithm of the signature: the type of its key, and the hash. `ssh-rsa` is SHA-1 (RFC 8332, section 3). */
const algorithms: Readonly<Record<string, { readonly key: string; readonly hash: string | null }>> =
  {
    'ssh-ed25519': { key: 'ssh-ed25519', hash: null },
    'rsa-sha2-256': { key: 'ssh-rsa', hash: 'sha256' },
    'rsa-sha2-512': { key: 'ssh-rsa', hash: 'sha512' },
    ...Object.fromEntries(
      Object.entries(curves).map(([curve, { hash }]) => {
        const name = `ecdsa-sha2-${curve}`
        return [name, { key: name, hash }]
      }),
    ),
  }

/** `signature`: `string algorithm, string signature` (RFC 4253, section 6.6). */
export function judgeSignature(
  key_blob: Uint8Array,
  signature: Uint8Array,
  data: Uint8Array,
): AuthoritySignature {
  const reader = new SshReader(signature)
  const name = reader.text()
  const bytes = reader.string()
  if (!reader.intact || reader.rest !== 0) return 'invalid'
  const algorithm = Object.hasOwn(algorithms, name) ? algorithms[name] : undefined
  const key = readKey(key_blob)
  if (algorithm === undefined || key === undefined) return 'not_accepted'
  if (key.type !== algorithm.key) return 'invalid'
  const is_ecdsa = key.type.startsWith('ecdsa-')
  const raw = is_ecdsa ? fixedWidth(bytes, key.bytes) : bytes
  if (raw === undefined) return 'invalid'
  const by = is_ecdsa ? ({ key: key.object, dsaEncoding: 'ieee-p1363' } as const) : key.object
  return verify(algorithm.hash, data, by, raw) ? 'valid' : 'invalid'
}

/** Whether a person may have such a key. One of a device is looked at where its signatures are. */
export function isAcceptedKey(blob: Uint8Array): boolean {
  return new SshReader(blob).text().startsWith('sk-') || readKey(blob) !== undefined
}

interface PublicKey {
  readonly type: string
  readonly object: KeyObject
  /** Of one number of an ECDSA signature. */
  readonly bytes: number
}

/** Undefined for what is not exactly one plain key of a type that is accepted: not one of a device, no certificate. */
function readKey(blob: Uint8Array): PublicKey | undefined {
  const reader = new SshReader(blob)
  const type = reader.text()
  const [first, second] = [reader.string(), type === 'ssh-ed25519' ? undefined : reader.string()]
  if (!reader.intact || reader.rest !== 0) return undefined
  if (type === 'ssh-ed25519') return imported(type, { kty: 'OKP', crv: 'Ed25519', x: text(first) })
  if (second === undefined) return undefined
  if (type === 'ssh-rsa') {
    const key = imported(type, { kty: 'RSA', e: text(digits(first)), n: text(digits(second)) })
    const bits = key?.object.asymmetricKeyDetails?.modulusLength ?? 0
    return bits >= rsa_bits_min && bits <= rsa_bits_max ? key : undefined
  }
  const name = Buffer.from(first).toString('latin1')
  const curve = Object.hasOwn(curves, name) ? curves[name] : undefined
  // Uncompressed, as in RFC 5656, section 3.1.
  if (curve === undefined || type !== `ecdsa-sha2-${name}` || second[0] !== 4) return undefined
  const bytes = (second.length - 1) / 2
  const x = text(second.subarray(1, 1 + bytes))
  // Refuses a point that is not on the curve.
  const jwk = { kty: 'EC', crv: curve.crv, x, y: text(second.subarray(1 + bytes)) }
  return Number.isInteger(bytes) ? imported(type, jwk, bytes) : undefined
}

function imported(type: string, jwk: JsonWebKey, bytes = 0): PublicKey | undefined {
  try {
    return { type, object: createPublicKey({ format: 'jwk', key: jwk }), bytes }
  } catch {
    return undefined
  }
}

/** Two `mpint`s as two numbers of one width each (IEEE P1363). */
function fixedWidth(bytes: Uint8Array, width: number): Uint8Array | undefined {
  const reader = new SshReader(bytes)
  const numbers = [digits(reader.string()), digits(reader.string())]
  if (!reader.intact || reader.rest !== 0) return undefined
  if (numbers.some(({ length }) => length === 0 || length > width)) return undefined
  return Buffer.concat(
    numbers.map((number) => Buffer.concat([Buffer.alloc(width - number.length), number])),
  )
}

/** Without the zeros that keep a number positive. */
function digits(mpint: Uint8Array): Uint8Array {
  let start = 0
  while (start < mpint.length && mpint[start] === 0) start++
  return mpint.subarray(start)
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
