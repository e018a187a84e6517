/**
 * What streams are like where bytes depend on each other: words, times, members of objects. To `places.ts`, which knows how
 * often a byte stands somewhere, `created` is as likely as any seven letters.
 *
 * Nothing that anything is measured on is asked. The words are those of two texts that everybody knows and of the rules themselves, the
 * forms those in which programs write down words and numbers.
 *
 * @module
 */

/** Universal Declaration of Human Rights (United Nations, 1948), articles 1 to 12, shortened. */
const declaration =
  'All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and should act towards one another in a spirit of brotherhood. Everyone is entitled to all the rights and freedoms set forth in this Declaration, without distinction of any kind, such as race, colour, sex, language, religion, political or other opinion, national or social origin, property, birth or other status. Furthermore, no distinction shall be made on the basis of the political, jurisdictional or international status of the country or territory to which a person belongs, whether it be independent, trust, non-self-governing or under any other limitation of sovereignty. Everyone has the right to life, liberty and security of person. No one shall be held in slavery or servitude; slavery and the slave trade shall be prohibited in all their forms. No one shall be subjected to torture or to cruel, inhuman or degrading treatment or punishment. Everyone has the right to recognition everywhere as a person before the law. All are equal before the law and are entitled without any discrimination to equal protection of the law. All are entitled to equal protection against any discrimination in violation of this Declaration and against any incitement to such discrimination. Everyone has the right to an effective remedy by the competent national tribunals for acts violating the fundamental rights granted him by the constitution or by law. No one shall be subjected to arbitrary arrest, detention or exile. Everyone is entitled in full equality to a fair and public hearing by an independent and impartial tribunal, in the determination of his rights and obligations and of any criminal charge against him. Everyone charged with a penal offence has the right to be presumed innocent until proved guilty according to law in a public trial at which he has had all the guarantees necessary for his defence. No one shall be held guilty of any penal offence on account of any act or omission which did not constitute a penal offence, under national or international law, at the time when it was committed. No one shall be subjected to arbitrary interference with his privacy, family, home or correspondence, nor to attacks upon his honour and reputation. '

/** RFC 9110, from the abstract and section 3. */
const semantics =
  'The Hypertext Transfer Protocol (HTTP) is a stateless application-level protocol for distributed, collaborative, hypertext information systems. This document describes the overall architecture of HTTP, establishes common terminology, and defines aspects of the protocol that are shared by all versions. In this definition are core protocol elements, extensibility mechanisms, and the "http" and "https" Uniform Resource Identifier (URI) schemes. HTTP is a client/server protocol that operates over a reliable transport- or session-layer connection. An HTTP "client" is a program that establishes a connection to a server for the purpose of sending one or more HTTP requests. An HTTP "server" is a program that accepts connections in order to service HTTP requests by sending HTTP responses. The terms client and server refer only to the roles that these programs perform for a particular connection. The same program might act as a client on some connections and a server on others. HTTP is a stateless protocol, meaning that each request message\'s semantics can be understood in isolation. A server must not assume that two requests on the same connection are from the same user agent unless the connection is secured and specific to that agent. '

const prose = declaration + semantics

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
