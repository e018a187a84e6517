/**
 * What a shell runs in a line and the tree of the grammar does not show: substitutions that the grammar takes for text, and
 * quoted ones that a shell evaluates once more, as in a subscript (bash's manual, "Shell Arithmetic" and "Arrays").
 *
 * @module
 */
import type { Node } from './grammar.ts'

/** A substitution that no backslash quotes. */
const begins = /(?:^|[^\\])(?:\\\\)*(?:`|\$[([{])/
const texts: ReadonlySet<string> = new Set(
  'word heredoc_body heredoc_content string_content regex extglob_pattern'.split(' '),
)

/** What evaluates a text that was quoted. */
const again =
  /\[\[|\(\(|\$\[|\[ -v|\$\{!|\$\{\w+:|\b(?:let|test|declare|typeset|local|export|readonly|read|printf|mapfile|readarray|unset|getopts|wait)\b/
/** Of a prompt, and of a name for another variable. */
const others = /@P\}|\b(?:declare|typeset|local)\s+(?:-\w+\s+)*-\w*n/
const prompts = /\bPS[0-4]\+?=/

/** `text` is the whole line. */
export function hasUnseen(root: Node, text: string): boolean {
  if (others.test(text)) return true
  if (!/[`$]|<</.test(text)) return false
  if (prompts.test(text) && /`|\$\\?[([{]/.test(text)) return true
  const is_evaluated = again.test(text)
  const look = (node: Node): boolean => {
    const { type, children } = node
    if (type === 'heredoc_redirect') {
      if (isQuoted(node))
        return children.some((child) => child.type !== 'heredoc_body' && look(child))
      if (endsElsewhere(node)) return true
    }
    // Of the literals of an array that is quoted as a whole every one.
    if (type === 'declaration_command' && children.some(isLiteralWithBegin)) return true
    if (children.length > 0) return children.some(look)
    if (texts.has(type) && begins.test(node.text)) return true
    const is_literal = texts.has(type) || type === 'raw_string' || type === 'ansi_c_string'
    if (!is_evaluated || !is_literal) return false
    // Written by its number.
    if (type === 'ansi_c_string' && /\\[xuU0-7]/.test(node.text)) return node.text.includes('[')
    return hasInSubscript(node.text)
  }
  return look(root)
}

/** Nothing is substituted in such a here-document. */
const isQuoted = ({ children }: Node): boolean =>
  children.some(({ type, text }) => type === 'heredoc_start' && /['"\\]/.test(text))

/** A shell joins lines behind a backslash before it looks for the end of a here-document. */
function endsElsewhere({ text, start, children }: Node): boolean {
  // A word of a line behind its own is in its body.
  const line_end = text.includes('\n') ? start + text.indexOf('\n') : Number.POSITIVE_INFINITY
  if (children.some((child) => !child.type.startsWith('heredoc_') && child.start > line_end))
    return true
  const body = children.find(({ type }) => type === 'heredoc_body')?.text ?? ''
  const end = children.find(({ type }) => type === 'heredoc_end')?.text.trim() ?? ''
  if (/(?:^|[^\\])(?:\\\\)*\\\n\t*$/.test(body)) return true
  const joined = body.replace(/((?:^|[^\\])(?:\\\\)*)\\\n/g, '$1')
  return joined !== body && joined.split('\n').some((line) => line.replace(/^\t+/, '') === end)
}

const isLiteralWithBegin = ({ type, text }: Node): boolean =>
  (type === 'raw_string' || type === 'ansi_c_string') && begins.test(text)

/** Behind a bracket that is not closed; a backslash keeps nothing from being evaluated later. */
function hasInSubscript(text: string): boolean {
  let is_inside = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === '[') is_inside = true
    else if (character === ']') is_inside = false
    else if (is_inside && (character === '`' || /^\$\\?[({]/.test(text.slice(at, at + 3))))
      return true
  }
  return false
}
