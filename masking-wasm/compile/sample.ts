/**
 * What streams are like where bytes depend on each other: words, times, members of objects. To `places.ts`, which knows how
 * often a byte stands somewhere, `created` is as likely as any seven letters.
 *
 * Nothing that anything is measured on is asked. The words are those of two texts that were written for this and of the rules themselves, the
 * forms those in which programs write down words and numbers.
 *
 * @module
 */

/** A day in a small town. */
const told =
  'The market opens before the sun is over the roofs, and whoever wants bread of the first oven has to be there while the streets are still wet. Nobody hurries. An old woman puts her basket on the step, counts the coins in her hand twice, and asks whether the winter was as hard in the villages up the river as it was in town. The baker says that it was harder, since the road had been closed for three weeks, and that his brother had to carry flour on his back across the bridge. People nod, because all of them have heard it before, and each of them tells it again to somebody at home. Later, when the children are at school, the square belongs to those who have time: they sit under the trees, read what is left of the newspaper, and speak about the price of wood, the new doctor, and the house at the corner, which has been for sale since last summer and which no one dares to buy. At noon the bell rings, the shops close their doors, and for an hour there is nothing to hear but water, a dog, and somewhere a radio with the weather for the coast. In the evening there is music behind one of the windows. Some say that the player was famous once, in another country and under another name; others believe that he only practises, as everyone should, until it sounds as if it were easy. '

/** What a service should be. */
const advised =
  'A service that runs on many machines fails in more ways than one that runs on a single machine, so the first thing to write down is what it must never do. The second is how anybody would notice that it did. Start with the request: who sent it, which version of the interface it expects, how long the caller is prepared to wait, and whether it is safe to send it again when no answer comes. Keep the state in one place, give every change a number, and let readers ask for the newest number that they have not seen. A queue between two parts hides a slow part for as long as there is memory, and then it hides nothing; put a limit on its length, and say in the error what the limit was. Measure the time of each step at the median and at the far end, since an average is the one figure that no user ever meets. When the disk is full, the network is gone, or the clock has jumped, the program should stop taking work, report the condition once, and continue by itself as soon as it is over. Test that by filling a disk, by cutting a cable, and by setting a clock, not by a function that pretends to. Backups which nobody restored are files of an unknown kind. '

const prose = told + advised

/** Of each text. */
export const sample_bytes = 4096

/**
 * Texts of {@link sample_bytes} each, the same for the same words. `own`: words that rules begin with, as they are words that stand in text
 * also where nothing follows that a rule needs.
 */
export function sampleTexts(own: readonly string[]): readonly Uint8Array[] {
  const draw = new Draw()
  const with_own = own.length > 0 ? [() => draw.from(own) + draw.from(endings)] : []
  const forms = [() => prose, ...with_own, ...Object.values(formsOf(draw))]
  const encoder = new TextEncoder()
  return forms.map((form) => {
    let text = ''
    while (text.length < sample_bytes) text += form()
    return encoder.encode(text.slice(0, sample_bytes))
  })
}

/** What follows a word that is no rule's beginning. */
const endings = [' ', 's ', 'ed":', ', ', '_id=', '(', '.', ': ', '":"', ' the ', '/', 'd ']

class Draw {
  readonly #words: readonly string[] = prose.toLowerCase().match(/[a-z]+/g) ?? []
  #state = 1

  /** 0 to `bound` - 1; xorshift32, which is enough to vary texts. */
  below(bound: number): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % bound
  }

  from(list: readonly string[]): string {
    return list[this.below(list.length)] ?? ''
  }

  one(of: readonly (() => string)[]): string {
    return of[this.below(of.length)]?.() ?? ''
  }

  get word(): string {
    return this.from(this.#words)
  }

  get capital(): string {
    const { word } = this
    return word.charAt(0).toUpperCase() + word.slice(1)
  }

  of(alphabet: string, length: number): string {
    let text = ''
    for (let i = 0; i < length; i++) text += alphabet.charAt(this.below(alphabet.length))
    return text
  }

  /** One to `most` digits. */
  digits(most: number): string {
    return this.of('0123456789', 1 + this.below(most))
  }

  /** Of some year between 2001 and 2028. */
  get time(): Date {
    return new Date(1e12 + this.below(2 ** 32) * 200 + this.below(1000))
  }
}

const hexadecimal = '0123456789abcdef'
const alphanumeric = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

function formsOf(d: Draw): Readonly<Record<string, () => string>> {
  return {
    times: () => timeText(d.time, d) + d.from([' ', '\n', ' ', '"']),
    log: () =>
      `${d.time.toISOString()} ${d.from(['INFO', 'WARN', 'ERROR', 'DEBUG'])} ${d.word} ${d.word}=${d.digits(5)} ${d.word}=${d.word} ${d.word}: ${d.word} ${d.word} ${d.word}\n`,
    numbers: () =>
      d.word +
      d.from(['=', ': ', ' ', '":']) +
      d.one([
        () => d.digits(12),
        () => d.digits(6),
        () => `${d.digits(5)}.${d.digits(4)}`,
        () => `${d.digits(3)},${d.digits(3)}`,
      ]) +
      d.from([' ', '\n', ', ', ';']),
    objects: () =>
      `{"${d.word}":${d.digits(7)},"${d.word}":"${d.word}","${d.word}":{"${d.word}":[${d.digits(3)}],"${d.word}":${d.one([() => 'true', () => 'null', () => `"${d.time.toISOString()}"`])}}}\n`,
    members: () =>
      `  "${d.word}": "${d.word} ${d.digits(4)}",\n  "${d.word}_${d.word}": ${d.digits(5)},\n`,
    source: () =>
      d.one([
        () => `  const ${d.word} = await this.${d.word}.${d.word}(${d.word}, ${d.digits(3)})\n`,
        () =>
          `    if (${d.word}.${d.word} !== ${d.word}) return ${d.word}${d.capital}(${d.word})\n`,
        () =>
          `export function ${d.word}${d.capital}(${d.word}: ${d.capital}, ${d.word}: string): ${d.capital} {\n`,
        () => `import { ${d.word}, ${d.word} } from '../${d.word}/${d.word}.ts'\n`,
        () =>
          `def ${d.word}_${d.word}(self, ${d.word}=None):\n    self.${d.word} = ${d.word}[${d.digits(2)}]\n`,
        () => `  /* The ${d.word} ${d.word} of ${d.word}, in ${d.word}. */\n`,
        () => `#define ${d.word.toUpperCase()}_${d.word.toUpperCase()} 0x${d.of(hexadecimal, 4)}\n`,
      ]),
    places: () =>
      d.one([
        () =>
          `${d.digits(3)}.${d.digits(3)}.${d.digits(3)}.${d.digits(3)}${d.from([' ', ':80 ', '\n'])}`,
        () =>
          `GET /${d.word}/${d.word}/${d.digits(5)}?${d.word}=${d.digits(3)}&${d.word}=${d.word} HTTP/1.1" 200 ${d.digits(5)}\n`,
        () => `https://www.${d.word}.org/${d.word}-${d.word}/${d.word}.html\n`,
        () => `/usr/lib/${d.word}/${d.word}.so.${d.digits(1)} `,
      ]),
    identifiers: () =>
      d.one([
        () => `${d.of(hexadecimal, 40)} ${d.word}\n`,
        () =>
          `${d.of(hexadecimal, 8)}-${d.of(hexadecimal, 4)}-4${d.of(hexadecimal, 3)}-a${d.of(hexadecimal, 3)}-${d.of(hexadecimal, 12)}\n`,
        () => `${d.word}-${d.of(hexadecimal, 10)}-${d.of('bcdfghjklmnpqrstvwxz2456789', 5)} `,
        () => `${d.word.toUpperCase()}-${d.digits(4)} `,
        () => `v${d.digits(2)}.${d.digits(2)}.${d.digits(2)} `,
      ]),
    base64: () => `${d.of(`${alphanumeric}+/`, 76)}\n`,
    digests: () => `${d.of(hexadecimal, 64)}\n`,
  }
}

/** As programs write times: ISO 8601, RFC 9110, syslog, the common log format, seconds. */
function timeText(time: Date, d: Draw): string {
  const iso = time.toISOString()
  const [date, clock] = [iso.slice(0, 10), iso.slice(11, 19)]
  return d.one([
    () => iso,
    () => `${date} ${clock}`,
    () => `${date}T${clock}Z`,
    () => time.toUTCString(),
    () => `${date} ${clock},${iso.slice(20, 23)}`,
    () => `[${iso.slice(8, 10)}/Mar/${iso.slice(0, 4)}:${clock} +0000]`,
    () => `Mar ${iso.slice(8, 10)} ${clock}`,
    () => `${time.getTime()}`,
    () => `${Math.floor(time.getTime() / 1000)}`,
  ])
}
