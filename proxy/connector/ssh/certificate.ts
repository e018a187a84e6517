/**
 * Certificates that the gateway signs (PROTOCOL.certkeys of OpenSSH). One of a host says: this key may speak for that
 * name, so that a client that trusts the gateway's authority is asked nothing, whichever target it names.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import {
  type CertificateContent,
  encodeCertificate,
  withSignature,
} from '../../core/ssh-certificate.ts'
import { sshString } from '../../core/ssh-wire.ts'
import { type ParsedKey, parseKey } from './library.ts'
import { host_certificate_early_s, host_certificate_s } from './limits.ts'

export interface HostCertificateFacts {
  /** The Ed25519 key that it is for (RFC 8709, section 4). */
  readonly key: ParsedKey
  /** Host names that the key may speak for. */
  readonly principals: readonly string[]
  /** Ed25519, OpenSSH or PEM format. */
  readonly authority: string
  readonly now_ms: number
}

/** Seen by people in `ssh-keygen -L` alone. */
const key_id = 'sluice'

/** Throws when a key is not an Ed25519 key. */
export function hostCertificate(facts: HostCertificateFacts): Buffer {
  if (facts.key.type !== 'ssh-ed25519') throw new Error('the host key is not an Ed25519 key')
  const now_s = Math.floor(facts.now_ms / 1000)
  const certificate = signCertificate(facts.authority, {
    key: facts.key.getPublicSSH(),
    serial: 0n,
    type: 'host',
    key_id,
    principals: facts.principals,
    valid_after_s: BigInt(now_s - host_certificate_early_s),
    valid_before_s: BigInt(now_s + host_certificate_s),
    critical_options: [],
    extensions: [],
  })
  return Buffer.from(certificate)
}

/** As it goes over the wire. `authority`: a private Ed25519 key, OpenSSH or PEM format; throws when it is none. */
export function signCertificate(
  authority: string,
  content: Omit<CertificateContent, 'authority'>,
): Uint8Array {
  const key = parseKey(authority)
  if (key instanceof Error || key.type !== 'ssh-ed25519')
    throw new Error('the authority for certificates is not an Ed25519 key')
  const signed = encodeCertificate({ ...content, authority: key.getPublicSSH() }, randomBytes(32))
  const signature = key.sign(Buffer.from(signed))
  if (signature instanceof Error) throw signature
  return withSignature(signed, Buffer.concat([sshString('ssh-ed25519'), sshString(signature)]))
}
