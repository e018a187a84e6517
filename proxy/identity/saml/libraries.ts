/**
 * The two packages that know XML: a parser, and what verifies signatures by it. Both are loaded with the first use, and
 * described here as far as they are used, since their own types bring a browser's into every file of this project.
 *
 * @module
 */

/** The part of a DOM node (DOM Level 2 Core) that is read. */
interface XmlNode {
  readonly nodeType: number
  readonly parentNode: XmlNode | null
  readonly nextSibling: XmlNode | null
}

export interface XmlElement extends XmlNode {
  /** With its prefix. */
  readonly nodeName: string
  readonly localName: string | null
  readonly namespaceURI: string | null
  readonly textContent: string | null
  readonly firstChild: XmlNode | null
  readonly attributes: ArrayLike<{
    readonly localName: string | null
    readonly name: string
    readonly value: string
  }>
  /** Empty where there is none. */
  getAttribute(name: string): string
  /** In document order; `*` is any namespace or name. */
  getElementsByTagNameNS(namespace: string, name: string): ArrayLike<XmlElement>
}

/** DOM Level 2 Core, section 1.2, of `nodeType`. */
export const element_node = 1
export const text_node = 3

interface XmlParser {
  DOMParser: new (options: {
    /** Called for whatever it finds wrong; what it throws ends the parsing. */
    errorHandler(level: string): never
  }) => {
    parseFromString(text: string, type: 'text/xml'): { readonly documentElement: XmlElement | null }
  }
}

export interface SamlLibrary {
  /** An address with the request in it. */
  getAuthorizeUrlAsync(relay_state: string, host: undefined, options: object): Promise<string>
  generateServiceProviderMetadata(decryption_cert: null, signing_cert: null): string
  /** Rejects with an `Error` whose message repeats the response. */
  validatePostResponseAsync(form: { readonly SAMLResponse: string }): Promise<{
    /** `getAssertionXml`: the bytes whose signature was verified, canonical. */
    readonly profile: { getAssertionXml?(): string } | null
  }>
}

export interface SamlOptions {
  readonly issuer: string
  readonly audience: string
  readonly callbackUrl: string
  readonly entryPoint: string
  /** PEM. */
  readonly idpCert: string[]
  readonly wantAssertionsSigned: boolean
  readonly wantAuthnResponseSigned: boolean
  readonly validateInResponseTo: 'always'
  readonly requestIdExpirationPeriodMs: number
  readonly acceptedClockSkewMs: number
  readonly identifierFormat: null
  readonly disableRequestedAuthnContext: boolean
  readonly generateUniqueId: () => string
  readonly cacheProvider: {
    saveAsync(id: string, value: string): Promise<{ value: string; createdAt: number }>
    getAsync(id: string): Promise<string | null>
    removeAsync(id: string | null): Promise<string | null>
  }
}

export const loadParser = async (): Promise<XmlParser> =>
  (await import(import.meta.resolve('@xmldom/xmldom'))) as XmlParser

export async function loadSaml(options: SamlOptions): Promise<SamlLibrary> {
  const { SAML } = (await import(import.meta.resolve('@node-saml/node-saml'))) as {
    readonly SAML: new (options: SamlOptions) => SamlLibrary
  }
  return new SAML(options)
}
