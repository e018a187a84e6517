/**
 * The options of a program and the words after them (POSIX, XBD 12.2; long ones as GNU has them).
 *
 * @module
 */
import type { Word } from './reading.ts'

export interface Options {
  /** Letters of short options, names of long ones. */
  readonly names: ReadonlySet<string>
  /** The word of those that take one; the last where there are several. */
  readonly values: ReadonlyMap<string, Word>
  /** From the first word that is no option on. */
  readonly rest: readonly Word[]
}

/** `takes`: letters, `long`: names, of options that take a word. Ends at the first operand. */
export function readOptions(
  words: readonly Word[],
  takes = '',
  long: readonly string[] = [],
): Options {
  const names = new Set<string>()
  const values = new Map<string, Word>()
  let at = 0
  for (; at < words.length; at++) {
    const { text } = words[at] ?? { text: '' }
    if (text === '--') {
      at += 1
      break
    }
    if (!text.startsWith('-') || text === '-') break
    if (text.startsWith('--')) {
      const equals = text.indexOf('=')
      const given = text.slice(2, equals < 0 ? undefined : equals)
      // An abbreviation takes its word as the whole name does.
      const name =
        long.find((each) => each === given) ?? long.find((each) => each.startsWith(given)) ?? given
      names.add(name)
      if (equals >= 0) values.set(name, { text: text.slice(equals + 1) })
      else if (long.includes(name)) values.set(name, words[++at] ?? { text: '' })
      continue
    }
    for (let letter_at = 1; letter_at < text.length; letter_at++) {
      const letter = text.charAt(letter_at)
      // No option is: it is in the word of one that may have one.
      if (letter === '/') break
      names.add(letter)
      if (!takes.includes(letter)) continue
      const own = text.slice(letter_at + 1)
      values.set(letter, own === '' ? (words[++at] ?? { text: '' }) : { text: own })
      break
    }
  }
  return { names, values, rest: words.slice(at) }
}
