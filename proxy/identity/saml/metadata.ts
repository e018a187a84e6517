/**
 * Who a SAML identity provider is: from its metadata (SAML 2.0 Metadata, section 2.4.3), or from what an administrator has
 * copied out of it.
 *
 * @module
 */
import { X509Certificate } from 'node:crypto'
import { isTrusted } from '../bounded-fetch.ts'
import { saml_certificates_max } from '../limits.ts'
import { allNamed, childrenNamed, isNamed, onlyChild, parseDocument, textOf } from './document.ts'

export interface IdentityProvider {
  readonly entity_id: string
  /** Where browsers are sent to, by the HTTP-Redirect binding. HTTPS, or loopback. */
  readonly entry_point: string
  /** PEM, of RSA keys. Their own dates say nothing here: the metadata vouches for the keys. */
  readonly certificates: readonly string[]
}

export type Read =
  | { readonly ok: true; readonly provider: IdentityProvider }
  /** One line without payload. */
  | { readonly ok: false; readonly reason: string }

const redirect_binding = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect'
/** One provider with all its names in all languages. */
const elements_max = 20_000
/** SAML 2.0 Core, section 8.3.6. */
const entity_id_characters_max = 1024
/** 2048 bits have been the least that is accepted for ten years (NIST SP 800-131A). */
const key_bits_min = 2048

/** `xml` is what the provider publishes about itself. */
export async function readIdpMetadata(xml: string): Promise<Read> {
  // It is the administrator's own file, and people write comments into theirs.
  const root = await parseDocument(xml.replace(/<!--[^]*?-->/g, ''), elements_max)
  if (root === undefined) return wrong('this is no XML, or has a document type in it')
  if (!isNamed(root, 'metadata', 'EntityDescriptor'))
    return wrong('expected the metadata of one provider (EntityDescriptor)')
  const role = onlyChild(root, 'metadata', 'IDPSSODescriptor')
  if (role === undefined) return wrong('it describes no identity provider (IDPSSODescriptor)')
  const place = childrenNamed(role, 'metadata', 'SingleSignOnService').find(
    (each) => each.getAttribute('Binding') === redirect_binding,
  )
  if (place === undefined)
    return wrong('it has no SingleSignOnService with the HTTP-Redirect binding')
  const pems = childrenNamed(role, 'metadata', 'KeyDescriptor')
    // Without a use it is for both (SAML 2.0 Metadata, section 2.4.1.1).
    .filter((each) => ['', 'signing'].includes(each.getAttribute('use') ?? ''))
    .flatMap((each) => allNamed(each, 'X509Certificate'))
    .map((each) => pemOf(textOf(each) ?? ''))
  return checkIdp({
    entity_id: root.getAttribute('entityID') ?? '',
    entry_point: place.getAttribute('Location') ?? '',
    certificates: [...new Set(pems)],
  })
}

export function checkIdp(provider: IdentityProvider): Read {
  const { entity_id, entry_point, certificates } = provider
  if (!/^[!-~]+$/.test(entity_id) || entity_id.length > entity_id_characters_max)
    return wrong('the entity ID is missing, or is no URI')
  if (!URL.canParse(entry_point) || !isTrusted(new URL(entry_point)))
    return wrong('the address to sign in at is not https://; http:// is possible on loopback only')
  if (certificates.length === 0) return wrong('there is no certificate of a key that it signs with')
  if (certificates.length > saml_certificates_max)
    return wrong(`there are more than ${saml_certificates_max} certificates`)
  for (const pem of certificates) {
    const reason = whyUnusable(pem)
    if (reason !== undefined) return wrong(reason)
  }
  return { ok: true, provider }
}

function whyUnusable(pem: string): string | undefined {
  try {
    const { publicKey } = new X509Certificate(pem)
    const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0
    // The library that verifies XML signatures knows no others.
    if (publicKey.asymmetricKeyType !== 'rsa') return 'a certificate is not of an RSA key'
    return bits < key_bits_min ? `a key has ${bits} bits: expected ${key_bits_min}` : undefined
  } catch {
    return 'a certificate cannot be read'
  }
}

const pemOf = (base64: string): string => {
  const lines = base64.replace(/\s+/g, '').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

const wrong = (reason: string): Read => ({ ok: false, reason })
