import { describe, expect, test } from 'bun:test'
import { Keys } from './keys.ts'

const after = (typed: string): Keys => {
  const keys = new Keys()
  // Any split of the input says the same.
  for (const byte of new TextEncoder().encode(typed)) keys.push(Uint8Array.of(byte))
  return keys
}

describe('the line that the keys make', () => {
  const plain: readonly (readonly [typed: string, text: string])[] = [
    ['echo hi', 'echo hi'],
    ['echo ho\x7fi', 'echo hi'],
    ['zürich\x7f\x7f\x7f\x7f\x7f', 'z'],
    ['rm x\x15ls', 'ls'],
    ['rm -rf /tmp \x17/var', 'rm -rf /var'],
    ['rm x\x03ls', 'ls'],
    ['\u001b[200~a\tb\u001b[201~c', 'a\tbc'],
    ['\u001b[12;40Rls\u001b[?62;c', 'ls'],
    ['\x7f\x7fls', 'ls'],
  ]
  for (const [typed, text] of plain)
    test(JSON.stringify(typed), () => {
      const keys = after(typed)
      expect([keys.text, keys.is_edited]).toEqual([text, false])
    })

  for (const typed of [
    'l\t',
    '\u001b[A',
    '\u001bOA',
    '\u001bb',
    '\x12ls',
    '\x01ls',
    '\x16\x03',
    '\u001b[1;5Dls',
  ])
    test(`${JSON.stringify(typed)} is the editor's to know`, () => {
      expect(after(typed).is_edited).toBe(true)
    })

  test('a line that was entered is over', () => {
    const keys = after('\u001b[A')
    keys.endLine()
    expect([keys.text, keys.is_edited]).toEqual(['', false])
    keys.endLine(true)
    expect(keys.is_edited).toBe(true)
  })

  test('a paste is marked until its end', () => {
    expect(after('\u001b[200~ls').is_pasted).toBe(true)
    expect(after('\u001b[200~ls\u001b[201~').is_pasted).toBe(false)
  })
})
