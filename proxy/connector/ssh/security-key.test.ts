/**
 * Signatures of FIDO devices: what the device states is what it signed, and nothing else of that form is a signature.
 */
import { describe, expect, test } from 'bun:test'
import {
  type AuthenticatorType,
  makeAuthenticator,
  type Statement,
  sshString,
} from '../../../test/fixture/authenticator.ts'
import { keyType, readKey } from './key.ts'
import {
  isSecuritySignatureValid,
  readSecuritySignature,
  security_key_types,
} from './security-key.ts'

const data = new TextEncoder().encode('what is signed')

for (const type of security_key_types as readonly AuthenticatorType[])
  describe(type, () => {
    const device = makeAuthenticator(type)
    /** As the library hands it over: without the type and the length after it. */
    const bare = (signature: Uint8Array): Uint8Array => signature.subarray(4 + type.length + 4)
    const isValid = (
      signature: Uint8Array,
      { blob = device.blob, signed = data }: { blob?: Uint8Array; signed?: Uint8Array } = {},
    ): boolean => {
      const read = readSecuritySignature(type, signature)
      return read !== undefined && isSecuritySignatureValid(blob, read, signed)
    }
    const signed = bare(device.sign(data))

    test('is a type of key, and its plain reader wants none of it', () => {
      expect(keyType(device.blob)).toBe(type)
      expect(readKey(device.blob)).toBeUndefined()
    })

    test('a signature is valid, whatever the digits of its numbers are', () => {
      for (let i = 0; i < 300; i++) {
        const message = Buffer.from(`message ${i}`)
        expect(isValid(bare(device.sign(message)), { signed: message })).toBe(true)
      }
    })

    test('flags and counter are what the device said', () => {
      const read = readSecuritySignature(
        type,
        bare(device.sign(data, { flags: 0x05, counter: 0x01020304 })),
      )
      expect([...(read?.flags ?? [])]).toEqual([5])
      expect([...(read?.counter ?? [])]).toEqual([1, 2, 3, 4])
    })

    const wrong: Readonly<Record<string, Statement>> = {
      'nobody was there': { flags: 0 },
      'nobody was there, though somebody was verified': { flags: 0x04 },
      'it states a touch that it did not sign': { signed_flags: 0 },
      'it states another counter': { counter: 8, signed_counter: 7 },
      'it signed for another application': { signed_application: 'https://example.com' },
      'it signed for another use of SSH': { signed_application: 'ssh:other' },
    }
    for (const [why, statement] of Object.entries(wrong))
      test(`none when ${why}`, () => {
        expect(isValid(bare(device.sign(data, statement)))).toBe(false)
      })

    test('none over other data, or of another device', () => {
      expect(isValid(signed, { signed: Uint8Array.of(...data, 0) })).toBe(false)
      expect(isValid(bare(makeAuthenticator(type).sign(data)))).toBe(false)
      expect(isValid(signed)).toBe(true)
    })

    test('none that is cut, longer, or changed in any bit', () => {
      for (let length = 0; length < signed.length; length++)
        expect(isValid(signed.subarray(0, length))).toBe(false)
      expect(isValid(Uint8Array.of(...signed, 0))).toBe(false)
      for (let bit = 0; bit < signed.length * 8; bit++) {
        const changed = Uint8Array.from(signed)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(isValid(changed), `bit ${bit}`).toBe(false)
      }
    })

    test('a key is exactly its blob', () => {
      for (let length = 0; length < device.blob.length; length++)
        expect(isValid(signed, { blob: device.blob.subarray(0, length) })).toBe(false)
      expect(isValid(signed, { blob: Uint8Array.of(...device.blob, 0) })).toBe(false)
      const longer = Buffer.concat([device.blob, sshString('ssh:')])
      expect(isValid(signed, { blob: longer })).toBe(false)
    })

    test('a key for a website is none for SSH', () => {
      for (const application of ['https://example.com', '', 'ssh']) {
        const other = makeAuthenticator(type, application)
        expect(isValid(bare(other.sign(data)), { blob: other.blob })).toBe(false)
      }
      const named = makeAuthenticator(type, 'ssh:work')
      expect(isValid(bare(named.sign(data)), { blob: named.blob })).toBe(true)
    })
  })

test('numbers that do not fit are no ECDSA signature', () => {
  const stated = Buffer.from([1, 0, 0, 0, 7])
  const numbers = (r: Uint8Array, s: Uint8Array): Buffer =>
    Buffer.concat([sshString(r), sshString(s), stated])
  const one = Uint8Array.of(1)
  const type = 'sk-ecdsa-sha2-nistp256@openssh.com'
  expect(readSecuritySignature(type, numbers(one, one))).toBeDefined()
  for (const [r, s] of [
    [new Uint8Array(0), one],
    [one, new Uint8Array(0)],
    [new Uint8Array(34), one],
    [one, new Uint8Array(4000)],
  ] as const)
    expect(readSecuritySignature(type, numbers(r, s))).toBeUndefined()
  const three = Buffer.concat([sshString(one), numbers(one, one)])
  expect(readSecuritySignature(type, three)).toBeUndefined()
})
