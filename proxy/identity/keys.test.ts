/** Which key is whose. */
import { describe, expect, test } from 'bun:test'
import type { Identity } from '../core/identity.ts'
import { createKeyRing } from './keys.ts'

const claim = (text: string): Parameters<ReturnType<typeof createKeyRing>['identify']>[0] => ({
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
const { identify } = createKeyRing([
  owner('ann', 'laptop'),
  owner('ann', 'desktop'),
  owner('bob', 'shared'),
  owner('eve', 'shared'),
  owner('bob', 'shared'),
])

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
      rule: 'identity.unknown_key',
    })
  })
})

describe('keys that change', () => {
  const laptop: Identity = {
    issuer: 'keys',
    subject: 'ann',
    groups: ['dev'],
    method: 'public_key',
    credential: '',
  }
  const known = async (): Promise<{
    ring: ReturnType<typeof createKeyRing>
    identity: Identity
  }> => {
    const ring = createKeyRing([owner('ann', 'laptop'), owner('ann', 'desktop')])
    const identity = await ring.identify(claim('laptop'))
    if ('allowed' in identity) throw new Error(identity.message)
    return { ring, identity }
  }
  test('no longer hold who lost theirs, and still hold the others', async () => {
    const { ring, identity } = await known()
    expect(ring.holds(identity)).toBe(true)
    ring.use([owner('ann', 'desktop')])
    expect(ring.holds(identity)).toBe(false)
    expect(await ring.identify(claim('laptop'))).toMatchObject({ rule: 'identity.unknown_key' })
    expect(await ring.identify(claim('desktop'))).toMatchObject({ subject: 'ann' })
  })
  test('hold nobody who would now be somebody else, be shared, or have less', async () => {
    const { ring, identity } = await known()
    for (const owners of [
      [owner('bob', 'laptop')],
      [owner('ann', 'laptop'), owner('bob', 'laptop')],
      [{ ...owner('ann', 'laptop'), groups: ['other'] }],
    ]) {
      ring.use(owners)
      expect(ring.holds(identity)).toBe(false)
    }
    ring.use([{ ...owner('ann', 'laptop'), groups: ['more', 'dev'] }])
    expect(ring.holds(identity)).toBe(true)
  })
  test('say nothing of who came in by something else', async () => {
    const { ring } = await known()
    expect(ring.holds({ ...laptop, issuer: 'https://idp.example.com' })).toBe(true)
    expect(ring.groups('ann')).toEqual(['dev'])
    expect(ring.groups('eve')).toEqual([])
  })
})
