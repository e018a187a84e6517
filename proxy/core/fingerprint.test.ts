/** A key is named as OpenSSH names it. */
import { expect, test } from 'bun:test'
import { fingerprint } from './fingerprint.ts'

test("a fingerprint is that of OpenSSH's own tests", () => {
  // regress/unittests/sshkey/testdata: ed25519_1.pub, and its fingerprint in ed25519_1.fp.
  const blob = Buffer.from(
    'AAAAC3NzaC1lZDI1NTE5AAAAIFOG6kY7Rf4UtCFvPwKgo/BztXck2xC4a2WyA34XtIwZ',
    'base64',
  )
  expect(fingerprint(blob)).toBe('SHA256:L3k/oJubblSY0lB9Ulsl7emDMnRPKm/8udf2ccwk560')
})

test('a fingerprint is what the ssh-keygen here prints', () => {
  // ssh-keygen -lf of the Ed25519 public key of RFC 8032, section 7.1, test 1.
  const point = Buffer.from(
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    'hex',
  )
  const part = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  const blob = Buffer.concat([part(Buffer.from('ssh-ed25519')), part(point)])
  const line = `ssh-ed25519 ${blob.toString('base64')}\n`
  const keygen = Bun.spawnSync(['ssh-keygen', '-lf', '-'], { stdin: Buffer.from(line) })
  expect(keygen.stdout.toString().split(' ')[1]).toBe(fingerprint(blob))
})
