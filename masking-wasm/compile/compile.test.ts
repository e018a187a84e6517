import { describe, expect, test } from 'bun:test'
import { packs, rulesOf } from '../rules/index.ts'
import type { Rule } from '../rules/rule.ts'
import { compile } from './compile.ts'
import { customRules, positionIn } from './custom.ts'

const rule = (more: Partial<Rule>): Rule => ({
  name: 'r',
  pack: 'custom',
  severity: 'high',
  pattern: 'abc',
  source: '',
  examples: [],
  counter_examples: [],
  ...more,
})

describe('a rule that cannot be', () => {
  const cases: readonly (readonly [string, Partial<Rule>, RegExp])[] = [
    ['matches nothing', { pattern: 'a*' }, /empty/],
    ['has an empty context', { before: '(?:x=)?' }, /empty/],
    ['has no class at its left', { left: 'ab' }, /left/],
    ['has no class at its right', { right: '(?=a)' }, /right/],
    ['has no class that follows', { next: '@@' }, /next/],
    ['explodes', { pattern: '[ab]*a[ab]{20}c' }, /states/],
    ['is huge', { pattern: '(?:(?:[ab]{1000}){1000}){9}' }, /repetitions/],
    ['goes over lines in too many ways', { pattern: 'x[^y]{300}y' }, /end of line/],
    ['is checked, and unbounded', { pattern: '[0-9]+', check: 'luhn' }, /128/],
    [
      'is checked, and miscounts',
      { pattern: '4[0-9]{12,15}|5[0-9 ]{14,20}', check: 'luhn' },
      /count/,
    ],
    ['is checked, and begins with a blank', { pattern: ' [0-9]{13}', check: 'luhn' }, /count/],
  ]
  for (const [name, more, reason] of cases)
    test(name, () => {
      const compiled = compile([...rulesOf(['secrets']), rule(more)])
      expect(compiled.ok).toBe(false)
      if (compiled.ok) return
      expect(compiled.rule).toBe('r')
      expect(compiled.reason).toMatch(reason)
    })
})

test('the same rules give the same tables, other rules another hash', () => {
  const one = compile([rule({})])
  const again = compile([rule({ source: 'elsewhere' })])
  const other = compile([rule({ clear_bytes_max: 0 })])
  if (!one.ok || !again.ok || !other.ok) throw new Error('compiles')
  expect(again.ruleset).toEqual(one.ruleset)
  expect(other.ruleset.hash).not.toBe(one.ruleset.hash)
})

test('all packs leave a quarter of the states to patterns of the configuration', () => {
  const compiled = compile(rulesOf(packs))
  if (!compiled.ok) throw new Error(compiled.reason)
  expect(new DataView(compiled.ruleset.tables.buffer).getUint32(8, true)).toBeLessThan(45_000)
  expect(compiled.ruleset.slow).toContain('email')
}, 60_000)

describe('patterns from the configuration', () => {
  const form = (pattern: string): unknown => {
    const made = customRules([{ name: 'x', pattern }])
    if (!made.ok) throw new Error(made.reason)
    const { pattern: inner, left, right } = made.rules[0] ?? rule({})
    return [inner, left, right]
  }
  test('assertions at the ends become conditions on the neighbours', () => {
    expect(form('EMP-[0-9]{6}')).toEqual(['EMP-[0-9]{6}', undefined, undefined])
    expect(form('\\bEMP\\b')).toEqual(['EMP', '\\w', '\\w'])
    expect(form('(?<![a-z])EMP(?![0-9])')).toEqual(['EMP', '[a-z]', '[0-9]'])
    expect(form('a\\\\b')).toEqual(['a\\\\b', undefined, undefined])
  })
  test('names are checked', () => {
    const bad = (name: string): unknown =>
      customRules(
        [
          { name: 'a', pattern: 'a' },
          { name, pattern: 'b' },
        ],
        ['jwt'],
      )
    expect(bad('Bad Name')).toMatchObject({ ok: false, index: 1 })
    expect(bad('a')).toMatchObject({ ok: false, index: 1 })
    expect(bad('jwt')).toMatchObject({ ok: false, index: 1 })
    expect(bad('too-many-candidates')).toMatchObject({ ok: false, index: 1 })
    expect(bad('known-secret')).toMatchObject({ ok: false, index: 1 })
    expect(bad('b')).toMatchObject({ ok: true })
  })
})

test('what is too large is refused with the place that costs most', () => {
  const places: readonly (readonly [string, string])[] = [
    ['[ab]*a[ab]{200}c', '[ab]{200}'],
    ['\\b[ab]*a[ab]{200}c', '[ab]{200}'],
    ['(?<![0-9])(?:(?:[ab]{1000}){1000}){9}x', '(?:(?:[ab]{1000})'],
    ['x{2}[^y]{300}y', '[^y]{300}'],
  ]
  for (const [pattern, place] of places) {
    const made = customRules([{ name: 'mine', pattern }])
    if (!made.ok) throw new Error(made.reason)
    const compiled = compile(made.rules)
    if (compiled.ok || compiled.position === undefined) throw new Error('refused, with a place')
    const at = positionIn(pattern, compiled.position)
    expect([pattern, pattern.slice(at).startsWith(place)]).toEqual([pattern, true])
  }
  // What is wrong in itself has its own place, in the pattern as it was written.
  const made = customRules([{ name: 'mine', pattern: '\\bab(c)\\1' }])
  if (!made.ok) throw new Error(made.reason)
  const compiled = compile(made.rules)
  expect(compiled).toMatchObject({ ok: false, position: 5 })
  expect(positionIn('\\bab(c)\\1', 5)).toBe(7)
}, 60_000)

test('a pattern of the configuration is blamed, and refused before it costs much', () => {
  for (const pattern of ['[ab]*a[ab]{900}c', '[a-z0-9]*[0-9][a-z0-9]{300}x', 'x[^y]{300}y']) {
    const made = customRules([{ name: 'mine', pattern }])
    if (!made.ok) throw new Error(made.reason)
    expect(compile([...rulesOf(packs), ...made.rules])).toMatchObject({ ok: false, rule: 'mine' })
  }
}, 60_000)
