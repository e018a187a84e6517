/**
 * Makes an Ed25519 key pair as OpenSSH writes it (openssh/PROTOCOL.key), unencrypted.
 *
 * @module
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { sshString } from '../core/ssh-wire.ts'
import { formatPublicKey, type SshPublicKey } from './public-key.ts'

export interface SshKeyPair {
  /** The private key file. Keep it readable by its user only. */
  readonly private_text: string
  /** `ssh-ed25519 AAAA... COMMENT`, with a newline. */
  readonly public_text: string
  readonly public_key: SshPublicKey
}

const algorithm = 'ssh-ed25519'
/** Of the cipher; without one the private part is padded to 8 bytes. */
const block_bytes = 8

export function generateSshKey(comment: string): SshKeyPair {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { x, d } = privateKey.export({ format: 'jwk' })
  const point = Buffer.from(x ?? '', 'base64url')
  const seed = Buffer.from(d ?? '', 'base64url')
  const blob = Buffer.concat([sshString(algorithm), sshString(point)])
  // Twice the same: a reader sees by it whether it decrypted rightly.
  const check = randomBytes(4)
  const secret = Buffer.concat([
    check,
    check,
    sshString(algorithm),
    sshString(point),
    sshString(Buffer.concat([seed, point])),
    sshString(comment),
  ])
  const missing = (block_bytes - (secret.length % block_bytes)) % block_bytes
  const padding = Uint8Array.from({ length: missing }, (_, index) => index + 1)
  const none = sshString('none')
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    none,
    none,
    sshString(''),
    Uint8Array.of(0, 0, 0, 1),
    sshString(blob),
    sshString(Buffer.concat([secret, padding])),
  ])
  const lines = file.toString('base64').replace(/.{70}(?=.)/g, '$&\n')
  const public_key = { algorithm, blob: Uint8Array.from(blob), comment }
  return {
    private_text: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`,
    public_text: `${formatPublicKey(public_key)}\n`,
    public_key,
  }
}
