/**
 * Keys as bytes: what is a key, and what only looks like one.
 */
import { describe, expect, test } from 'bun:test'
import { generateSshKey } from '../../config/ssh-keygen.ts'
import { keyType, readKey } from './key.ts'
import { parseKey } from './library.ts'

const blobOf = (line: string): Uint8Array =>
  new Uint8Array(Buffer.from(line.split(' ')[1] ?? '', 'base64'))

/** From OpenSSH's regress/unittests/sshkey/testdata: ed25519_1.pub. */
const ed25519_line =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFOG6kY7Rf4UtCFvPwKgo/BztXck2xC4a2WyA34XtIwZ'

describe('ssh keys', () => {
  test('a key that was made is read', () => {
    const { private_text, public_key } = generateSshKey('me')
    const parsed = parseKey(private_text)
    if (parsed instanceof Error) throw parsed
    expect(parsed.isPrivateKey()).toBe(true)
    expect(parsed.getPublicSSH().equals(public_key.blob)).toBe(true)
    expect(readKey(public_key.blob)?.type).toBe('ssh-ed25519')
  })
  test('one key has one name: bytes after it, or a cut, are no key', () => {
    const blob = blobOf(ed25519_line)
    expect(readKey(blob)?.type).toBe('ssh-ed25519')
    expect(readKey(new Uint8Array([...blob, 0]))).toBeUndefined()
    for (let length = 0; length < blob.length; length++)
      expect(readKey(blob.subarray(0, length))).toBeUndefined()
  })
  test('a type that is not known, and a certificate, have none', () => {
    for (const type of [
      'ssh-dss',
      'ssh-ed25519-cert-v01@openssh.com',
      'sk-ssh-ed25519-cert-v01@openssh.com',
      'webauthn-sk-ecdsa-sha2-nistp256@openssh.com',
    ]) {
      const blob = Buffer.alloc(4 + type.length + 40)
      blob.writeUInt32BE(type.length)
      blob.write(type, 4)
      expect(keyType(blob)).toBeUndefined()
      expect(readKey(blob)).toBeUndefined()
    }
  })
  test('a length that is not there is not believed', () => {
    expect(keyType(new Uint8Array([0xff, 0xff, 0xff, 0xff, 1]))).toBeUndefined()
    expect(keyType(new Uint8Array([0, 0, 0, 30, 1]))).toBeUndefined()
  })
})
