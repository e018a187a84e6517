/** What a replay may do to a terminal, and what it must not. */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { rounds } from '../../test/fixture/require.ts'
import { createEscapeFilter, terminal_reset } from './filter.ts'

const ESC = '\u001b'
const filter = (text: string): string => createEscapeFilter().push(text)

describe('kept', () => {
  for (const text of [
    'plain text, ünïcode 🙂\r\n\ta\bb',
    `${ESC}[1;31mred${ESC}[0m ${ESC}[38;5;200m ${ESC}[38:2::1:2:3m`,
    `${ESC}[2J${ESC}[H${ESC}[10;20H${ESC}[3A${ESC}[K${ESC}[?2J`,
    `${ESC}7${ESC}8${ESC}M${ESC}[s${ESC}[u${ESC}[2;20r`,
    `${ESC}[?1049h${ESC}[?25l${ESC}[?25h${ESC}[?7;25h${ESC}[4h`,
    `${ESC}(0lqqk${ESC}(B \u000eq\u000f`,
    `${ESC}[5T`,
    terminal_reset,
  ]) {
    test(JSON.stringify(text), () => expect(filter(text)).toBe(text))
  }
})

const removed: readonly (readonly [name: string, text: string])[] = [
  ['window title', `${ESC}]0;title\u0007`],
  ['clipboard (OSC 52)', `${ESC}]52;c;aGk=${ESC}\\`],
  ['hyperlink (OSC 8)', `${ESC}]8;;file:///etc/passwd${ESC}\\`],
  ['colour query (OSC 11)', `${ESC}]11;?${ESC}\\`],
  ['OSC as C1', '\u009d0;title\u009c'],
  ['DCS', `${ESC}Pq#0;2;0;0;0~-${ESC}\\`],
  ['DECRQSS', `${ESC}P$qm${ESC}\\`],
  ['DCS as C1', '\u0090+q544e\u009c'],
  ['APC (kitty graphics)', `${ESC}_Gf=24;AAAA${ESC}\\`],
  ['PM', `${ESC}^secret${ESC}\\`],
  ['SOS', `${ESC}Xsecret${ESC}\\`],
  ['device attributes', `${ESC}[c${ESC}[0c${ESC}[>c${ESC}[=c`],
  ['DECID', `${ESC}Z`],
  ['status and cursor report', `${ESC}[5n${ESC}[6n${ESC}[?6n`],
  ['window operations', `${ESC}[14t${ESC}[21t${ESC}[8;1;1t`],
  ['mode request', `${ESC}[?1$p${ESC}[4$p`],
  ['XTVERSION', `${ESC}[>q`],
  ['checksum', `${ESC}[1;1;1;1;1;1*y`],
  ['answerback', '\u0005'],
  ['bell', '\u0007'],
  ['media copy', `${ESC}[5i${ESC}[?5i`],
  ['mouse and paste modes', `${ESC}[?1000h${ESC}[?1003h${ESC}[?1006h${ESC}[?2004h`],
  ['focus events', `${ESC}[?1004h`],
  ['a kept mode beside one that is not', `${ESC}[?25;1000h`],
  ['highlight tracking', `${ESC}[1;2;3;4;5T`],
  ['key encodings', `${ESC}[>4;2m${ESC}[>1u${ESC}[=1;1u${ESC}[?u`],
  ['application keys', `${ESC}[?1h${ESC}=`],
  ['full reset', `${ESC}c`],
  ['endless repetition', `${ESC}[999999999b`],
  ['C1 controls', '\u0084\u0085\u009a'],
  ['CSI as C1 that asks', '\u009b6n'],
  ['an endless sequence', `${ESC}[${'1;'.repeat(32)}1`],
]

describe('removed', () => {
  for (const [name, text] of removed)
    test(name, () => expect(filter(`a${text}b`).replaceAll(/[0-9;]/g, '')).toMatch(/^ab$/))
})

test('CSI as C1 is written as everyone reads it', () => {
  expect(filter('\u009b1m')).toBe(`${ESC}[1m`)
})

test('a sequence that is cut by another leaves nothing', () => {
  expect(filter(`${ESC}[31${ESC}[1mx`)).toBe(`${ESC}[1mx`)
  expect(filter(`${ESC}]0;a${ESC}[1mx`)).toBe(`${ESC}[1mx`)
  expect(filter(`${ESC}${ESC}]0;a\u0007x`)).toBe('x')
  expect(filter(`${ESC}(${ESC}]0;a\u0007x`)).toBe('x')
  expect(filter(`${ESC}]0;a\u0018x`)).toBe('x')
})

test('a string without an end does not hide the rest of a session', () => {
  const shown = filter(`${ESC}]0;${'x'.repeat(70_000)}visible`)
  expect(shown).toEndWith('visible')
  expect(shown.length).toBeLessThan(10_000)
})

/** Every sequence in filtered text, by a grammar of its own: nothing else may follow an ESC. */
const harmless =
  /^(?:[^\u0000-\u001f\u007f-\u009f]|[\u0008-\u000f]|\u001b(?:[DEHM78]|[()*+][0AB]|\[\??[0-9;:]{0,64}[A-Za-z@`]))*$/u
const asks = /\u001b\[\??[0-9;:]*[cnpqtxyi]/

describe('fuzz', () => {
  const alphabet = [
    ...Array.from('0123456789;:?>=!$ "\'*+()[]\\P_^XcnmqtHJKhlZ7825iupbTa\u0007\u0018\r\n\b'),
    ...[
      ESC,
      ESC,
      ESC,
      `${ESC}[`,
      `${ESC}]`,
      `${ESC}P`,
      `${ESC}\\`,
      '\u009b',
      '\u009c',
      '\u009d',
      '🙂',
      '25',
      '1049',
    ],
  ]
  const hostile = fc
    .array(fc.constantFrom(...alphabet), { maxLength: 60 })
    .map((parts) => parts.join(''))

  test('nothing active comes through, and filtering again changes nothing', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = filter(text)
        expect(shown).toMatch(harmless)
        expect(shown).not.toMatch(asks)
        expect(filter(shown)).toBe(shown)
      }),
      { numRuns: rounds(3000) },
    )
  })

  test('any split gives the same', () => {
    fc.assert(
      fc.property(hostile, fc.array(fc.nat(80), { maxLength: 5 }), (text, cuts) => {
        const stream = createEscapeFilter()
        // A split inside a surrogate pair cannot come out of a UTF-8 decoder.
        const characters = Array.from(text)
        const at = [0, ...cuts.toSorted((a, b) => a - b), characters.length]
        const pieces = at.slice(1).map((end, index) => characters.slice(at[index], end).join(''))
        expect(pieces.map((piece) => stream.push(piece)).join('')).toBe(filter(text))
      }),
      { numRuns: rounds(1000) },
    )
  })

  test('canary: the grammar sees what it must refuse', () => {
    for (const [name, text] of removed) {
      const is_seen = !harmless.test(text) || asks.test(text) || filter(text) !== text
      expect(is_seen, name).toBe(true)
    }
    expect(harmless.test(`${ESC}]0;a`)).toBe(false)
    expect(harmless.test('\u009b')).toBe(false)
    expect(asks.test(`${ESC}[6n`)).toBe(true)
  })
})
