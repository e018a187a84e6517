/** What stands between the letters of a secret on a terminal: it stays where it is, and the secret is masked. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { customRules } from '../compile/custom.ts'
import { default_packs, packs, rulesOf } from '../rules/index.ts'
import type { FlushEvent, MaskUnit } from './engine.ts'
import { engineOf, feed, latin1 } from './fixture.ts'

setDefaultTimeout(60_000)

const engine = engineOf(rulesOf(default_packs))
const key = ['AKIA', 'IOSFODNN7', 'EXAMPLE'].join('')
const stars = (text: string): string => '*'.repeat(text.length)
const cut = (at: number, what: string): string => key.slice(0, at) + what + key.slice(at)
/** What is shown of it, the same whole and byte by byte. */
const shown = (
  text: string,
  unit: MaskUnit = 'width',
  flushes?: ReadonlyMap<number, FlushEvent>,
  columns = 0,
): string => {
  const whole = feed(engine, latin1(text), undefined, flushes, unit, columns)
  expect(feed(engine, latin1(text), () => 1, flushes, unit, columns)).toEqual(whole)
  return whole.text
}

/** Left out of the text, and still there. */
const escapes: Readonly<Record<string, string>> = {
  'a colour': '\x1b[01;31m',
  'a true colour': '\x1b[38;2;255;128;0m',
  'colour and erase, as of grep': '\x1b[01;31m\x1b[K',
  'a private mode': '\x1b[?25l',
  'a title': '\x1b]0;title\x07',
  'a link': '\x1b]8;;https://example.org/\x1b\\',
}
/** On a terminal alone. */
const controls: Readonly<Record<string, string>> = {
  'a device string': '\x1bP+q544e\x1b\\',
  'a title of screen': '\x1bkvim\x1b\\',
  'a character set': '\x1b(B',
  'the cursor saved': '\x1b7',
  'a jump in the line': '\x1b[9G',
  'a jump to the next line': '\x1b[2;1H',
  'a bell': '\x07',
  'nothing, as NUL': '\0',
  'CSI of the upper half': '\xc2\x9b1m',
  'a sequence with a control in it': '\x1b[3\x071m',
  'a carriage return': '\r',
}

const all = engineOf(rulesOf(packs))
for (const { name, examples } of rulesOf(packs))
  test(`${name}: an example with an escape at each place`, () => {
    const plain = Buffer.from((examples[0] ?? '').replaceAll(/[«»]/g, '')).toString('latin1')
    const due = feed(all, latin1(plain)).text
    const kinds = [...Object.values(escapes), ...Object.values(controls)]
    for (let at = 1; at < plain.length; at++) {
      const escape = kinds[at % kinds.length] ?? ''
      if (plain[at - 1] === '\r') continue
      const given = plain.slice(0, at) + escape + plain.slice(at)
      const masked = feed(all, latin1(given), undefined, undefined, 'width').text
      const left = masked.slice(0, at) + masked.slice(at + escape.length)
      for (let i = 0; i < plain.length; i++)
        if (due[i] === '*' && plain[i] !== '*' && /[!-~]/.test(plain[i] ?? ''))
          expect({ given, at: i, byte: left[i] }).toEqual({ given, at: i, byte: '*' })
    }
  })

describe('an escape at each place of a key', () => {
  for (const [name, escape] of Object.entries({ ...escapes, ...controls }))
    test(name, () => {
      for (let at = 1; at < key.length; at++) {
        const text = `id ${cut(at, escape)} end\r\n`
        expect(shown(text)).toBe(
          `id ${stars(key.slice(0, at))}${escape}${stars(key.slice(at))} end\r\n`,
        )
      }
    })
  test('in a stream of bytes too, where it is a whole one', () => {
    for (const escape of Object.values(escapes))
      for (let at = 1; at < key.length; at++)
        expect(shown(`id ${cut(at, escape)} end\n`, 'length')).toBe(
          `id ${stars(key.slice(0, at))}${escape}${stars(key.slice(at))} end\n`,
        )
  })
  test('where it is data, it is left alone', () => {
    for (const data of ['\b', '\r', '\0', '\x1b7', '\x1b(B', '\x1bP']) {
      const text = `id ${cut(7, data)} end\n`
      expect(shown(text, 'length')).toBe(text)
    }
  })
})

describe('beside an escape a word ends', () => {
  test.each([
    ['\x1b[31m', ''],
    ['foo\x1b[31m', ''],
    ['foo\x1b[9G', '\x1b[40Gbar'],
    ['foo\x1b[m', '\x1b[mbar'],
    ['\x1b[31mold\x1b[m\x1b[32m', '\x1b[m'],
  ])('%j', (before, after) => {
    for (const unit of ['width', 'length'] as const)
      expect(shown(`${before}${key}${after}\n`, unit)).toBe(`${before}${stars(key)}${after}\n`)
  })
  test('and it does not', () => {
    expect(shown(`\x1b[1mfoo\x1b[m${cut(5, '\x1b[1m')}\x1b[mbar\n`)).toBe(
      `\x1b[1mfoo\x1b[m*****\x1b[1m${stars(key.slice(5))}\x1b[mbar\n`,
    )
  })
})

describe('what an escape carries is masked where it stands', () => {
  test.each([
    ['a title', '\x1b]0;', '\x07$ '],
    ['a title of screen', '\x1bk', '\x1b\\$ '],
    ['a link', '\x1b]8;;https://x.example/?k=', '\x1b\\link\x1b]8;;\x1b\\'],
    ['a string without an end', '\x1b]0;', '\r\n'],
    ['a device string without an end', 'x\x1bP', ''],
    ['a string in a string', '\x1bPtmux;\x1b\x1b]0;', '\x07\x1b\\'],
  ])('%s', (_, before, after) => {
    expect(shown(`${before}${key}${after}`)).toBe(`${before}${stars(key)}${after}`)
  })
  test('within what is masked around it', () => {
    const made = customRules([{ name: 'own', pattern: 'begin[^!]*end' }])
    if (!made.ok) throw new Error(made.reason)
    const both = engineOf([...rulesOf(['secrets']), ...made.rules])
    const text = `begin\x1b]0;${key}\x07end!`
    expect(feed(both, latin1(text), undefined, undefined, 'width').text).toBe(
      `*****\x1b]${'*'.repeat(22)}\x07***!`,
    )
  })
  test('whoever never ends a string hides no later secret', () => {
    const rest = '.'.repeat(5000)
    for (const open of [
      '\x1b]0;',
      '\x1bP',
      '\x1b_',
      '\x1bX',
      '\x1b^',
      '\x1bk',
      '\x1b[1;',
      '\x1b[',
      '\x1b',
    ])
      for (const [between, secret] of [
        ['\n', cut(9, '\x1b[m')],
        [rest, cut(9, '\x1b[m')],
        [' ', key],
      ])
        expect(shown(`${open}${between}${secret}\n`).replace('\x1b[m', '')).toContain(stars(key))
  })
})

describe('what is taken back', () => {
  test.each([
    ['a wrong key', cut(4, 'X\b'), `*****\b${stars(key.slice(4))}`],
    ['and erased', cut(4, 'X\b \b'), `*****\b*\b${stars(key.slice(4))}`],
    ['and erased by an escape', cut(9, 'x\b\x1b[K'), undefined],
    ['by an arrow', cut(4, 'X\x1b[D'), `*****\x1b[D${stars(key.slice(4))}`],
    ['two of them', cut(6, 'XY\b\b'), `********\b\b${stars(key.slice(6))}`],
    ['by DEL, as it is typed', cut(4, 'X\x7f'), `*****\x7f${stars(key.slice(4))}`],
  ])('%s', (_, text, due) => {
    const given = `id ${text} end\r\n`
    if (due === undefined) {
      // It ended the would-be secret, and was seen before it was taken back: what came before it has left.
      expect(shown(given)).toBe(`id ${text.slice(0, 9)}*\b\x1b[K${stars(key.slice(9))} end\r\n`)
    } else expect(shown(given)).toBe(`id ${due} end\r\n`)
  })
  test('bold and underlined, as printers did', () => {
    const bold = [...key].map((char) => `${char}\b${char}`).join('')
    expect(shown(`${bold}\r\n`)).toBe(`${'*\b*'.repeat(key.length)}\r\n`)
    const underlined = [...key].map((char) => `_\b${char}`).join('')
    expect(shown(`${underlined}\r\n`)).toBe(`_\b${stars('x')}${'*\b*'.repeat(key.length - 1)}\r\n`)
  })
  test('a cursor that goes back over a secret and forth again shows nothing of it', () => {
    const back = '\b'.repeat(5)
    expect(shown(`${key}${back}${key.slice(-5)}\r\n`)).toBe(`${stars(key)}${back}*****\r\n`)
    const flushes = new Map<number, FlushEvent>([
      [12, 'echo'],
      [17, 'idle'],
    ])
    const again = shown(`${key.slice(0, 12)}${back}${key.slice(7, 12)}\r\n`, 'width', flushes)
    expect(again).toBe(`${key.slice(0, 10)}**${back}${key.slice(7, 10)}**\r\n`)
  })

  test('what stands beside a letter that is written again without end stays masked', () => {
    for (const times of [10, 513, 3000]) {
      const end = key.slice(10)
      const before = `${key} \b\b${`${key.at(-1)}\b`.repeat(times)}${'\b'.repeat(end.length - 1)}`
      const after = `${stars(key)} \b\b${'*\b'.repeat(times)}${'\b'.repeat(end.length - 1)}`
      expect(shown(`${before}${end}\n`)).toBe(`${after}${stars(end)}\n`)
    }
  })
})

describe('a line that is full goes on below', () => {
  for (const columns of [10, 12, 80])
    test(`${columns} columns`, () => {
      for (let at = 4; at < key.length; at++) {
        const before = '.'.repeat((2 * columns - at) % columns)
        const fits = (before.length + at) % columns === 0
        for (const wrap of [' \r', '\r\n', '\x1b[2;1H']) {
          const text = `${before}${cut(at, wrap)} end\r\n`
          const masked = shown(text, 'width', undefined, columns)
          expect(fits && masked.replaceAll(/[^*]/g, '').length >= key.length).toBe(true)
        }
      }
    })
  test('one that is not full does not', () => {
    const text = `${cut(8, '\r\n')} end\r\n`
    expect(shown(text, 'width', undefined, 80)).toBe(text)
  })
  test('columns that change', () => {
    const stream = engine.open('width')
    stream.resize(80)
    expect(stream.push(latin1('\x1b[m ')).raw_length).toBe(4)
    stream.resize(9)
    const { bytes } = stream.push(latin1(`${cut(8, '\r\n')} \r\n`))
    expect(Buffer.from(bytes).toString()).toBe(`********\r\n${stars(key.slice(8))} \r\n`)
    stream.close()
  })
})

test('a mask is as wide as what it covers', () => {
  const made = customRules([{ name: 'wide', pattern: 'k=[^;]+' }])
  if (!made.ok) throw new Error(made.reason)
  const wide = engineOf(made.rules)
  const text = Buffer.from('k=p\x1b[1mä密\x1b[m𝄞;').toString('latin1')
  for (const size of [1, 2, 3, 100])
    expect(feed(wide, latin1(text), () => size, undefined, 'width').text).toBe(
      '***\x1b[1m***\x1b[m*;',
    )
})

test('an escape without an end is no reason to hold back for ever', () => {
  const stream = engine.open('width')
  stream.push(latin1(key.slice(0, 10)))
  let left = ''
  for (let i = 0; i < 200; i++) {
    left += Buffer.from(stream.push(latin1('\x1b[1;31m'.repeat(10))).bytes).toString('latin1')
    expect(stream.held).toBeLessThanOrEqual(4096)
  }
  left += Buffer.from(stream.push(latin1(key.slice(10))).bytes).toString('latin1')
  left += Buffer.from(stream.flush('end').bytes).toString('latin1')
  expect(left.replaceAll('\x1b[1;31m', '')).toBe(stars(key))
  stream.close()
})

test('who writes over the same lines for ever is masked, and seen again after a while', () => {
  const plain = 'a plain line of text\r\n'.repeat(60_000)
  const text = `${'ab\b\bcd\b\b'.repeat(32_000)} ${key}\r\nnext line\r\n${plain}${cut(9, '\x1b[m')} seen\r\n`
  const whole = feed(engine, latin1(text), undefined, undefined, 'width')
  expect(whole.spans.some((span) => span.endsWith(':too-many-candidates'))).toBe(true)
  expect(whole.text).toContain(` ${stars(key)}\r\n*********\r\n`.replace(' ', '*'))
  expect(whole.text.endsWith(`text\r\n*********\x1b[m${stars(key.slice(9))} seen\r\n`)).toBe(true)
  let size = 1
  const sizes = (): number => (size = (size * 7 + 3) % 997)
  expect(feed(engine, latin1(text), sizes, undefined, 'width')).toEqual(whole)
})
