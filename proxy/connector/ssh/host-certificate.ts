/**
 * A certificate that says: this key may speak for that host (OpenSSH's PROTOCOL.certkeys). A client that trusts the
 * gateway's authority is then asked nothing, whichever target it names.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
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
const host_type = 2

/** Throws when a key is not an Ed25519 key. */
export function hostCertificate(facts: HostCertificateFacts): Buffer {
  const authority = parseKey(facts.authority)
  if (authority instanceof Error || authority.type !== 'ssh-ed25519')
    throw new Error('the authority for host certificates is not an Ed25519 key')
  if (facts.key.type !== 'ssh-ed25519') throw new Error('the host key is not an Ed25519 key')
  const now_s = Math.floor(facts.now_ms / 1000)
  const signed = Buffer.concat([
    string('ssh-ed25519-cert-v01@openssh.com'),
    string(randomBytes(32)),
    // The blob is its type and the key, each with its length; the type has been said.
    facts.key.getPublicSSH().subarray(4 + 'ssh-ed25519'.length),
    uint64(0),
    uint32(host_type),
    string(key_id),
    string(Buffer.concat(facts.principals.map(string))),
    uint64(now_s - host_certificate_early_s),
    uint64(now_s + host_certificate_s),
    // Critical options, extensions, reserved.
    string(''),
    string(''),
    string(''),
    string(authority.getPublicSSH()),
  ])
  const signature = authority.sign(signed)
  if (signature instanceof Error) throw signature
  return Buffer.concat([signed, string(Buffer.concat([string('ssh-ed25519'), string(signature)]))])
}

/** RFC 4251, section 5. */
function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint32(bytes.length), bytes])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
