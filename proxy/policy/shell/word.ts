/**
 * What a word of a shell becomes, as far as that is known without running anything: quotes, escapes, braces and
 * variables with a known value (POSIX, XCU 2.2, 2.6; bash for `$'...'` and braces).
 *
 * @module
 */
import type { Node } from './grammar.ts'
import { braces_max } from './limits.ts'
import { unknown, type Word } from './reading.ts'

/**
 * While a word is put together, a quoted character that would be special is kept apart by this offset into the
 * private use area, and a break between fields is one character of it. A line that has such characters is not read.
 */
export const quoted_offset = 0xe000
const field_break = '\ue100'
export const reserved: RegExp = /[\ue000-\ue1ff\ufffc\0]/

/** `undefined` for what is not known. Of a name that is not set: the empty string where nothing can have set it. */
export type ValueOf = (name: string) => string | undefined

/** The fields that a word's node expands to; often one, none where it is empty and not quoted. */
export function expandWord(node: Node, value_of: ValueOf): readonly Word[] {
  const raw = evaluate(node, value_of, false)
  // Without parameters `"$@"` is no word at all, not an empty one.
  if (raw === '' && /^"(\$@|\$\{@\})+"$/.test(node.text)) return []
  const is_quoted = /^["'$]/.test(node.text) && raw === ''
  const fields = raw.split(field_break).filter((field) => field !== '')
  if (fields.length === 0) return is_quoted && hasQuotes(node) ? [{ text: '' }] : []
  return fields.flatMap(expandBraces).map(finish)
}

const hasQuotes = ({ text }: Node): boolean => text.includes('"') || text.includes("'")

/** The text of a word that is not split: what is assigned, or a here-string. */
export function wholeText(node: Node, value_of: ValueOf): string {
  return finish(evaluate(node, value_of, true)).text
}

function evaluate(node: Node, value_of: ValueOf, is_quoted: boolean): string {
  switch (node.type) {
    case 'raw_string':
      return quote(node.text.slice(1, -1))
    case 'ansi_c_string':
      return quote(ansiC(node.text.slice(2, -1)))
    case 'string':
    case 'translated_string':
      return doubleQuoted(node, value_of)
    case 'simple_expansion':
    case 'expansion':
      return expansion(node, value_of, is_quoted)
    case 'command_substitution':
    case 'process_substitution':
    case 'arithmetic_expansion':
      return unknown
    case 'brace_expression':
    // Alone, as the grammar reads it: to a shell it may begin a variable.
    case '$':
      return node.text === '\\$' ? '$' : unknown
    default:
      if (node.children.length === 0)
        return is_quoted ? quote(unescape(node.text)) : unescape(node.text)
      return between(node, (child) => evaluate(child, value_of, is_quoted))
  }
}

/** The children's values, and what stands between them. */
function between(
  { text, start, children }: Pick<Node, 'text' | 'start' | 'children'>,
  value: (child: Node) => string,
  plain: (text: string) => string = unescape,
): string {
  let joined = ''
  let at = 0
  for (const child of children) {
    const offset = child.start - start
    joined += plain(text.slice(at, offset)) + value(child)
    at = offset + child.text.length
  }
  return joined + plain(text.slice(at))
}

function doubleQuoted(node: Node, value_of: ValueOf): string {
  if (node.type === 'translated_string') {
    const inner = node.children.find(({ type }) => type === 'string')
    return inner === undefined ? unknown : doubleQuoted(inner, value_of)
  }
  // Only the first and the last quote are the string's own.
  const parts = node.children.filter(({ type }) => type !== '"')
  const inside = { text: node.text.slice(1, -1), start: node.start + 1, children: parts }
  const inQuotes = (text: string): string =>
    quote(text.replace(/\\([$`"\\\n])/g, (_, c: string) => (c === '\n' ? '' : c)))
  return between(
    inside,
    (child) =>
      child.type === 'string_content' || child.children.length === 0
        ? inQuotes(child.text)
        : evaluate(child, value_of, true),
    inQuotes,
  )
}

function expansion(node: Node, value_of: ValueOf, is_quoted: boolean): string {
  const name = /^\$(?:\{([A-Za-z_]\w*|[@*#?$!0-9-])\}|([A-Za-z_]\w*|[@*#?$!0-9-]))$/.exec(node.text)
  const value = name === null ? undefined : value_of(name[1] ?? name[2] ?? '')
  if (value === undefined) return unknown
  // The home directory stays one inside of quotes.
  if (value === '~') return value
  return is_quoted ? quote(value) : value.replace(/[ \t\n]+/g, field_break)
}

/** Outside of quotes (POSIX, XCU 2.2.1). */
function unescape(text: string): string {
  return text.includes('\\')
    ? text.replace(/\\([\s\S])/g, (_, c: string) => (c === '\n' ? '' : quote(c)))
    : text
}

function quote(text: string): string {
  return text.replace(/[*?[\]{},~]/g, (c) => String.fromCharCode(quoted_offset + c.charCodeAt(0)))
}

/** Bash's manual, "ANSI-C Quoting". */
function ansiC(text: string): string {
  const named: Readonly<Record<string, string>> = {
    a: '\x07',
    b: '\b',
    e: '\x1b',
    E: '\x1b',
    f: '\f',
    n: '\n',
    r: '\r',
    t: '\t',
    v: '\v',
  }
  return text.replace(
    /\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|c([\s\S])|([\s\S]))/g,
    (_, x?: string, u?: string, U?: string, octal?: string, control?: string, other?: string) => {
      const hex = x ?? u ?? U
      const code =
        hex === undefined ? Number.parseInt(octal ?? '', 8) & 0xff : Number.parseInt(hex, 16)
      if (control !== undefined) return String.fromCharCode(control.charCodeAt(0) & 0x1f)
      if (other !== undefined) return named[other] ?? other
      return code <= 0x10ffff && code > 0 ? String.fromCodePoint(code) : unknown
    },
  )
}

/** `a{b,c}d`, not nested beyond what the limit allows. A range is not known. */
function expandBraces(word: string): readonly string[] {
  let words = [word]
  for (let turn = 0; turn < 8; turn++) {
    const next = words.flatMap((each) => {
      const found = /^([\s\S]*?)\{([^{}]*,[^{}]*)\}([\s\S]*)$/.exec(each)
      if (found === null) return [each]
      const [, before = '', list = '', after = ''] = found
      return list.split(',').map((one) => before + one + after)
    })
    if (next.length > braces_max) return [unknown]
    if (next.length === words.length) return words
    words = next
  }
  return [unknown]
}

function finish(word: string): Word {
  // A quoted tilde is a name to a shell. It is read as a home all the same: `sh -c "rm -rf \"$HOME\""`.
  const plain = word.replace(/[\ue000-\ue0ff]/g, (c) =>
    String.fromCharCode(c.charCodeAt(0) - quoted_offset),
  )
  return /[*?[]/.test(word) ? { text: plain, pattern: word } : { text: plain }
}
