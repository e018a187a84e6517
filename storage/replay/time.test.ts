/** Times there and back. */
import { describe, expect, test } from 'bun:test'
import { formatTime, parseTime } from './time.ts'

describe('a time', () => {
  const cases: readonly (readonly [text: string, t_us: number])[] = [
    ['1970-01-01T00:00:00.000000Z', 0],
    ['2026-01-31T12:00:00.000001Z', 1_769_860_800_000_001],
    ['2000-02-29T23:59:59.999999Z', 951_868_799_999_999],
  ]
  for (const [text, t_us] of cases) {
    test(text, () => {
      expect(formatTime(t_us)).toBe(text)
      expect(parseTime(text)).toBe(t_us)
    })
  }
  test('is read in every form of RFC 3339', () => {
    expect(parseTime('2026-01-31')).toBe(1_769_817_600_000_000)
    expect(parseTime('2026-01-31T13:00:00+01:00')).toBe(1_769_860_800_000_000)
    expect(parseTime('2026-01-31 12:00:00.5z')).toBe(1_769_860_800_500_000)
  })
  test('that is none is undefined', () => {
    for (const text of [
      '',
      'now',
      '2026',
      '2026-13-01',
      '2026-01-31T12:00:00',
      '1e3',
      '2026-01-31T25:00:00Z',
    ])
      expect(parseTime(text)).toBeUndefined()
  })
  test('that nothing can hold is said to be so', () => {
    for (const t_us of [Number.NaN, 1e300, 0.5, -1e300])
      expect(formatTime(t_us)).toBe('invalid time')
  })
})
