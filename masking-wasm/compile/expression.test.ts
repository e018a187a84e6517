import { describe, expect, test } from 'bun:test'
import { lengths, literalPrefix, parse, parseClass } from './expression.ts'

describe('lengths and literal prefix', () => {
  const cases: readonly (readonly [string, number, number, number])[] = [
    ['abc', 3, 3, 3],
    ['gh[pousr]_[A-Za-z0-9]{36,}', 40, Number.POSITIVE_INFINITY, 4],
    ['(?:AKIA|ASIA)[A-Z2-7]{16}', 20, 20, 4],
    ['(?:ab|abc)d', 3, 4, 2],
    ['a?b', 1, 2, 0],
    ['[0-7]{30}', 30, 30, 0],
    ['(?:ab){3}c', 7, 7, 7],
    ['é', 2, 2, 2],
    ['\\xe9', 1, 1, 1],
    ['a{2,500}', 2, Number.POSITIVE_INFINITY, 0],
  ]
  for (const [source, min, max, prefix] of cases)
    test(source, () => {
      const parsed = parse(source, false)
      if (!parsed.ok) throw new Error(parsed.reason)
      expect(lengths(parsed.expression)).toEqual({ min, max })
      expect(literalPrefix(parsed.expression)).toBe(prefix)
    })
})

describe('refused, with the place', () => {
  const cases: readonly (readonly [string, RegExp, number | undefined])[] = [
    ['a(?=b)c', /lookaround/, 1],
    ['(a)\\1', /back reference/, 3],
    ['^a', /assertion/, 0],
    ['a\\bc', /assertion/, 1],
    ['[^é]', /beyond ASCII/, 0],
    ['[à-é]', /beyond ASCII/, 1],
    ['😀', /beyond U\+FFFF/, 0],
    ['a{2000}', /repetition/, 0],
    ['(a', /not a regular expression/, 2],
    ['(?s:a)', /modifiers/, 0],
    ['x'.repeat(3000), /longer/, undefined],
  ]
  for (const [source, reason, position] of cases)
    test(source.slice(0, 20), () => {
      const parsed = parse(source, false)
      expect(parsed.ok).toBe(false)
      if (parsed.ok) return
      expect(parsed.reason).toMatch(reason)
      expect(parsed.position).toBe(position as number)
    })
})

test('case is ignored where it is said', () => {
  const sizes = (source: string, ignore_case: boolean): number[] => {
    const parsed = parse(source, ignore_case)
    if (!parsed.ok || parsed.expression.kind !== 'sequence') throw new Error('a sequence')
    return parsed.expression.parts.map((part) =>
      part.kind === 'set' ? part.set.reduce((total, bit) => total + bit, 0) : 0,
    )
  }
  expect(sizes('a(?-i:b)c', true)).toEqual([2, 1, 2])
  expect(sizes('a(?i:b)c', false)).toEqual([1, 2, 1])
})

test('classes are over bytes, and fold case in ASCII only', () => {
  const dot = parse('.', false)
  if (!dot.ok || dot.expression.kind !== 'set') throw new Error('a set')
  expect(
    [0x00, 0x0a, 0x0d, 0x80, 0xff].map(
      (byte) => dot.expression.kind === 'set' && dot.expression.set[byte],
    ),
  ).toEqual([1, 0, 0, 1, 1])
  const folded = parse('[k-m]', true)
  if (!folded.ok || folded.expression.kind !== 'set') throw new Error('a set')
  expect([...folded.expression.set].flatMap((bit, byte) => (bit === 1 ? [byte] : []))).toEqual(
    [...'KLMklm'].map((char) => char.charCodeAt(0)),
  )
  expect(parseClass('[0-9]')?.reduce((a, b) => a + b)).toBe(10)
  expect(parseClass('ab')).toBeUndefined()
})
