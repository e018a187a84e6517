/**
 * For tests: an identity provider that signs whatever it is told to. What it signs is written in canonical form (Exclusive
 * XML Canonicalization 1.0) by hand, so that signatures do not come from the library that verifies them.
 *
 * @module
 */
import { createHash, createSign } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export interface FakeIdp {
  readonly entity_id: string
  readonly entry_point: string
  /** PEM. */
  readonly certificate: string
  readonly metadata: string
  /** The whole response, with a signed assertion in it. */
  respond(about: About): string
  /** An element with the signature of itself in it, after `</saml:Issuer>`. */
  sign(element: string, id: string, hash?: 'sha1' | 'sha256'): string
}

/** What a response says; each part can be another than it should. */
export interface About {
  readonly request_id: string
  readonly acs: string
  readonly audience: string
  /** UTC in milliseconds. */
  readonly now_ms: number
  readonly id?: string
  readonly issuer?: string
  readonly name_id?: string
  readonly format?: string
  readonly method?: string
  readonly recipient?: string
  /** Of the assertion; that of the response is always `request_id`. */
  readonly in_response_to?: string
  readonly destination?: string
  /** Attributes of SubjectConfirmationData and Conditions, instead of an end in five minutes. */
  readonly confirmed?: string
  readonly valid?: string
  /** Whole elements. */
  readonly conditions?: string
  readonly statement?: string
  readonly attributes?: string
  readonly hash?: 'sha1' | 'sha256'
}

const ns = {
  saml: 'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"',
  samlp: 'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"',
  ds: 'xmlns:ds="http://www.w3.org/2000/09/xmldsig#"',
}
const c14n = 'http://www.w3.org/2001/10/xml-exc-c14n#'
const methods = {
  sha1: ['http://www.w3.org/2000/09/xmldsig#rsa-sha1', 'http://www.w3.org/2000/09/xmldsig#sha1'],
  sha256: [
    'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'http://www.w3.org/2001/04/xmlenc#sha256',
  ],
} as const

export const groupsAttribute = (...groups: readonly string[]): string =>
  `<saml:AttributeStatement><saml:Attribute Name="groups">${groups
    .map((group) => `<saml:AttributeValue>${group}</saml:AttributeValue>`)
    .join('')}</saml:Attribute></saml:AttributeStatement>`

export const instant = (ms: number): string => new Date(ms).toISOString()

export function makeIdp(entity_id: string, tmp: string): FakeIdp {
  const dir = mkdtempSync(join(tmp, 'sluice-idp-'))
  const [key_file, cert_file] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
  const made = Bun.spawnSync([
    ...['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=idp'],
    ...['-days', '2', '-keyout', key_file, '-out', cert_file],
  ])
  if (made.exitCode !== 0) throw new Error(made.stderr.toString())
  const key = readFileSync(key_file, 'utf8')
  const certificate = readFileSync(cert_file, 'utf8')
  rmSync(dir, { recursive: true })
  const bare = certificate.replace(/-----[^-]+-----|\s/g, '')
  const entry_point = 'https://idp.example.com/sso'

  const sign: FakeIdp['sign'] = (element, id, hash = 'sha256') => {
    const [signature_method, digest_method] = methods[hash]
    const digest = createHash(hash).update(element).digest('base64')
    const info =
      `<ds:SignedInfo ${ns.ds}><ds:CanonicalizationMethod Algorithm="${c14n}"></ds:CanonicalizationMethod>` +
      `<ds:SignatureMethod Algorithm="${signature_method}"></ds:SignatureMethod>` +
      `<ds:Reference URI="#${id}"><ds:Transforms>` +
      `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform>` +
      `<ds:Transform Algorithm="${c14n}"></ds:Transform></ds:Transforms>` +
      `<ds:DigestMethod Algorithm="${digest_method}"></ds:DigestMethod>` +
      `<ds:DigestValue>${digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>`
    const value = createSign(hash).update(info).sign(key, 'base64')
    const signature =
      `<ds:Signature ${ns.ds}>${info}<ds:SignatureValue>${value}</ds:SignatureValue>` +
      `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${bare}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>`
    return element.replace('</saml:Issuer>', `</saml:Issuer>${signature}`)
  }
  return {
    entity_id,
    entry_point,
    certificate,
    metadata:
      `<?xml version="1.0"?>\n<!-- of an administrator -->\n<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${entity_id}">` +
      `<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing">` +
      `<ds:KeyInfo ${ns.ds}><ds:X509Data><ds:X509Certificate>${bare}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>` +
      `<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.com/post"/>` +
      `<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${entry_point}"/>` +
      `</md:IDPSSODescriptor></md:EntityDescriptor>`,
    sign,
    respond(about) {
      const { request_id, acs, audience, now_ms, id = '_assertion' } = about
      const issuer = about.issuer ?? entity_id
      const until = `NotOnOrAfter="${instant(now_ms + 300_000)}"`
      const format = about.format ?? 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified'
      const conditions =
        about.conditions ??
        `<saml:Conditions NotBefore="${instant(now_ms - 30_000)}" ${about.valid ?? until}>` +
          `<saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>`
      const statement =
        about.statement ??
        `<saml:AuthnStatement AuthnInstant="${instant(now_ms)}"><saml:AuthnContext></saml:AuthnContext></saml:AuthnStatement>`
      const assertion =
        `<saml:Assertion ${ns.saml} ID="${id}" IssueInstant="${instant(now_ms)}" Version="2.0">` +
        `<saml:Issuer>${issuer}</saml:Issuer><saml:Subject><saml:NameID Format="${format}">${about.name_id ?? 'ann'}</saml:NameID>` +
        `<saml:SubjectConfirmation Method="${about.method ?? 'urn:oasis:names:tc:SAML:2.0:cm:bearer'}">` +
        `<saml:SubjectConfirmationData InResponseTo="${about.in_response_to ?? request_id}" ` +
        `${about.confirmed ?? `${until} `}Recipient="${about.recipient ?? acs}"></saml:SubjectConfirmationData>` +
        `</saml:SubjectConfirmation></saml:Subject>${conditions}${statement}${about.attributes ?? groupsAttribute('leads')}</saml:Assertion>`
      return (
        `<samlp:Response ${ns.samlp} ID="_response" Version="2.0" IssueInstant="${instant(now_ms)}" ` +
        `Destination="${about.destination ?? acs}" InResponseTo="${request_id}"><saml:Issuer ${ns.saml}>${issuer}</saml:Issuer>` +
        `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>` +
        `${sign(assertion, id, about.hash)}</samlp:Response>`
      )
    },
  }
}
