/**
 * Where a sign-in may lead to.
 *
 * @module
 */
import { return_path_characters_max } from './limits.ts'

/**
 * The path itself where it is one of the gateway's own, and `/` otherwise: what a link says must not lead a person who
 * has just signed in to another site, and neither back to where they came from, for ever.
 */
export function ownPath(text: string): string {
  const is_path = text.length <= return_path_characters_max && /^\/[!-~]*$/.test(text)
  if (!is_path || text.includes('\\')) return '/'
  const origin = 'http://own.invalid'
  const parsed = URL.parse(text, origin)
  if (parsed?.origin !== origin || /^\/(login|logout|saml)(\/|$)/.test(parsed.pathname)) return '/'
  // As the parser has it: "/./" and a second slash are gone before a browser could read them otherwise.
  const path = parsed.pathname.replace(/^\/+/, '/')
  return `${path}${parsed.search}`
}
