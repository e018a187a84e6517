/** Cells, sizes and times as people read them. */
import { describe, expect, test } from 'bun:test'
import { formatBytes, formatDuration, formatTable } from './table.ts'

test('columns are as wide as their widest cell, colours and wide characters apart', () => {
  const table = formatTable([
    [{ text: 'A' }, { text: 'N', align: 'right' }, { text: 'Z' }],
    [
      { text: '日本', painted: '\u001b[1m日本\u001b[0m' },
      { text: '100', align: 'right' },
      { text: '' },
    ],
  ])
  expect(table).toBe('A       N  Z\n\u001b[1m日本\u001b[0m  100')
})

describe('sizes and durations', () => {
  const sizes = [
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [200 * 1024, '200 KiB'],
    [5 * 1024 ** 4, '5.0 TiB'],
  ] as const
  for (const [bytes, text] of sizes) test(text, () => expect(formatBytes(bytes)).toBe(text))
  const durations = [
    [-5, '0ms'],
    [35_000, '35ms'],
    [1_200_000, '1.2s'],
    [59_900_000, '59s'],
    [245_000_000, '4m 05s'],
    [3_660_000_000, '1h 01m'],
    [183_600_000_000, '2d 3h'],
  ] as const
  for (const [us, text] of durations) test(text, () => expect(formatDuration(us)).toBe(text))
})
