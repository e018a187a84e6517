/**
 * Text from outside as text that does nothing: for tables, titles, log lines.
 *
 * @module
 */

// Category C: controls, and the invisible characters that turn text around (U+202E) or hide it.
const active = /[\p{C}\u2028\u2029]/gu
const shown = /[\p{C}\u2028\u2029]/u

/** One line of at most `characters_max`; controls are written as escapes, so that nothing is hidden. */
export function plainText(text: string, characters_max: number): string {
  const long = text.length > characters_max
  const part = long ? text.slice(0, characters_max) : text
  const line = shown.test(part) ? part.replace(active, escaped) : part
  return long ? `${line}...` : line
}

function escaped(character: string): string {
  switch (character) {
    case '\n':
      return '\\n'
    case '\r':
      return '\\r'
    case '\t':
      return '\\t'
    case '\u001b':
      return '\\e'
    default: {
      const code = character.codePointAt(0) ?? 0
      return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
    }
  }
}
