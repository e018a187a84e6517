/** Responses of a SAML provider: the right one, and those that a provider has signed for somebody or something else. */
import { describe, expect, test } from 'bun:test'
import { inflateRawSync } from 'node:zlib'
import { type About, groupsAttribute, instant } from './fixture.ts'
import { about, acs, asItIs, audience, create, encode, evil, idp, outcome } from './world.ts'

const origin = 'https://gateway.example.com'

describe('a request', () => {
  test('says who asks, where to answer, and has an ID of its own', async () => {
    const { url, request_id } = await create().request()
    expect(url).toStartWith(`${idp.entry_point}?SAMLRequest=`)
    const deflated = new URL(url).searchParams.get('SAMLRequest') ?? ''
    const xml = inflateRawSync(Buffer.from(deflated, 'base64')).toString()
    expect(xml).toContain(` ID="${request_id}"`)
    expect(xml).toContain(`AssertionConsumerServiceURL="${acs}"`)
    expect(xml).toContain(`>${audience}</saml:Issuer>`)
    expect(request_id).toMatch(/^_[\w.]+$/)
    expect((await create().request()).request_id).not.toBe(request_id)
  })

  test('has metadata for the provider to answer it by', async () => {
    const xml = await create().metadata()
    expect(xml).toContain(`entityID="${audience}"`)
    expect(xml).toContain('WantAssertionsSigned="true"')
    expect(xml).toMatch(new RegExp(`AssertionConsumerService[^>]* Location="${acs}"`))
  })
})

describe('a response', () => {
  test('says who it is, in which groups, with all that an auditor needs', async () => {
    const provider = create()
    const ends_ms = Date.now() + 3_600_000
    const statement = `<saml:AuthnStatement AuthnInstant="${instant(Date.now())}" SessionNotOnOrAfter="${instant(ends_ms)}"></saml:AuthnStatement>`
    const said = await about(provider, {
      statement,
      attributes: groupsAttribute('leads', 'all staff'),
    })
    const xml = idp.respond(said)
    const accepted = await provider.accept(encode(xml))
    if (!accepted.ok) throw new Error(`${accepted.code}: ${accepted.reason}`)
    expect(accepted.request_id).toBe(said.request_id)
    expect(accepted.signed_in).toMatchObject({
      identity: {
        issuer: idp.entity_id,
        subject: 'ann',
        groups: ['leads', 'all staff'],
        method: 'saml',
        credential: '_assertion',
        ends_us: ends_ms * 1000,
      },
      roles: ['user', 'approver'],
      proof: { kind: 'saml_response' },
    })
    const text = (name: string): string =>
      new TextDecoder().decode(accepted.signed_in.proof.fields[name])
    expect(text('response')).toBe(xml)
    expect(text('idp_certificates')).toBe(idp.certificate)
  })

  test('is for one time, whichever assertion it has', async () => {
    const provider = create()
    const said = await about(provider)
    const first = encode(idp.respond(said))
    expect(await provider.accept(first)).toMatchObject({ ok: true })
    expect(await provider.accept(first)).toMatchObject({ ok: false, code: 'replayed' })
    const second = encode(idp.respond({ ...said, id: '_other' }))
    expect(await provider.accept(second)).toMatchObject({ ok: false, code: 'replayed' })
  })

  test('that was refused does not use up the right one', async () => {
    const provider = create()
    const said = await about(provider)
    const wrong = encode(evil.respond(said))
    expect(await provider.accept(wrong)).toMatchObject({ code: 'signature' })
    expect(await provider.accept(encode(idp.respond(said)))).toMatchObject({ ok: true })
  })

  test('may come with line breaks, and be signed as a whole too', async () => {
    const provider = create()
    const xml = idp.respond(await about(provider))
    const lines = encode(xml).replace(/.{76}/g, '$&\r\n')
    expect(await provider.accept(lines)).toMatchObject({ ok: true })
  })

  test('of a provider with a new key is believed as soon as it is configured', async () => {
    const both = { idp: { ...idp, certificates: [evil.certificate, idp.certificate] } }
    expect(await outcome(asItIs, {}, both)).toBe('ok ann')
    expect(await outcome(asItIs, {}, { idp: { ...idp, certificates: [evil.certificate] } })).toBe(
      'signature',
    )
  })

  const ends = (ms: number): string => `NotOnOrAfter="${instant(Date.now() + ms)}"`
  const signed: readonly (readonly [string, Partial<About>, string])[] = [
    ['of another issuer', { issuer: 'https://other.example.com' }, 'issuer'],
    ['for another audience', { audience: 'https://other.example.com' }, 'audience'],
    [
      'for another audience too',
      {
        conditions: `<saml:Conditions ${ends(60_000)}><saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction><saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction></saml:Conditions>`,
      },
      'audience',
    ],
    [
      'for every audience',
      { conditions: `<saml:Conditions ${ends(60_000)}></saml:Conditions>` },
      'audience',
    ],
    ['for another recipient', { recipient: 'https://other.example.com/acs' }, 'recipient'],
    [
      'for a recipient of ours that it was not',
      { recipient: `${origin}/saml/other/acs` },
      'recipient',
    ],
    ['for another destination', { destination: 'https://other.example.com/acs' }, 'recipient'],
    ['to another request', { in_response_to: '_x' }, 'in_response_to'],
    ['that is over', { valid: ends(-60_000) }, 'expired'],
    ['whose confirmation is over', { confirmed: `${ends(-60_000)} ` }, 'expired'],
    ['whose confirmation never ends', { confirmed: '' }, 'expired'],
    ['with an end that is no time', { confirmed: 'NotOnOrAfter="never" ' }, 'expired'],
    [
      'that has not begun',
      {
        conditions: `<saml:Conditions NotBefore="${instant(Date.now() + 60_000)}" ${ends(90_000)}><saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>`,
      },
      'expired',
    ],
    [
      'whose session has ended',
      {
        statement: `<saml:AuthnStatement SessionNotOnOrAfter="${instant(Date.now() - 1000)}"></saml:AuthnStatement>`,
      },
      'expired',
    ],
    [
      'that is not for a bearer',
      { method: 'urn:oasis:names:tc:SAML:2.0:cm:holder-of-key' },
      'subject',
    ],
    ['about nobody who signed in', { statement: '' }, 'form'],
    ['about nobody', { name_id: '' }, 'subject'],
    ['about two words', { name_id: 'ann smith' }, 'subject'],
    [
      'about somebody for once',
      { format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' },
      'subject',
    ],
    ['about somebody inside of something', { name_id: '<saml:X>ann</saml:X>' }, 'subject'],
    [
      'with a group that is no text',
      { attributes: groupsAttribute('<saml:X>a</saml:X>') },
      'groups',
    ],
    ['with a group of two lines', { attributes: groupsAttribute('a\nb') }, 'groups'],
    ['signed by SHA-1', { hash: 'sha1' }, 'algorithm'],
  ]
  for (const [name, said, code] of signed)
    test(`${name} is refused, though it is signed`, async () => {
      expect(await outcome(asItIs, said)).toBe(code)
    })

  test('may be late or early by as much as clocks differ', async () => {
    expect(await outcome(asItIs, { valid: ends(-20_000), confirmed: `${ends(-20_000)} ` })).toBe(
      'ok ann',
    )
    expect(await outcome(asItIs, { now_ms: Date.now() + 20_000 })).toBe('ok ann')
  })

  test('names people by an attribute where that is asked for', async () => {
    const attributes = (...values: readonly string[]): string =>
      groupsAttribute('leads').replace(
        '<saml:AttributeStatement>',
        `<saml:AttributeStatement><saml:Attribute Name="uid">${values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join('')}</saml:Attribute>`,
      )
    const by_uid = { subject_attribute: 'uid' }
    const format = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient'
    expect(await outcome(asItIs, { format, attributes: attributes('eve') }, by_uid)).toBe('ok eve')
    expect(await outcome(asItIs, { attributes: attributes('eve', 'max') }, by_uid)).toBe('subject')
    expect(await outcome(asItIs, {}, by_uid)).toBe('subject')
  })
})
