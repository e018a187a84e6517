/**
 * Keys on FIDO devices as OpenSSH writes them, and where they are of no use.
 */
import { describe, expect, test } from 'bun:test'
import { makeAuthenticator, sshString } from '../../test/fixture/authenticator.ts'
import { parsePrivateKey } from './private-key.ts'
import { isOnDevice, parsePublicKey } from './public-key.ts'

/** Made by `ssh-keygen -t ed25519-sk` and `-t ecdsa-sk` of OpenSSH 9.2. */
const made = [
  'sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIMFjYhlP9sfvmPgh9+HAQ/oEXJJb+gyc6FKeOO2cO5RcAAAABHNzaDo= t',
  'sk-ecdsa-sha2-nistp256@openssh.com AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20AAAAIbmlzdHAyNTYAAABBBAeKMeS5ylhdN/P5vRD+6ejTvmJHL6daNp5MDrUFGKEM6NCmFPTCO6Bfu9mSWyWQolfOA4NqcwA/5OcDJsKchoEAAAAEc3NoOg== t',
] as const
const line = (type: string, blob: Uint8Array): string =>
  `${type} ${Buffer.from(blob).toString('base64')}`
const reasonOf = (text: string): string => {
  const parsed = parsePublicKey(text)
  return parsed.ok ? 'accepted' : parsed.reason
}

describe('keys on devices', () => {
  test('are read, with any application of SSH', () => {
    for (const text of made) {
      const parsed = parsePublicKey(text)
      expect(parsed.ok && isOnDevice(parsed.key)).toBe(true)
    }
    const device = makeAuthenticator('sk-ssh-ed25519@openssh.com', 'ssh:work')
    expect(reasonOf(line(device.type, device.blob))).toBe('accepted')
  })

  for (const text of made) {
    const [type = '', base64 = ''] = text.split(' ')
    const blob = Buffer.from(base64, 'base64')

    test(`${type} is exactly its bytes`, () => {
      for (let length = 0; length < blob.length; length++)
        expect(reasonOf(line(type, blob.subarray(0, length)))).not.toBe('accepted')
      expect(reasonOf(line(type, Buffer.concat([blob, Buffer.of(0)])))).toBe('the key is malformed')
    })

    test(`${type} of a website is refused`, () => {
      const website = Buffer.concat([blob.subarray(0, -8), sshString('https://example.com')])
      expect(reasonOf(line(type, website))).toBe(
        'the key was made for another application than SSH: ssh-keygen -t ed25519-sk makes one',
      )
    })

    test(`${type} has no private key that the gateway could use`, () => {
      const secret = Buffer.concat([Buffer.alloc(8), sshString(type)])
      const body = Buffer.concat([
        Buffer.from('openssh-key-v1\0'),
        ...['none', 'none', ''].map(sshString),
        Buffer.from([0, 0, 0, 1]),
        sshString(blob),
        sshString(secret),
      ]).toString('base64')
      const label = 'OPENSSH PRIVATE KEY'
      expect(
        parsePrivateKey(`-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`),
      ).toEqual({
        ok: false,
        reason: 'the key is on a security device (sk-...), which nobody is there to touch',
      })
    })
  }

  test('a point that is not on the curve, a certificate and an unknown type are none', () => {
    const device = makeAuthenticator('sk-ecdsa-sha2-nistp256@openssh.com')
    const changed = Uint8Array.from(device.blob)
    // The last byte of the point: after it, the length and the four letters of the application.
    changed[changed.length - 9] = (changed[changed.length - 9] ?? 0) ^ 1
    expect(reasonOf(line(device.type, changed))).toBe('the ECDSA key is malformed')
    for (const [type, reason] of [
      ['sk-ssh-ed25519-cert-v01@openssh.com', 'a certificate is not a key'],
      ['sk-ssh-ed448@openssh.com', 'unknown key algorithm'],
    ] as const)
      expect(reasonOf(line(type, sshString(type)))).toContain(reason)
  })
})
