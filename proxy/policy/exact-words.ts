/**
 * The words of a command line that can mean only one thing to any shell: one simple command, nothing in it that
 * runs, redirects or assigns. What it cannot read with certainty it does not read at all.
 *
 * @module
 */

const words_max = 512
/**
 * Characters that stand for themselves outside of quotes, and those of patterns and of a home directory: what a
 * shell makes of these are operands, whatever they match.
 */
const plain = /[A-Za-z0-9_./,:=+@%^*?[\]~{}!#-]|[^\x00-\x7f]/

/** `command` as it came over the wire; undefined when it is anything but plain words. */
export function exactWords(command: Uint8Array): readonly string[] | undefined {
  let line: string
  try {
    line = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(command)
  } catch {
    return undefined
  }
  const words: string[] = []
  let word: string | undefined
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at)
    if (character === ' ') {
      if (word !== undefined) words.push(word)
      word = undefined
    } else if (character === "'") {
      const end = line.indexOf("'", at + 1)
      if (end < 0) return undefined
      word = (word ?? '') + line.slice(at + 1, end)
      at = end
    } else if (character === '\\') {
      const next = line.charAt(at + 1)
      if (next === '' || next === '\n') return undefined
      word = (word ?? '') + next
      at += 1
    } else if (character === '#' && word === undefined) {
      return undefined
    } else if (plain.test(character)) {
      word = (word ?? '') + character
    } else {
      return undefined
    }
  }
  if (word !== undefined) words.push(word)
  return words.length <= words_max && !(words[0] ?? '').includes('=') ? words : undefined
}
