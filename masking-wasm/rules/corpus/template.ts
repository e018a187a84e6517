/**
 * Made-up values from templates, the same for the same seed. A template is text with `«` and `»` around what is
 * secret (all of it when they are missing) and, in braces, what is drawn: a letter for the alphabet and
 * how many, `ghp_{a36}`. `{U}` is a UUID; `{D}`, `{M}` and `{Y}` are a day, a month and two digits of a year; `{}` is
 * nothing, and keeps the heads of keys apart.
 *
 * @module
 */

const lower = 'abcdefghijklmnopqrstuvwxyz'
const upper = lower.toUpperCase()
const digits = '0123456789'
const alphabets: Readonly<Record<string, string>> = {
  a: upper + lower + digits,
  b: `${upper}${lower}${digits}+/`,
  d: digits,
  h: '0123456789abcdef',
  k: '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz',
  l: lower + digits,
  u: `${upper}234567`,
  w: `${upper}${lower}${digits}_-`,
  z: 'qpzry9x8gf2tvdw0s3jn54khce6mua7l',
  A: upper,
  B: upper,
  H: '0123456789ABCDEF',
  L: upper + lower,
  X: upper + digits,
  Z: 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L',
}

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = (seed * 2654435761 + 12345) >>> 0 || 1
  }

  /** 0 to `bound` - 1; xorshift32, which is enough to vary texts. */
  below(bound: number): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    this.#state >>>= 0
    return this.#state % bound
  }

  /** `length` characters of an alphabet of the templates. */
  text(alphabet: string, length: number): string {
    const from = alphabets[alphabet] ?? ''
    let text = ''
    for (let i = 0; i < length; i++) text += from[this.below(from.length)] ?? ''
    return text
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[this.below(list.length)]
    if (picked === undefined) throw new Error('nothing to pick from')
    return picked
  }
}

export interface Planted {
  readonly text: string
  /** Where the secret stands in `text`. */
  readonly start: number
  readonly end: number
}

export function fill(template: string, random: Random): Planted {
  const marked = template.includes('«') ? template : `«${template}»`
  const text = marked.replaceAll(/\{(?:([a-zA-Z])([0-9]*))?\}/g, (whole, kind, length) =>
    drawn(whole, String(kind ?? ''), Number(length ?? 0), random),
  )
  const start = text.indexOf('«')
  const end = text.indexOf('»') - 1
  return { text: text.replace('«', '').replace('»', ''), start, end }
}

function drawn(whole: string, kind: string, length: number, random: Random): string {
  const two = (number: number): string => String(number).padStart(2, '0')
  switch (kind) {
    case '':
      return ''
    case 'D':
      return two(1 + random.below(28))
    case 'M':
      return two(1 + random.below(12))
    case 'Y':
      return two(random.below(100))
    case 'U': {
      const hex = (count: number): string => random.text('h', count)
      return `${hex(8)}-${hex(4)}-4${hex(3)}-${random.pick(['8', '9', 'a', 'b'])}${hex(3)}-${hex(12)}`
    }
    default:
      // `{SSHA}` and its kin are text; a single letter draws one.
      return kind in alphabets ? random.text(kind, length === 0 ? 1 : length) : whole
  }
}
