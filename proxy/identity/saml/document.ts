/**
 * XML as SAML has it, and nothing else: no document type, no entities, no comments, no CDATA. What a signature covers
 * has none of these after canonicalisation, so whoever reads them there reads something that was not signed.
 *
 * @module
 */
import { saml_elements_max } from '../limits.ts'
import { element_node, loadParser, text_node, type XmlElement } from './libraries.ts'

export const namespaces = {
  protocol: 'urn:oasis:names:tc:SAML:2.0:protocol',
  assertion: 'urn:oasis:names:tc:SAML:2.0:assertion',
  metadata: 'urn:oasis:names:tc:SAML:2.0:metadata',
  signature: 'http://www.w3.org/2000/09/xmldsig#',
} as const

export type Namespace = keyof typeof namespaces

/** Undefined for what is none of it. The parser is loaded with the first document. */
export async function parseDocument(
  text: string,
  elements_max: number = saml_elements_max,
): Promise<XmlElement | undefined> {
  // In well-formed XML "<!" and "<?" begin nothing else, and in a value they are escaped.
  if (/<!|[^]<\?/.test(text)) return undefined
  if (text.split('<').length > 2 * elements_max) return undefined
  const { DOMParser } = await loadParser()
  try {
    const parser = new DOMParser({
      // What is only odd to it is too much here.
      errorHandler: (level: string) => {
        throw new Error(level)
      },
    })
    const { documentElement: root } = parser.parseFromString(text, 'text/xml')
    // Text behind it is dropped by the parser, and not by everybody's. No element of that name is within it either.
    const [, end = '', ...more] = text.split(`</${root?.nodeName}`)
    return root !== null && more.length === 0 && /^\s*>\s*$/.test(end) ? root : undefined
  } catch {
    return undefined
  }
}

/** Every element of that name below one, at any depth, in any namespace. */
export const allNamed = (root: XmlElement, name: string): readonly XmlElement[] => [
  ...Array.from(root.getElementsByTagNameNS('*', name)),
]

export function isNamed(element: XmlElement | null, namespace: Namespace, name: string): boolean {
  return element?.localName === name && element.namespaceURI === namespaces[namespace]
}

export function childrenNamed(
  parent: XmlElement,
  namespace: Namespace,
  name: string,
): readonly XmlElement[] {
  const children: XmlElement[] = []
  for (let node = parent.firstChild; node !== null; node = node.nextSibling)
    if (node.nodeType === element_node && isNamed(node as XmlElement, namespace, name))
      children.push(node as XmlElement)
  return children
}

/** The one child of that name; nothing where there is none, or more. */
export function onlyChild(
  parent: XmlElement | undefined,
  namespace: Namespace,
  name: string,
): XmlElement | undefined {
  const [first, second] = parent === undefined ? [] : childrenNamed(parent, namespace, name)
  return second === undefined ? first : undefined
}

/** Text of an element that has nothing but text. */
export function textOf(element: XmlElement | undefined): string | undefined {
  if (element === undefined) return undefined
  for (let node = element.firstChild; node !== null; node = node.nextSibling)
    if (node.nodeType !== text_node) return undefined
  return element.textContent ?? ''
}
