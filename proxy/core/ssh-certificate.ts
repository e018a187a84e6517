/**
 * OpenSSH certificates as bytes (PROTOCOL.certkeys of OpenSSH): taken apart and put together. Nothing here says whether
 * one is signed, by whom, or good for anything.
 *
 * @module
 */
import { SshReader, sshString, sshUint32, sshUint64 } from './ssh-wire.ts'

export interface CertificateContent {
  /** The blob of the plain key that it is for (RFC 4253, section 6.6). */
  readonly key: Uint8Array
  readonly serial: bigint
  readonly type: 'user' | 'host'
  readonly key_id: string
  readonly principals: readonly string[]
  /** UTC in seconds. The certificate is good from `valid_after_s` on, and before `valid_before_s`. */
  readonly valid_after_s: bigint
  readonly valid_before_s: bigint
  readonly critical_options: readonly CertificateOption[]
  readonly extensions: readonly CertificateOption[]
  /** The blob of the key that signs it. */
  readonly authority: Uint8Array
}

export interface CertificateOption {
  readonly name: string
  /** Empty for a flag; else a string inside of this one, where it is one of OpenSSH's. */
  readonly data: Uint8Array
}

export interface SshCertificate extends CertificateContent {
  /** `ssh-ed25519-cert-v01@openssh.com` */
  readonly algorithm: string
  /** All of it. Owned. */
  readonly blob: Uint8Array
  /** What the authority signed. Borrowed from `blob`. */
  readonly signed: Uint8Array
  /** `string algorithm, string signature` (RFC 4253, section 6.6). */
  readonly signature: Uint8Array
}

/** By the type of a key: how many strings its blob has after its type. */
const key_fields: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
  'ssh-rsa': 2,
  'sk-ssh-ed25519@openssh.com': 2,
  'sk-ecdsa-sha2-nistp256@openssh.com': 3,
}

const suffix = '-cert-v01@openssh.com'

/** OpenSSH's own limit (SSHKEY_CERT_MAX_PRINCIPALS). */
const principals_max = 256
/** OpenSSH has three critical options and six extensions. */
const options_max = 64
/** An RSA key and the signature of an RSA authority are 4 KiB; the rest is names. */
const certificate_bytes_max: number = 64 * 1024

/** Whether a key or a signature of that name is a certificate's. */
export const isCertificateName = (name: string): boolean => name.endsWith(suffix)

/** `ssh-ed25519` of `ssh-ed25519-cert-v01@openssh.com`; undefined for what is none that is known. */
export function plainName(name: string): string | undefined {
  if (!isCertificateName(name)) return undefined
  const start = name.slice(0, -suffix.length)
  // The names of keys on a device have a domain of their own.
  const plain = start.startsWith('sk-') ? `${start}@openssh.com` : start
  return Object.hasOwn(key_fields, plain) || /^rsa-sha2-(256|512)$/.test(plain) ? plain : undefined
}

/** Undefined when the bytes are not exactly one certificate. Copies them. */
export function parseCertificate(bytes: Uint8Array): SshCertificate | undefined {
  if (bytes.length > certificate_bytes_max) return undefined
  const blob = Uint8Array.from(bytes)
  const reader = new SshReader(blob)
  const algorithm = reader.text()
  const plain = plainName(algorithm) ?? ''
  const fields = key_fields[plain]
  if (fields === undefined) return undefined
  // The nonce: what an authority signs is not what somebody chose.
  reader.string()
  const parts = Array.from({ length: fields }, () => sshString(reader.string()))
  const key = Uint8Array.from(Buffer.concat([sshString(plain), ...parts]))
  const serial = reader.uint64()
  const type = ({ 1: 'user', 2: 'host' } as const)[reader.uint32()]
  const key_id = textOf(reader.string())
  const principals = namesOf(reader.string())
  const valid_after_s = reader.uint64()
  const valid_before_s = reader.uint64()
  const critical_options = optionsOf(reader.string())
  const extensions = optionsOf(reader.string())
  // Reserved.
  reader.string()
  const authority = reader.string()
  const signed = blob.subarray(0, blob.length - reader.rest)
  const signature = reader.string()
  if (!reader.intact || reader.rest !== 0) return undefined
  if (type === undefined || key_id === undefined || principals === undefined) return undefined
  if (critical_options === undefined || extensions === undefined) return undefined
  return {
    ...{ algorithm, blob, signed, signature, authority, key, serial, type, key_id, principals },
    ...{ valid_after_s, valid_before_s, critical_options, extensions },
  }
}

/** What an authority signs: all but the signature. `key` must be of a type that certificates are made for. */
export function encodeCertificate(content: CertificateContent, nonce: Uint8Array): Uint8Array {
  const reader = new SshReader(content.key)
  const plain = reader.text()
  const [name, domain] = plain.split('@')
  const algorithm = `${name}${suffix}`
  const is_known = Object.hasOwn(key_fields, plain) && (domain ?? 'openssh.com') === 'openssh.com'
  if (!is_known) throw new TypeError('no certificate is made for a key of this type')
  return Uint8Array.from(
    Buffer.concat([
      sshString(algorithm),
      sshString(nonce),
      // The blob is its type and the key, each with its length; the type has been said.
      content.key.subarray(content.key.length - reader.rest),
      sshUint64(content.serial),
      sshUint32(content.type === 'user' ? 1 : 2),
      sshString(content.key_id),
      sshString(Buffer.concat(content.principals.map(sshString))),
      sshUint64(content.valid_after_s),
      sshUint64(content.valid_before_s),
      sshString(encodeOptions(content.critical_options)),
      sshString(encodeOptions(content.extensions)),
      sshString(''),
      sshString(content.authority),
    ]),
  )
}

/** The certificate as it goes over the wire. `signature`: `string algorithm, string signature`. */
export function withSignature(signed: Uint8Array, signature: Uint8Array): Uint8Array {
  return Uint8Array.from(Buffer.concat([signed, sshString(signature)]))
}

/** A text in an option, as `ssh-keygen -O extension:NAME=TEXT` writes it; undefined when it is something else. */
export function optionText({ data }: CertificateOption): string | undefined {
  const reader = new SshReader(data)
  const text = textOf(reader.string())
  return reader.intact && reader.rest === 0 ? text : undefined
}

/** By name, as PROTOCOL.certkeys wants them. */
function encodeOptions(options: readonly CertificateOption[]): Uint8Array {
  const sorted = options.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return Buffer.concat(sorted.flatMap(({ name, data }) => [sshString(name), sshString(data)]))
}

function optionsOf(bytes: Uint8Array): readonly CertificateOption[] | undefined {
  const reader = new SshReader(bytes)
  const options: CertificateOption[] = []
  const names = new Set<string>()
  while (reader.intact && reader.rest > 0) {
    const name = reader.text()
    options.push({ name, data: reader.string() })
    names.add(name)
    if (options.length > options_max) return undefined
  }
  return reader.intact && names.size === options.length ? options : undefined
}

function namesOf(bytes: Uint8Array): readonly string[] | undefined {
  const reader = new SshReader(bytes)
  const names: string[] = []
  while (reader.intact && reader.rest > 0) {
    const name = textOf(reader.string())
    if (name === undefined || names.length >= principals_max) return undefined
    names.push(name)
  }
  return reader.intact ? names : undefined
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
