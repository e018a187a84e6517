/**
 * One SAML identity provider: where a browser is sent to, and who the response is about that it brings back (SAML 2.0
 * Profiles, section 4.1, Web Browser SSO).
 *
 * @module
 */
import { inflateRawSync } from 'node:zlib'
import type { Identity } from '../../core/identity.ts'
import { groupsOf, isPlain, rolesOf } from '../claims.ts'
import type { Vouched } from '../issuers.ts'
import {
  browser_login_s,
  clock_tolerance_s,
  saml_response_characters_max,
  subject_characters_max,
} from '../limits.ts'
import type { Role } from '../token.ts'
import { parseDocument } from './document.ts'
import { loadSaml, type SamlLibrary, type XmlElement } from './libraries.ts'
import type { IdentityProvider } from './metadata.ts'
import type { RequestIds } from './request-id.ts'
import { type Refusal, readAssertion, type SaidByAssertion, whyMalformed } from './response.ts'

export interface SamlSettings {
  readonly name: string
  readonly idp: IdentityProvider
  readonly groups_attribute: string
  /** Of a browser that it signs in to the pages. */
  readonly page_session_s: number
  /** Undefined: the NameID, which must be a lasting one then. */
  readonly subject_attribute: string | undefined
  /** Groups that have a role. Without an entry for `user`, everybody whom the provider signs in has that one. */
  readonly roles: Readonly<Partial<Record<Role, readonly string[]>>>
}

export interface SamlProvider {
  readonly settings: SamlSettings
  /** What the provider has to know of this gateway (SAML 2.0 Metadata, section 2.4.4). */
  metadata(): Promise<string>
  /** Where to send a browser. `request_id`: what its answer has to name. */
  request(): Promise<{ readonly url: string; readonly request_id: string }>
  /** `response`: the form field, in base64; undefined for one that nobody has read. Never rejects. */
  accept(
    response: string | undefined,
  ): Promise<
    | { readonly ok: true; readonly request_id: string; readonly signed_in: Vouched }
    | ({ readonly ok: false } & Refusal)
  >
}

export interface SamlPorts {
  /** Where browsers find the gateway: an origin. It is known once the API listens. */
  readonly origin: () => string
  /** UTC in microseconds. */
  readonly now_us: () => number
  /** Of all providers. */
  readonly request_ids: RequestIds
}

/** Below `/saml/NAME/`. */
export const samlPath = (name: string, part: 'metadata' | 'acs'): string => `/saml/${name}/${part}`

export function createSamlProvider(settings: SamlSettings, ports: SamlPorts): SamlProvider {
  const { name, idp } = settings
  const ids = ports.request_ids
  const own = () => ({
    entity_id: `${ports.origin()}${samlPath(name, 'metadata')}`,
    acs: `${ports.origin()}${samlPath(name, 'acs')}`,
  })
  let library: Promise<SamlLibrary> | undefined
  // Loaded with the first person who signs in: it has its own parser, and most processes need none.
  const load = (): Promise<SamlLibrary> =>
    (library ??= loadSaml({
      issuer: own().entity_id,
      audience: own().entity_id,
      callbackUrl: own().acs,
      entryPoint: idp.entry_point,
      idpCert: [...idp.certificates],
      // Of the response too it would be welcome, but what is read is the assertion.
      wantAssertionsSigned: true,
      wantAuthnResponseSigned: false,
      validateInResponseTo: 'always',
      requestIdExpirationPeriodMs: browser_login_s * 1000,
      acceptedClockSkewMs: clock_tolerance_s * 1000,
      // Whatever the provider names people by, and however it makes sure of them.
      identifierFormat: null,
      disableRequestedAuthnContext: true,
      generateUniqueId: () => ids.make(name),
      cacheProvider: {
        saveAsync: async (_id, value) => ({ value, createdAt: ports.now_us() / 1000 }),
        getAsync: async (id) => {
          const made_us = ids.made(id, name)
          return made_us === undefined ? null : new Date(made_us / 1000).toISOString()
        },
        // Not before all of a response is known to be right.
        removeAsync: async (id) => id,
      },
    }))

  const signedAssertion = async (response: string): Promise<XmlElement | Refusal> => {
    const saml = await load()
    try {
      const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: response })
      const xml = profile?.getAssertionXml?.()
      const assertion = xml === undefined ? undefined : await parseDocument(xml)
      return assertion ?? { code: 'form', reason: 'the response has no assertion' }
    } catch (error) {
      return refusalOf(error)
    }
  }

  return {
    settings,
    metadata: async () => (await load()).generateServiceProviderMetadata(null, null),
    async request() {
      const url = await (await load()).getAuthorizeUrlAsync('', undefined, {})
      return { url, request_id: requestIdOf(url) }
    },
    async accept(response) {
      if (response === undefined || response.length > saml_response_characters_max)
        return failed('too_large', 'the response is larger than any that is expected')
      const xml = decode(response)
      if (xml === undefined) return failed('form', 'this is no SAML response')
      const root = await parseDocument(xml)
      if (root === undefined)
        return failed('xml', 'the response is no XML, or has something in it that belongs in none')
      const malformed = whyMalformed(root)
      if (malformed !== undefined) return { ok: false, ...malformed }
      const request_id = root.getAttribute('InResponseTo') ?? ''
      if (ids.made(request_id, name) === undefined)
        return failed('in_response_to', 'the response answers to no sign-in of this gateway')
      const { entity_id, acs } = own()
      if (!['', acs].includes(root.getAttribute('Destination') ?? ''))
        return failed('recipient', 'the response was made for another address than this one')
      const assertion = await signedAssertion(response)
      if ('code' in assertion) return { ok: false, ...assertion }
      const read = readAssertion(assertion, {
        idp_entity_id: idp.entity_id,
        audience: entity_id,
        recipient: acs,
        request_id,
        now_ms: ports.now_us() / 1000,
      })
      if (!read.ok) return read
      const known = identityOf(settings, read.said)
      if ('code' in known) return { ok: false, ...known }
      const turn = ids.answer(request_id)
      if (turn !== 'first')
        return turn === 'again'
          ? failed('replayed', 'this response was used before: sign in again')
          : failed('full', 'too many people have just signed in: try it again later')
      const text = new TextEncoder()
      const proof = {
        kind: 'saml_response',
        fields: {
          response: text.encode(xml),
          idp_certificates: text.encode(idp.certificates.join('')),
        },
      } as const
      const { identity, roles } = known
      return { ok: true, request_id, signed_in: { identity, roles, proof } }
    },
  }
}

function identityOf(
  settings: SamlSettings,
  said: SaidByAssertion,
): { readonly identity: Identity; readonly roles: readonly Role[] } | Refusal {
  const { name, idp, subject_attribute, groups_attribute } = settings
  const isLasting = !said.name_id_format.endsWith(':transient')
  if (subject_attribute === undefined && !isLasting)
    return {
      code: 'subject',
      reason: `${name} names you anew each time (a transient NameID): its administrator sets subject_attribute`,
    }
  const subjects =
    subject_attribute === undefined ? [said.name_id] : said.attributes.get(subject_attribute)
  const [subject, ...others] = subjects ?? []
  if (others.length > 0 || !isPlain(subject, subject_characters_max) || /\s/.test(subject))
    return {
      code: 'subject',
      reason: `${name} does not say who you are (${subject_attribute ?? 'NameID'})`,
    }
  const groups = groupsOf(said.attributes.get(groups_attribute))
  if (groups === undefined)
    return {
      code: 'groups',
      reason: `${name} does not say your groups in a form that is read here`,
    }
  const { session_ends_ms, id } = said
  return {
    identity: {
      issuer: idp.entity_id,
      subject,
      groups,
      method: 'saml',
      credential: isPlain(id, subject_characters_max) ? id : 'assertion',
      ...(session_ends_ms === undefined ? {} : { ends_us: session_ends_ms * 1000 }),
    },
    roles: rolesOf(settings.roles, groups),
  }
}

/** UTF-8, whatever the text says of itself. */
function decode(response: string): string | undefined {
  if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(response)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(response, 'base64'))
  } catch {
    return undefined
  }
}

/** Of the request in a URL, which the library has made (SAML 2.0 Bindings, section 3.4.4.1). */
function requestIdOf(url: string): string {
  const deflated = Buffer.from(new URL(url).searchParams.get('SAMLRequest') ?? '', 'base64')
  return / ID="([^"]+)"/.exec(inflateRawSync(deflated).toString())?.[1] ?? ''
}

/** By what the library says: its errors have no codes. Nothing of its text goes on, as that repeats the response. */
function refusalOf(error: unknown): Refusal {
  const text = error instanceof Error ? error.message : ''
  if (/signature|digest|reference/i.test(text))
    return { code: 'signature', reason: 'the assertion is not signed by the provider' }
  if (/InResponseTo/.test(text))
    return { code: 'in_response_to', reason: 'the assertion answers to another sign-in' }
  if (/audience/i.test(text))
    return { code: 'audience', reason: 'the assertion is for another service' }
  if (/expired|not yet valid|subject confirmation|valid date/i.test(text))
    return {
      code: 'expired',
      reason: 'the assertion is not valid at this time: do the clocks agree?',
    }
  return { code: 'form', reason: 'the response cannot be read' }
}

function failed(code: string, reason: string): { readonly ok: false } & Refusal {
  return { ok: false, code, reason }
}
