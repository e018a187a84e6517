/** What is read of a provider's metadata, and what is wrong with it. */
import { describe, expect, test } from 'bun:test'
import { readIdpMetadata } from './metadata.ts'
import { idp } from './world.ts'

describe("a provider's metadata", () => {
  test('says who it is, where to go, and by which keys it signs', async () => {
    expect(await readIdpMetadata(idp.metadata)).toEqual({
      ok: true,
      provider: {
        entity_id: idp.entity_id,
        entry_point: idp.entry_point,
        certificates: [idp.certificate],
      },
    })
  })
  const cases: readonly (readonly [string, (xml: string) => string, string])[] = [
    ['is none', () => 'entityID: x', 'no XML'],
    ['has a document type', (xml) => xml.replace('?>', '?><!DOCTYPE x>'), 'no XML'],
    [
      'is of many providers',
      (xml) =>
        `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">${xml.replace(/<\?.*\?>\s*<!--.*-->/, '')}</md:EntitiesDescriptor>`,
      'of one provider',
    ],
    [
      'is of a service',
      (xml) => xml.replaceAll('IDPSSODescriptor', 'SPSSODescriptor'),
      'no identity provider',
    ],
    [
      'has no way to get there',
      (xml) => xml.replace('bindings:HTTP-Redirect', 'bindings:SOAP'),
      'HTTP-Redirect',
    ],
    [
      'leads into the clear',
      (xml) => xml.replace(idp.entry_point, 'http://idp.example.com/'),
      'not https',
    ],
    ['has no key', (xml) => xml.replace('use="signing"', 'use="encryption"'), 'no certificate'],
    [
      'has a certificate that is none',
      (xml) => xml.replace(/Certificate>MII/, 'Certificate>AAA'),
      'cannot be read',
    ],
    ['has no name', (xml) => xml.replace(/entityID="[^"]*"/, ''), 'entity ID'],
  ]
  for (const [name, change, reason] of cases)
    test(`that ${name} is refused`, async () => {
      const read = await readIdpMetadata(change(idp.metadata))
      expect(read).toMatchObject({ ok: false, reason: expect.stringContaining(reason) })
    })
})
