/**
 * Responses of a SAML provider that were changed on their way: each refusal has a word that the operator finds in the log,
 * and the canary is the same response without the change.
 */
import { describe, expect, test } from 'bun:test'
import { about, acs, asItIs, create, encode, evil, idp, outcome, part } from './world.ts'

describe('a response is refused that was changed:', () => {
  const cases: readonly (readonly [string, (xml: string) => string, string])[] = [
    ['another name', (xml) => xml.replace('>ann<', '>eve<'), 'signature'],
    ['another group', (xml) => xml.replace('>leads<', '>admins<'), 'signature'],
    ['no signature', (xml) => xml.replace(part(xml, 'ds:Signature'), ''), 'unsigned'],
    ['an empty signature', (xml) => xml.replace(part(xml, 'ds:SignedInfo'), ''), 'signature'],
    [
      'the signature at the response instead',
      (xml) => {
        const signature = part(xml, 'ds:Signature')
        return xml.replace(signature, '').replace('</saml:Issuer>', `</saml:Issuer>${signature}`)
      },
      'unsigned',
    ],
    ['a second signature', (xml) => xml.replace(part(xml, 'ds:Signature'), '$&$&'), 'signature'],
    [
      'a signature by MAC with the public key',
      (xml) => xml.replace('2001/04/xmldsig-more#rsa-sha256', '2000/09/xmldsig#hmac-sha1'),
      'algorithm',
    ],
    [
      'a transform that throws away what follows',
      (xml) =>
        xml.replace(
          'http://www.w3.org/2001/10/xml-exc-c14n#"></ds:Transform>',
          'http://www.w3.org/TR/1999/REC-xpath-19991116"></ds:Transform>',
        ),
      'algorithm',
    ],
    [
      'canonical with comments',
      (xml) => xml.replaceAll('2001/10/xml-exc-c14n#', '2001/10/xml-exc-c14n#WithComments'),
      'algorithm',
    ],
    ['a comment in the name', (xml) => xml.replace('>ann<', '>a<!---->nn<'), 'xml'],
    ['a name of characters as data', (xml) => xml.replace('>ann<', '><![CDATA[ann]]><'), 'xml'],
    ['an instruction in the name', (xml) => xml.replace('>ann<', '>a<?x?>nn<'), 'xml'],
    [
      'entities that unfold without an end',
      (xml) =>
        `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>${xml.replace('>ann<', '>&b;<')}`,
      'xml',
    ],
    [
      'an entity from a file',
      (xml) =>
        `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>${xml.replace('>ann<', '>&a;<')}`,
      'xml',
    ],
    ['an entity that nobody has declared', (xml) => xml.replace('>ann<', '>&ann;<'), 'xml'],
    ['a megabyte', (xml) => xml.replace('>ann<', `>${'a'.repeat(1024 * 1024)}<`), 'too_large'],
    ['elements without an end', (xml) => xml.replace('>ann<', `>${'<a/>'.repeat(20_000)}<`), 'xml'],
    [
      'elements within elements',
      (xml) => xml.replace('>ann<', `>${'<a>'.repeat(3_000)}${'</a>'.repeat(3_000)}<`),
      'signature',
    ],
    ['half of it', (xml) => xml.slice(0, xml.length / 2), 'xml'],
    [
      'an encrypted assertion beside it',
      (xml) =>
        xml.replace(
          '</samlp:Response>',
          '<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/></samlp:Response>',
        ),
      'encrypted',
    ],
    ['no assertion', (xml) => xml.replace(part(xml, 'saml:Assertion'), ''), 'status'],
    [
      'another namespace',
      (xml) => xml.replace('"urn:oasis:names:tc:SAML:2.0:protocol"', '"urn:x"'),
      'form',
    ],
    [
      'a no, and an assertion with it',
      (xml) => xml.replace('status:Success', 'status:Responder'),
      'status',
    ],
    ['no status', (xml) => xml.replace(part(xml, 'samlp:Status'), ''), 'status'],
    ['text behind it', (xml) => `${xml}text`, 'xml'],
    ['text behind it that ends like it', (xml) => `${xml}text</samlp:Response>`, 'xml'],
    ['white space behind it', (xml) => `${xml.replace(/>$/, ' >')}\n `, 'ok ann'],
    ['another response behind it', (xml) => xml + xml, 'xml'],
    ...['ds:SignatureValue', 'ds:Reference', 'ds:DigestValue', 'ds:SignedInfo'].map(
      (name): readonly [string, (xml: string) => string, string] => [
        `a signature with ${name} twice`,
        (xml) => xml.replace(part(xml, name), (each) => each + each),
        'signature',
      ],
    ),
    ['an assertion alone', (xml) => part(xml, 'saml:Assertion'), 'form'],
    [
      'for another destination',
      (xml) => xml.replace(`Destination="${acs}"`, 'Destination="https://x.example"'),
      'recipient',
    ],
    ['no request', (xml) => xml.replace(/InResponseTo="[^"]*"/, ''), 'in_response_to'],
    [
      'a request of nobody',
      (xml) => xml.replace(/InResponseTo="_/, 'InResponseTo="_0'),
      'in_response_to',
    ],
    [
      'an ID that another element has',
      (xml) => xml.replace('<samlp:Status>', '<samlp:Status ID="_assertion">'),
      'ids',
    ],
    [
      'an ID that another element has in other letters',
      (xml) => xml.replace('<samlp:Status>', '<samlp:Status Id="_assertion">'),
      'ids',
    ],
  ]
  test('canary: unchanged it is not', async () => {
    expect(await outcome(asItIs)).toBe('ok ann')
  })
  for (const [name, change, code] of cases)
    test(name, async () => {
      expect(await outcome(change)).toBe(code)
    })

  test('what is no text in base64', async () => {
    const provider = create()
    for (const response of [
      '',
      'x',
      '<xml/>',
      '*'.repeat(100),
      'gICA',
      encode('text'),
      encode('<a/>'),
    ])
      expect(await provider.accept(response)).toMatchObject({ ok: false })
    const utf16 = Buffer.from(idp.respond(await about(provider)), 'utf16le').toString('base64')
    expect(await provider.accept(utf16)).toMatchObject({ ok: false, code: 'xml' })
  })

  test('signed by somebody who brings a certificate of their own', async () => {
    const provider = create()
    const forged = evil.respond(await about(provider))
    expect(forged).toContain('X509Certificate')
    expect(await provider.accept(encode(forged))).toMatchObject({ code: 'signature' })
  })
})

/** Somlo and others, "On Breaking SAML: Be Whoever You Want to Be" (USENIX Security 2012), section 4: where the signed part may be moved to. */
describe('a signed assertion that is wrapped is refused:', () => {
  const taken = (xml: string) => {
    const original = part(xml, 'saml:Assertion')
    const signature = part(original, 'ds:Signature')
    const bare = original.replace(signature, '')
    const forged = bare.replace('>ann<', '>eve<').replace('_assertion', '_forged')
    const put = (assertion: string): string => xml.replace(original, assertion)
    return { original, signature, bare, forged, put }
  }
  const inside = (assertion: string, more: string): string =>
    assertion.replace('</saml:Issuer>', `</saml:Issuer>${more}`)
  const wrapped: readonly (readonly [string, (xml: string) => string])[] = [
    [
      'the response within the signature of another response',
      (xml) => {
        const { forged, signature } = taken(xml)
        const outer = xml
          .replace(part(xml, 'saml:Assertion'), forged)
          .replace('_response', '_outer')
        return inside(
          outer,
          signature.replace('</ds:Signature>', `<ds:Object>${xml}</ds:Object></ds:Signature>`),
        )
      },
    ],
    [
      "the response before another response's signature",
      (xml) => {
        const { forged, signature } = taken(xml)
        const outer = xml
          .replace(part(xml, 'saml:Assertion'), forged)
          .replace('_response', '_outer')
        return inside(outer, `${xml}${signature}`)
      },
    ],
    [
      'another before it',
      (xml) => {
        const { forged, original, put } = taken(xml)
        return put(`${forged}${original}`)
      },
    ],
    [
      'another after it',
      (xml) => {
        const { forged, original, put } = taken(xml)
        return put(`${original}${forged}`)
      },
    ],
    [
      'it within another',
      (xml) => {
        const { forged, original, put } = taken(xml)
        return put(inside(forged, original))
      },
    ],
    [
      'its signature in another, and it beside',
      (xml) => {
        const { forged, signature, bare, put } = taken(xml)
        return put(`${inside(forged, signature)}${bare}`)
      },
    ],
    [
      'its signature in another, and it within that signature',
      (xml) => {
        const { forged, signature, bare, put } = taken(xml)
        return put(
          inside(
            forged,
            signature.replace('</ds:Signature>', `<ds:Object>${bare}</ds:Object></ds:Signature>`),
          ),
        )
      },
    ],
    [
      'it among extensions',
      (xml) => {
        const { original, forged, signature, put } = taken(xml)
        return put(inside(forged, signature)).replace(
          '<samlp:Status>',
          `<samlp:Extensions>${original}</samlp:Extensions><samlp:Status>`,
        )
      },
    ],
    [
      'another within an object of its signature',
      (xml) => {
        const { original, signature, forged, put } = taken(xml)
        return put(
          original.replace(
            signature,
            signature.replace('</ds:Signature>', `<ds:Object>${forged}</ds:Object></ds:Signature>`),
          ),
        )
      },
    ],
    [
      'another of the same ID',
      (xml) => {
        const { forged, original, put } = taken(xml)
        return put(`${forged.replace('_forged', '_assertion')}${original}`)
      },
    ],
    [
      'another in no namespace',
      (xml) => {
        const { forged, original, put } = taken(xml)
        return put(`${forged.replaceAll('saml:', '').replace('xmlns:saml', 'xmlns')}${original}`)
      },
    ],
    [
      'it twice',
      (xml) => {
        const { original, put } = taken(xml)
        return put(`${original}${original}`)
      },
    ],
  ]
  for (const [name, change] of wrapped)
    test(name, async () => {
      const code = await outcome(change)
      expect(['assertions', 'signature', 'xml']).toContain(code)
    })
})
