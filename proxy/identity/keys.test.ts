/** Which key is whose. */
import { describe, expect, test } from 'bun:test'
import { createIdentify } from './keys.ts'

const claim = (text: string): Parameters<ReturnType<typeof createIdentify>>[0] => ({
  kind: 'public_key',
  algorithm: 'ssh-ed25519',
  blob: Buffer.from(text),
})
const owner = (
  subject: string,
  blob: string,
): { subject: string; groups: string[]; key: { blob: Uint8Array } } => ({
  subject,
  groups: ['dev'],
  key: { blob: Buffer.from(blob) },
})
const identify = createIdentify({
  identity: {
    keys: [
      owner('ann', 'laptop'),
      owner('ann', 'desktop'),
      owner('bob', 'shared'),
      owner('eve', 'shared'),
      owner('bob', 'shared'),
    ],
  },
})

describe('a public key', () => {
  test('identifies its owner', async () => {
    expect(await identify(claim('desktop'))).toEqual({
      issuer: 'keys',
      subject: 'ann',
      groups: ['dev'],
      method: 'public_key',
      // printf desktop | sha256sum | xxd -r -p | base64
      credential: `SHA256:${Buffer.from(new Bun.CryptoHasher('sha256').update('desktop').digest()).toString('base64').replace('=', '')}`,
    })
  })
  test('that nobody registered is denied', async () => {
    expect(await identify(claim('other'))).toMatchObject({ rule: 'identity.unknown_key' })
    expect(await identify(claim(''))).toMatchObject({ allowed: false })
  })
  test('that two people registered identifies neither', async () => {
    expect(await identify(claim('shared'))).toMatchObject({ rule: 'identity.shared_key' })
  })
  test('is not a token', async () => {
    expect(await identify({ kind: 'token', jwt: 'laptop' })).toMatchObject({
      rule: 'identity.token',
    })
  })
})
