/**
 * Known secrets: masked in each form in which the usual encoders write them, wherever they stand and however the
 * stream is cut. The encoders are those of the runtime, or written here once more.
 */
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { rounds } from '../../test/fixture/require.ts'
import type { Compiled } from '../compile/compile.ts'
import { rulesetOf } from '../compile/prepared.ts'
import { default_packs, rulesOf } from '../rules/index.ts'
import { type KnownSecret, known_bytes_min, known_label } from '../rules/known.ts'
import { type FlushEvent, MaskingEngine } from './engine.ts'
import { feed } from './fixture.ts'

/** Each value is compiled anew, on a machine that may have other work. */
setDefaultTimeout(60_000)

const listed = (text: string): KnownSecret => ({ text, held_by: 'targets' })
const own = (text: string): KnownSecret => ({ text, held_by: 'gateway' })

function engineOf(known: readonly KnownSecret[], rules = rulesOf([])): MaskingEngine {
  const compiled = rulesetOf(rules, known)
  if (!compiled.ok) throw new Error(`${compiled.rule}: ${compiled.reason}`)
  return MaskingEngine.load(compiled.ruleset)
}

/** What an encoder writes of the whole of `before`, `value` and `after`, and where in it the value's part is. */
interface Encoded {
  readonly bytes: Uint8Array
  /** All of it must be masked. */
  readonly from: number
  readonly to: number
}

type Encoder = (before: string, value: string, after: string) => Encoded

const utf8 = (text: string): Buffer => Buffer.from(text)

/** An encoder that writes each part by itself. */
const partwise =
  (encode: (text: string) => string): Encoder =>
  (before, value, after) => {
    const from = utf8(encode(before)).length
    const bytes = utf8(encode(before) + encode(value) + encode(after))
    return { bytes, from, to: from + utf8(encode(value)).length }
  }

/** The characters of which all six bits are the value's. */
const base64 =
  (variant: 'base64' | 'base64url'): Encoder =>
  (before, value, after) => {
    const from = utf8(before).length * 8
    const to = from + utf8(value).length * 8
    const bytes = utf8(utf8(before + value + after).toString(variant))
    return { bytes, from: Math.ceil(from / 6), to: Math.floor(to / 6) }
  }

const percent = (keep: RegExp, upper: boolean): ((text: string) => string) => {
  const escape = (byte: number): string => {
    const digits = byte.toString(16).padStart(2, '0')
    return `%${upper ? digits.toUpperCase() : digits}`
  }
  return (text) =>
    [...text]
      .map((character) =>
        keep.test(character) ? character : [...utf8(character)].map(escape).join(''),
      )
      .join('')
}

/** `JSON.stringify` without its quotes. */
const json = (text: string): string => JSON.stringify(text).slice(1, -1)
const beyond_ascii = (text: string, upper: boolean): string =>
  text.replaceAll(/[^\0-\x7f]/g, (unit) => {
    const digits = unit.charCodeAt(0).toString(16).padStart(4, '0')
    return `\\u${upper ? digits.toUpperCase() : digits}`
  })

const encoders: Readonly<Record<string, Encoder>> = {
  'as it is': partwise((text) => text),
  base64: base64('base64'),
  base64url: base64('base64url'),
  hex: partwise((text) => utf8(text).toString('hex')),
  'HEX ': partwise((text) => utf8(text).toString('hex').toUpperCase()),
  encodeURIComponent: partwise(encodeURIComponent),
  encodeURI: partwise(encodeURI),
  'a form, by URLSearchParams': partwise((text) =>
    new URLSearchParams([['', text]]).toString().slice(1),
  ),
  "Python's quote": partwise(percent(/^[A-Za-z0-9_.~/-]$/, true)),
  "Python's quote_plus": partwise((text) =>
    percent(/^[A-Za-z0-9_.~ -]$/, true)(text).replaceAll(' ', '+'),
  ),
  'percent, lower case': partwise(percent(/^[A-Za-z0-9_.~-]$/, false)),
  'JSON.stringify': partwise(json),
  "Python's json.dumps": partwise((text) => beyond_ascii(json(text), false)),
  'JSON, upper case': partwise((text) => beyond_ascii(json(text), true)),
  "PHP's json_encode": partwise((text) => beyond_ascii(json(text), false).replaceAll('/', '\\/')),
  "Go's encoding/json": partwise((text) =>
    json(text).replaceAll(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`),
  ),
}

const stars = (length: number): string => '*'.repeat(length)

const hostile: readonly string[] = [
  'correct horse battery staple',
  '^(a+)+$|[^x]*\\d{3,}?.\\b(?!y)',
  '"quoted" \\back\\ /slash/ <tag>&amp;',
  'пароль-密码-🔑-é',
  '%41%2B%20+++&=?#[]',
  'aaaaaaaaaaaaaaaa',
  '\\u0041\\n\\\\"',
  'tab\there',
  '123456',
  '========',
]

describe('every encoder, every alignment', () => {
  const engine = engineOf(hostile.map(listed))
  for (const [name, encode] of Object.entries(encoders))
    test(name, () => {
      for (const value of hostile)
        for (const before of ['', '.', '..', '...', 'é"/ '])
          for (const after of ['', '.', '..', '; more']) {
            const { bytes, from, to } = encode(before, value, after)
            const fed = feed(engine, bytes)
            expect(fed.text.slice(from, to), `${name}: ${value}`).toBe(stars(to - from))
            expect(new Set(fed.spans.map((span) => span.split(':')[1]))).toEqual(
              new Set([known_label]),
            )
          }
    })

  test('of base64 at most two bits at the beginning are seen', () => {
    for (const value of hostile)
      for (const [before, hidden_from] of [
        ['', 0],
        ['.', 1],
        ['..', 3],
      ] as const) {
        const text = utf8(`${before}${value}...`).toString('base64')
        const { text: shown } = feed(engine, utf8(text))
        const to = Math.ceil(((before.length + utf8(value).length) * 8) / 6)
        expect(shown).toBe(text.slice(0, hidden_from) + stars(to - hidden_from) + text.slice(to))
      }
  })

  test('what is nearly one is shown', () => {
    for (const text of ['correct horse battery stapl', 'Correct horse battery staple', '12345'])
      expect(feed(engine, utf8(text)).text).toBe(text)
  })
})

const surroundings = fc.string({ unit: 'grapheme', maxLength: 30 })
/** Of 8 to 40 bytes, of plain characters or of any. */
const value = fc
  .oneof(
    fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 40 }),
    fc.string({ unit: 'grapheme', minLength: 4, maxLength: 40 }),
    fc.stringMatching(/^[A-Za-z0-9+/=_-]{8,40}$/),
  )
  .filter((text) => utf8(text).length >= 8 && utf8(text).length <= 40)
  .filter((text) => text === Buffer.from(text).toString())

describe('a value made up', () => {
  test('is masked in any form, anywhere, however the stream is cut, with and without the filter', () => {
    fc.assert(
      fc.property(
        value,
        fc.constantFrom<KnownSecret['held_by']>('targets', 'gateway'),
        fc.array(
          fc.tuple(fc.constantFrom(...Object.values(encoders)), surroundings, surroundings),
          { minLength: 8, maxLength: 8 },
        ),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        (text, held_by, embeddings, sizes) => {
          const engine = engineOf([{ text, held_by }])
          const plain = engineOf([{ text, held_by }])
          plain.useFilter(false)
          for (const [encode, before, after] of embeddings) {
            const { bytes, from, to } = encode(before, text, after)
            let index = 0
            const cut = feed(engine, bytes, () => sizes[index++ % sizes.length] ?? 1)
            expect(cut.text.slice(from, to)).toBe(stars(to - from))
            expect(feed(engine, bytes)).toEqual(cut)
            expect(feed(plain, bytes)).toEqual(cut)
          }
        },
      ),
      { numRuns: rounds(40) },
    )
  })

  test('is not shown by flushes at any places, and the stream is the same in every split', () => {
    const of_text = Object.entries(encoders).filter(([name]) => !/base64|hex/i.test(name))
    fc.assert(
      fc.property(
        value,
        fc.array(fc.tuple(fc.constantFrom(...of_text), surroundings, surroundings), {
          minLength: 6,
          maxLength: 6,
        }),
        fc.uniqueArray(fc.nat(300), { minLength: 1, maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        (text, embeddings, places, sizes) => {
          const engine = engineOf([listed(text)])
          for (const [[, encode], before, after] of embeddings) {
            const { bytes, from, to } = encode(before, text, after)
            const flushes = new Map(
              places.filter((at) => at <= bytes.length).map((at) => [at, 'idle'] as const),
            )
            let index = 0
            const cut = feed(engine, bytes, () => sizes[index++ % sizes.length] ?? 1, flushes)
            expect(cut.text.slice(from, to)).toBe(stars(to - from))
            expect(feed(engine, bytes, undefined, flushes)).toEqual(cut)
          }
        },
      ),
      { numRuns: rounds(40) },
    )
  })

  test('stands beside the rules, and ordinary data is left alone', () => {
    const rules = rulesOf(default_packs)
    const text = 'Zk3!vT9-pL0qR7'
    const engine = engineOf([listed(text), own('another, of the gateway')], rules)
    const { text: shown, spans } = feed(engine, utf8(`a ${text} and password=${text}\n`))
    expect(shown).toBe(`a ${stars(14)} and password=${stars(14)}\n`)
    expect(spans[0]).toBe(`2-16:${known_label}`)
    const noise = fc.sample(fc.uint8Array({ minLength: 40_000, maxLength: 40_000 }), {
      numRuns: 1,
      seed: 7,
    })[0]
    if (noise === undefined) throw new Error('a sample')
    const alone = engineOf([listed(text)])
    for (const variant of ['base64', 'hex'] as const) {
      const encoded = Buffer.from(noise).toString(variant)
      expect(feed(alone, utf8(encoded)).text).toBe(encoded)
    }
  })
})

describe('a flush', () => {
  const text = 'Zk3!vT9-pL0qR7'
  const forms = [text, encodeURIComponent(text), `Zk3\\u0021vT9-pL0qR7`]
  const coded = ['', '.', '..'].map((before) => utf8(before + text).toString('base64'))
  const each = (length: number, event: FlushEvent): Map<number, FlushEvent> =>
    new Map(Array.from({ length }, (_, at) => [at + 1, event]))
  const engine = engineOf([listed(text)])

  test('at rest shows nothing of a listed value, byte by byte and at any one place', () => {
    for (const form of forms) {
      const bytes = utf8(form)
      expect(feed(engine, bytes, () => 1, each(bytes.length, 'idle')).text).toBe(
        stars(bytes.length),
      )
      for (let at = 1; at <= bytes.length; at++)
        expect(feed(engine, bytes, undefined, new Map([[at, 'idle']])).text).toBe(
          stars(bytes.length),
        )
    }
  })

  test('shows three bytes at most of what was just typed, and of base64 and hex', () => {
    const shownOf = (form: string, event: FlushEvent): readonly string[] => {
      const bytes = utf8(form)
      const all = each(bytes.length, event)
      const ones = [...all.keys()].map((at) => new Map([[at, event]]))
      return [all, ...ones].map((flushes) => feed(engine, bytes, () => 1, flushes).text)
    }
    for (const shown of forms.flatMap((form) => shownOf(form, 'echo')))
      expect(shown).toMatch(/^.{0,3}\*{11,}$/)
    for (const event of ['idle', 'echo'] as const) {
      for (const shown of shownOf(utf8(text).toString('hex'), event))
        expect(shown).toMatch(/^.{0,3}\*{25,}$/)
      // In front of it is what is not, or hardly, the value's.
      for (const [index, front] of [0, 1, 3].entries())
        for (const shown of shownOf(coded[index] ?? '', event))
          expect(shown.slice(front)).toMatch(/^.{0,3}\*{15,}=*$/)
    }
  })

  test('tells nobody how a value of the gateway begins: a guess turns to stars when it is whole', () => {
    const guarded = engineOf([own(text)])
    for (const form of [...forms, ...coded, utf8(text).toString('hex')])
      for (let length = 1; length < utf8(text).length; length++)
        for (const event of ['idle', 'echo'] as const) {
          const guess = utf8(form.slice(0, length))
          expect(feed(guarded, guess, () => 1, each(guess.length, event)).text).toBe(
            guess.toString(),
          )
        }
    for (const form of forms) expect(feed(guarded, utf8(form)).text).toBe(stars(utf8(form).length))
  })

  test('shows nothing of a value that is listed, though the gateway has it too', () => {
    const both = engineOf([own(text), listed(text)])
    expect(feed(both, utf8(text), () => 1, each(text.length, 'idle')).text).toBe(stars(14))
  })
})

describe('the rule set', () => {
  const hashOf = (compiled: Compiled): string => (compiled.ok ? compiled.ruleset.hash : '')

  test('has a hash in which only the number of the known secrets counts', () => {
    const rules = rulesOf(['pci'])
    const one = hashOf(rulesetOf(rules, [listed('swordfish')]))
    expect(one).toMatch(/^[0-9a-f]{64}$/)
    expect(hashOf(rulesetOf(rules, [own('something else')]))).toBe(one)
    expect(hashOf(rulesetOf(rules, [listed('swordfish'), listed('tr0ub4dor')]))).not.toBe(one)
    expect(hashOf(rulesetOf(rules))).not.toBe(one)
    expect(hashOf(rulesetOf(rulesOf(['hipaa']), [listed('swordfish')]))).not.toBe(one)
  })

  test('holds a hundred values of forty bytes beside the default packs, and refuses what is too much', () => {
    const many = (count: number): readonly KnownSecret[] =>
      Array.from({ length: count }, (_, index) => {
        const digest = new Bun.CryptoHasher('sha256').update(String(index)).digest('base64')
        return listed(digest.slice(0, 40))
      })
    const rules = rulesOf(default_packs)
    const engine = engineOf(many(100), rules)
    for (const { text } of many(100))
      expect(feed(engine, utf8(`${text} ${btoa(text)}`)).text).toMatch(/^\*{40} \*+=*$/)
    const refused = rulesetOf(rules, many(300))
    expect(refused).toEqual({
      ok: false,
      rule: known_label,
      reason: '300 values, passwords of accounts among them, are too many or too long to be masked',
    })
  })

  test('the shortest value has at least seven characters of base64 to itself', () => {
    const bits = known_bytes_min * 8
    for (const before of [0, 1, 2])
      expect(
        Math.floor((before * 8 + bits) / 6) - Math.ceil((before * 8) / 6),
      ).toBeGreaterThanOrEqual(7)
  })
})
