/**
 * SSH keys as bytes: their type, and whether a signature is theirs.
 *
 * @module
 */
import { plainName, type SshCertificate } from '../../core/ssh-certificate.ts'
import { SshReader } from '../../core/ssh-wire.ts'
import { key_types } from './algorithms.ts'
import { type AuthContext, type ParsedKey, parseKey } from './library.ts'
import {
  derOf,
  isSecuritySignatureValid,
  readSecuritySignature,
  security_key_types,
} from './security-key.ts'

/** The type that a blob names itself (RFC 4253, section 6.6), if it is one that we accept from a person. */
export function keyType(blob: Uint8Array): string | undefined {
  if (blob.length < 4) return undefined
  const length = new DataView(blob.buffer, blob.byteOffset, blob.byteLength).getUint32(0)
  if (length > 64 || 4 + length > blob.length) return undefined
  const type = new TextDecoder().decode(blob.subarray(4, 4 + length))
  return key_types.includes(type) || security_key_types.includes(type) ? type : undefined
}

/** The key of a blob, if the blob is exactly one plain key of a type that we accept: not one of a device. */
export function readKey(blob: Uint8Array): ParsedKey | undefined {
  const type = keyType(blob)
  if (type === undefined || security_key_types.includes(type)) return undefined
  // The type comes from the blob, so that no certificate reaches the parser (see `parseKey`).
  const parsed = parseKey(`${type} ${Buffer.from(blob).toString('base64')}`)
  if (parsed instanceof Error) return undefined
  // Bytes after the key, or a number written in two ways, would make two names for one key.
  return parsed.getPublicSSH().equals(blob) ? parsed : undefined
}

/** What of an authentication request the signature is about. */
export type SignedRequest = Pick<AuthContext, 'key' | 'signature' | 'blob' | 'hashAlgo'>

/** Whether the signature of an authentication request is the key's, by an algorithm that we accept. */
export function isSignatureValid(context: SignedRequest): boolean {
  const { key, signature, blob, hashAlgo } = context
  if (key === undefined || signature === undefined || blob === undefined) return false
  if (security_key_types.includes(key.algo)) {
    const read = readSecuritySignature(key.algo, signature)
    return read !== undefined && isSecuritySignatureValid(key.data, read, blob)
  }
  const parsed = readKey(key.data)
  if (parsed === undefined || parsed.type !== key.algo) return false
  // `ssh-rsa` as an algorithm is SHA-1 (RFC 8332, section 3): collisions are affordable.
  if (parsed.type === 'ssh-rsa' && hashAlgo === undefined) return false
  return parsed.verify(blob, signature, hashAlgo) === true
}

/**
 * A request with a certificate as one with the plain key that it is for. The library leaves those signatures as they
 * came: `string algorithm, string signature`, and what a device states. Undefined when the algorithm is not the one that was offered.
 */
export function plainRequest(
  { key, signature, blob }: SignedRequest,
  certificate: SshCertificate,
): SignedRequest | undefined {
  const offered = plainName(key?.algo ?? '')
  if (offered === undefined || signature === undefined || blob === undefined) return undefined
  const reader = new SshReader(signature)
  const algorithm = reader.text()
  const bytes = reader.string()
  const stated = signature.subarray(signature.length - reader.rest)
  if (!reader.intact || algorithm !== offered) return undefined
  const algo = plainName(certificate.algorithm) ?? ''
  const is_device = security_key_types.includes(algo)
  if (!is_device && stated.length > 0) return undefined
  const plain = algo.startsWith('ecdsa-') ? derOf(bytes) : bytes
  if (plain === undefined) return undefined
  const hash = /^rsa-sha2-(256|512)$/.exec(algorithm)?.[1]
  return {
    key: { algo, data: Buffer.from(certificate.key) },
    signature: Buffer.concat([plain, stated]),
    blob,
    ...(hash === undefined ? {} : { hashAlgo: hash === '512' ? 'sha512' : 'sha256' }),
  }
}

/** The name of the signature algorithm (RFC 8332). */
export function signatureAlgorithm(context: SignedRequest): string {
  if (context.hashAlgo === undefined) return context.key?.algo ?? ''
  return context.hashAlgo === 'sha512' ? 'rsa-sha2-512' : 'rsa-sha2-256'
}
