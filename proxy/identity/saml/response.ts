/**
 * What a SAML response must look like before its signature is asked, and what the assertion that was signed must say
 * (SAML 2.0 Profiles, section 4.1.4.3; Core, section 2.5.1). The library verifies; this is stricter than it where
 * attacks on signatures begin: one response, one assertion, no second place where an element could hide.
 *
 * @module
 */
import { clock_tolerance_s } from '../limits.ts'
import { allNamed, childrenNamed, isNamed, namespaces, onlyChild, textOf } from './document.ts'
import type { XmlElement } from './libraries.ts'

/** One word for the log, and a line for the person. */
export interface Refusal {
  readonly code: string
  readonly reason: string
}

/** RFC 9231, section 2; SHA-1 is not among them. */
const algorithms: ReadonlySet<string> = new Set([
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
  'http://www.w3.org/2001/04/xmlenc#sha256',
  'http://www.w3.org/2001/04/xmlenc#sha512',
  // Without comments: with them one could be signed, and read over.
  'http://www.w3.org/2001/10/xml-exc-c14n#',
  'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
  'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
])

/** Whose text is an algorithm of the signature. */
const named_algorithms = ['CanonicalizationMethod', 'SignatureMethod', 'Transform', 'DigestMethod']

/** XML Signature, section 4.1: once each. Of two the one that is verified need not be the one that is read. */
const parts_of_signature = ['SignedInfo', 'SignatureValue', 'Reference', 'DigestValue']

/** Before any signature. Nothing is wrong with its form where it gives nothing. */
export function whyMalformed(root: XmlElement): Refusal | undefined {
  if (!isNamed(root, 'protocol', 'Response')) return refusal('form', 'this is no SAML response')
  if (allNamed(root, 'Response').length > 0) return several
  if (allNamed(root, 'EncryptedAssertion').length > 0)
    return refusal(
      'encrypted',
      'encrypted assertions are not read here: the provider has to send them signed alone',
    )
  const assertions = allNamed(root, 'Assertion')
  const [assertion] = assertions
  // A provider that refuses answers with a status and no assertion.
  if (assertion === undefined) return refusal('status', 'the provider has not signed you in')
  if (assertions.length > 1) return several
  // SAML 2.0 Core, section 3.2.2.2: nobody is signed in by a no, whatever comes with it.
  const status = onlyChild(onlyChild(root, 'protocol', 'Status'), 'protocol', 'StatusCode')
  if (status?.getAttribute('Value') !== 'urn:oasis:names:tc:SAML:2.0:status:Success')
    return refusal('status', 'the provider has not signed you in')
  if (assertion.parentNode !== root || !isNamed(assertion, 'assertion', 'Assertion')) return several
  return whySignatureMalformed(root, assertion) ?? whyIdsRepeat(root)
}

const several = refusal('assertions', 'the response has not exactly one assertion at its place')

function whySignatureMalformed(root: XmlElement, assertion: XmlElement): Refusal | undefined {
  const signatures = allNamed(root, 'Signature')
  for (const signature of signatures) {
    const { parentNode } = signature
    const is_placed = parentNode === root || parentNode === assertion
    if (!is_placed || signature.namespaceURI !== namespaces.signature)
      return refusal('signature', 'the response has a signature where none belongs')
    const is_known = named_algorithms
      .flatMap((name) => allNamed(signature, name))
      .every((each) => algorithms.has(each.getAttribute('Algorithm') ?? ''))
    if (!is_known)
      return refusal(
        'algorithm',
        'the response is signed in a way that is not accepted (RSA with SHA-256 is)',
      )
    if (!parts_of_signature.every((name) => allNamed(signature, name).length === 1))
      return refusal('signature', 'the response has a signature that is not one')
    // What is in it beside the signature itself is not signed.
    if (allNamed(signature, 'Object').length > 0)
      return refusal('signature', 'the response has more in its signature than a signature')
  }
  const own = childrenNamed(assertion, 'signature', 'Signature').length
  if (own === 0) return refusal('unsigned', 'the assertion is not signed')
  if (own > 1 || signatures.length > 2)
    return refusal('signature', 'the response is signed more than once')
  return undefined
}

/** A reference by an ID that two elements have would be one to either. */
function whyIdsRepeat(root: XmlElement): Refusal | undefined {
  const ids = [root, ...allNamed(root, '*')].flatMap((element) =>
    Array.from(element.attributes)
      .filter(({ localName, name }) => /^id$/i.test(localName ?? name))
      .map(({ value }) => value),
  )
  return new Set(ids).size === ids.length
    ? undefined
    : refusal('ids', 'two elements of the response have the same ID')
}

export interface Expected {
  readonly idp_entity_id: string
  readonly audience: string
  readonly recipient: string
  readonly request_id: string
  /** UTC in milliseconds. */
  readonly now_ms: number
}

export interface SaidByAssertion {
  readonly id: string
  readonly name_id: string
  /** Of it (SAML 2.0 Core, section 8.3). */
  readonly name_id_format: string
  /** By name; undefined stands for a value that is no text. */
  readonly attributes: ReadonlyMap<string, readonly (string | undefined)[]>
  /** When the provider says that the session ends, in UTC milliseconds. */
  readonly session_ends_ms: number | undefined
}

/** `assertion`: the element whose signature was verified, and nothing around it. */
export function readAssertion(
  assertion: XmlElement,
  expected: Expected,
): { readonly ok: true; readonly said: SaidByAssertion } | ({ readonly ok: false } & Refusal) {
  const fail = (code: string, reason: string): { ok: false } & Refusal => ({
    ok: false,
    code,
    reason,
  })
  if (textOf(onlyChild(assertion, 'assertion', 'Issuer')) !== expected.idp_entity_id)
    return fail('issuer', 'the assertion is of another provider')
  const subject = onlyChild(assertion, 'assertion', 'Subject')
  const name = onlyChild(subject, 'assertion', 'NameID')
  const name_id = textOf(name)
  if (subject === undefined || name_id === undefined)
    return fail('subject', 'the assertion does not say who you are (NameID)')
  const unconfirmed = whyUnconfirmed(subject, expected)
  if (unconfirmed !== undefined) return fail(unconfirmed.code, unconfirmed.reason)
  const conditions = onlyChild(assertion, 'assertion', 'Conditions')
  if (conditions === undefined) return fail('conditions', 'the assertion has no conditions')
  if (!isInTime(conditions, expected.now_ms))
    return fail('expired', 'the assertion is not valid at this time: do the clocks agree?')
  const restrictions = childrenNamed(conditions, 'assertion', 'AudienceRestriction')
  const is_ours = restrictions.every((each) =>
    childrenNamed(each, 'assertion', 'Audience').some((one) => textOf(one) === expected.audience),
  )
  if (restrictions.length === 0 || !is_ours)
    return fail('audience', 'the assertion is for another service')
  const statement = onlyChild(assertion, 'assertion', 'AuthnStatement')
  if (statement === undefined)
    return fail('form', 'the assertion does not say that you have signed in')
  const ends = statement.getAttribute('SessionNotOnOrAfter') ?? ''
  const session_ends_ms = ends === '' ? undefined : Date.parse(ends)
  if (session_ends_ms !== undefined && !(session_ends_ms > expected.now_ms))
    return fail('expired', 'the session at the provider has ended: sign in again')
  return {
    ok: true,
    said: {
      id: assertion.getAttribute('ID') ?? '',
      name_id,
      name_id_format: name?.getAttribute('Format') ?? '',
      attributes: attributesOf(assertion),
      session_ends_ms,
    },
  }
}

/** SAML 2.0 Profiles, section 4.1.4.2: a bearer, for this address, request and time. */
function whyUnconfirmed(subject: XmlElement, expected: Expected): Refusal | undefined {
  let why: Refusal = refusal('subject', 'the assertion is not for a browser (bearer)')
  for (const confirmation of childrenNamed(subject, 'assertion', 'SubjectConfirmation')) {
    if (confirmation.getAttribute('Method') !== 'urn:oasis:names:tc:SAML:2.0:cm:bearer') continue
    const data = onlyChild(confirmation, 'assertion', 'SubjectConfirmationData')
    if (data?.getAttribute('Recipient') !== expected.recipient)
      why = refusal('recipient', 'the assertion was made for another address than this one')
    else if (data.getAttribute('InResponseTo') !== expected.request_id)
      why = refusal('in_response_to', 'the assertion answers to another sign-in')
    else if (data.getAttribute('NotOnOrAfter') === '' || !isInTime(data, expected.now_ms))
      why = refusal('expired', 'the assertion is not valid at this time: do the clocks agree?')
    else return undefined
  }
  return why
}

/** An end or a beginning that cannot be read is not kept. */
function isInTime(element: XmlElement, now_ms: number): boolean {
  const tolerance_ms = clock_tolerance_s * 1000
  const from = element.getAttribute('NotBefore') ?? ''
  const until = element.getAttribute('NotOnOrAfter') ?? ''
  const is_begun = from === '' || Date.parse(from) <= now_ms + tolerance_ms
  return is_begun && (until === '' || now_ms - tolerance_ms < Date.parse(until))
}

function attributesOf(assertion: XmlElement): SaidByAssertion['attributes'] {
  const found = new Map<string, (string | undefined)[]>()
  for (const statement of childrenNamed(assertion, 'assertion', 'AttributeStatement'))
    for (const attribute of childrenNamed(statement, 'assertion', 'Attribute')) {
      const name = attribute.getAttribute('Name') ?? ''
      const values = childrenNamed(attribute, 'assertion', 'AttributeValue').map(textOf)
      const listed = found.get(name) ?? []
      found.set(name, [...listed, ...values])
    }
  return found
}

function refusal(code: string, reason: string): Refusal {
  return { code, reason }
}
