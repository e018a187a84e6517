/**
 * Checks a private key before a port opens: OpenSSH's own format (openssh/PROTOCOL.key), and the older PEM
 * of RSA (RFC 8017, A.1.2) and EC (RFC 5915). Finds the public key that belongs to it.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { SshReader, sshInteger, sshString } from '../core/ssh-wire.ts'
import {
  isOnDevice,
  type ParsedPublicKey,
  parsePublicBlob,
  type SshPublicKey,
} from './public-key.ts'

export type ParsedPrivateKey =
  | { readonly ok: true; readonly public_key: SshPublicKey }
  | { readonly ok: false; readonly reason: string }

const magic = 'openssh-key-v1\0'

export function parsePrivateKey(pem: string): ParsedPrivateKey {
  const label = /^-----BEGIN ([A-Z0-9 ]+)-----\r?\n/.exec(pem.trimStart())?.[1]
  if (label === undefined) {
    if (pem.startsWith('PuTTY-')) return refused(`this is a PuTTY key; export it as OpenSSH`)
    if (/^(?:ssh|ecdsa|sk)-/.test(pem)) return refused('this is a public key, not a private one')
    return refused('this is not a private key')
  }
  if (pem.includes('Proc-Type: 4,ENCRYPTED') || label === 'ENCRYPTED PRIVATE KEY')
    return refused(is_encrypted)
  if (label === 'OPENSSH PRIVATE KEY') return fromOpenSsh(pem)
  if (label === 'RSA PRIVATE KEY' || label === 'EC PRIVATE KEY') return fromPem(pem)
  if (label === 'PRIVATE KEY')
    return refused('this is PKCS#8; convert it to OpenSSH\'s format: ssh-keygen -p -N "" -f FILE')
  if (label === 'DSA PRIVATE KEY') return refused('DSA is broken and not accepted; use ssh-ed25519')
  return refused('this is not a private key of SSH')
}

const is_encrypted =
  'the key is encrypted, and nobody is there to type its passphrase: ssh-keygen -p -N "" -f FILE'

function fromOpenSsh(pem: string): ParsedPrivateKey {
  const body =
    /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END OPENSSH PRIVATE KEY-----/.exec(pem)
  const bytes = Buffer.from(body?.[1] ?? '', 'base64')
  const malformed = 'the private key is malformed or cut off'
  if (bytes.subarray(0, magic.length).toString('latin1') !== magic) return refused(malformed)
  const reader = new SshReader(bytes.subarray(magic.length))
  const cipher = reader.text()
  reader.string()
  reader.string()
  const count = reader.uint32()
  const blob = reader.string()
  const secret = new SshReader(reader.string())
  if (!reader.intact || count !== 1) return refused(malformed)
  if (cipher !== 'none') return refused(is_encrypted)
  const check = secret.uint32()
  if (check !== secret.uint32() || !secret.intact) return refused(malformed)
  const parsed = parsePublicBlob(blob)
  // The two halves of the file must speak of one key.
  if (parsed.ok && parsed.key.algorithm !== secret.text()) return refused(malformed)
  return belongsTo(parsed)
}

function fromPem(pem: string): ParsedPrivateKey {
  let key: KeyObject
  try {
    key = createPublicKey(createPrivateKey(pem))
  } catch {
    return refused('the private key is malformed or cut off')
  }
  const jwk = key.export({ format: 'jwk' })
  const part = (text: string | undefined): Uint8Array => Buffer.from(text ?? '', 'base64url')
  if (jwk.kty === 'RSA') {
    const blob = [sshString('ssh-rsa'), sshInteger(part(jwk.e)), sshInteger(part(jwk.n))]
    return belongsTo(parsePublicBlob(Buffer.concat(blob)))
  }
  const curve = { 'P-256': 'nistp256', 'P-384': 'nistp384', 'P-521': 'nistp521' }[jwk.crv ?? '']
  if (curve === undefined) return refused('the key is on a curve that SSH does not have')
  const point = Buffer.concat([Uint8Array.of(4), part(jwk.x), part(jwk.y)])
  const blob = [sshString(`ecdsa-sha2-${curve}`), sshString(curve), sshString(point)]
  return belongsTo(parsePublicBlob(Buffer.concat(blob)))
}

function belongsTo(parsed: ParsedPublicKey): ParsedPrivateKey {
  if (!parsed.ok) return parsed
  if (isOnDevice(parsed.key))
    return refused('the key is on a security device (sk-...), which nobody is there to touch')
  return { ok: true, public_key: parsed.key }
}

function refused(reason: string): ParsedPrivateKey {
  return { ok: false, reason }
}
