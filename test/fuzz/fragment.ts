/**
 * Hostile fragments: the beginning of something that a rule masks, and then what is nearly more of it.
 *
 * @module
 */
import type { Rule } from '../../masking-wasm/rules/rule.ts'
import type { Random } from './random.ts'

/** Of each fragment, at least. */
export const fragment_bytes_min = 64

const glue: readonly [string, ...string[]] = [
  ...(['', ' ', '\n', '-', '.', '/', '=', '"', "'", ':', '@', '0', 'a', 'A', '_', ','] as const),
  ...['\r\n', '\0', '\xff', '\t', '  ', ': ', '="', ' = ', '\\', '{', '}', '%', '+', '\xc3\xa9'],
]
/** Account numbers begin at each word and live for long: nothing costs more. */
const costly: readonly [string, ...string[]] = [
  'GB29 ',
  ...['GB29 GB29 ', 'IT60 X054 GB29 ', 'DE89 3704 GB29 ', 'GB29 NL91 ABNA ', '4 4 4 4 4 4 4 4 4\n'],
]
const alphabets: readonly [string, ...string[]] = [
  '0123456789',
  'abcdefghijklmnopqrstuvwxyz',
  'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  '0123456789abcdef',
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-',
]

/** A character for each byte. */
export class Fragments {
  readonly #random: Random
  readonly #examples: readonly [string, ...string[]]
  readonly #pool: readonly [string, ...string[]]
  #next = 0

  constructor(rules: readonly Rule[], random: Random) {
    this.#random = random
    const examples = rules.flatMap(({ examples: of }) => of.map(plain))
    const [first, ...rest] = examples
    if (first === undefined) throw new Error('no examples')
    this.#examples = [first, ...rest]
    this.#pool = [
      first,
      ...rest,
      ...rules.flatMap(({ counter_examples: of }) => of.map(plain).filter((text) => text !== '')),
    ]
    this.#next = random.below(examples.length)
  }

  /** Begins with a prefix of an example, of each in turn. */
  fragment(): string {
    const random = this.#random
    const example = this.#examples[this.#next++ % this.#examples.length] ?? ''
    // Half of them whole or nearly, since a short beginning seldom comes to an end.
    const least = Math.min(4, example.length)
    const all = random.below(2) === 0
    const length = all
      ? example.length - random.below(3)
      : least + random.below(example.length - least + 1)
    let text = random.pick(glue) + example.slice(0, Math.max(least, length))
    while (text.length < fragment_bytes_min) text += this.#piece() + random.pick(glue)
    return text
  }

  /** Something that begins matches, over and over, until more is under way than the masker follows. */
  flood(): string {
    const random = this.#random
    const example = random.pick(this.#examples)
    const at = random.below(Math.min(example.length, 8))
    const unit =
      random.below(2) === 0
        ? random.pick(costly)
        : example.slice(at, at + 1 + random.below(24)) + random.pick(glue)
    const bytes = 500 + random.below(8500)
    return unit.repeat(Math.ceil(bytes / unit.length))
  }

  #piece(): string {
    const random = this.#random
    const text = random.pick(this.#pool)
    const at = random.below(text.length)
    switch (random.below(11)) {
      case 0:
        return text
      case 1:
        return text.slice(at)
      case 2:
        return text.slice(0, at)
      case 3:
        return text.slice(at, at + 1 + random.below(12))
      case 4:
        return text.slice(0, at) + random.pick(glue) + text.slice(at)
      case 5:
        // Now and then so often that more is under way than is followed.
        return text
          .slice(0, 1 + (at % 6))
          .repeat(1 + random.below(random.below(64) === 0 ? 300 : 12))
      case 6:
        return text.slice(0, at) + random.pick(glue) + text.slice(at + 1)
      case 7: {
        const alphabet = random.pick(alphabets)
        const length = 1 + random.below(40)
        return Array.from({ length }, () => alphabet[random.below(alphabet.length)]).join('')
      }
      case 8:
      case 9: {
        // One digit or letter is another: a check digit is wrong, or right by chance.
        const alphabet = alphabets.find((letters) => letters.includes(text[at] ?? '')) ?? ' '
        return text.slice(0, at) + alphabet[random.below(alphabet.length)] + text.slice(at + 1)
      }
      default:
        return text.slice(0, at) + text.slice(at).toUpperCase()
    }
  }
}

function plain(example: string): string {
  return Buffer.from(example.replaceAll(/[«»]/g, '')).toString('latin1')
}
