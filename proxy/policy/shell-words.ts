/**
 * The simple commands of a shell line and their words, as far as they can be read without running it
 * (POSIX, XCU 2.2 and 2.9). Only ever used to make a decision stricter: what a shell would expand is
 * left as it stands.
 *
 * @module
 */

/** Commands in one line that are looked at; a longer script is a program, not a transfer. */
const commands_max = 64
const words_max = 512

/** Each simple command of the line as its words, quotes and backslashes taken away. */
export function simpleCommands(line: string): readonly (readonly string[])[] {
  const commands: string[][] = []
  let words: string[] = []
  let word: string | undefined
  const endWord = (): void => {
    if (word !== undefined && words.length < words_max) words.push(word)
    word = undefined
  }
  const endCommand = (): void => {
    endWord()
    if (words.length > 0 && commands.length < commands_max) commands.push(words)
    words = []
  }
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at)
    switch (character) {
      case "'": {
        const end = line.indexOf("'", at + 1)
        word = (word ?? '') + line.slice(at + 1, end < 0 ? undefined : end)
        at = end < 0 ? line.length : end
        break
      }
      case '"': {
        const quoted = doubleQuoted(line, at + 1)
        word = (word ?? '') + quoted.text
        at = quoted.end
        break
      }
      case '\\':
        at++
        // A backslash before a newline is nothing at all.
        if (line.charAt(at) !== '\n') word = (word ?? '') + line.charAt(at)
        break
      case ' ':
      case '\t':
        endWord()
        break
      case '\n':
      case ';':
      case '&':
      case '|':
      case '(':
      case ')':
      case '{':
      case '}':
      case '`':
        endCommand()
        break
      default:
        word = (word ?? '') + character
    }
  }
  endCommand()
  return commands
}

/** Text up to the closing quote, whose place is `end`. */
function doubleQuoted(line: string, from: number): { readonly text: string; readonly end: number } {
  let text = ''
  for (let at = from; at < line.length; at++) {
    const character = line.charAt(at)
    if (character === '"') return { text, end: at }
    const next = line.charAt(at + 1)
    if (character === '\\' && '"\\$`\n'.includes(next) && next !== '') {
      if (next !== '\n') text += next
      at++
    } else {
      text += character
    }
  }
  return { text, end: line.length }
}
