/** Arrays of texts: what the database writes is read, what it would not write is not, and nothing is shown twice. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { rounds } from '../../../test/fixture/require.ts'
import { elementsOf, withElements } from './array.ts'
import { array_elements_max } from './limits.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

const literals: readonly (readonly [string, readonly string[] | undefined])[] = [
  ['{}', []],
  ['{a,b}', ['a', 'b']],
  ['{a,NULL,"NULL",null}', ['a', 'NULL']],
  ['{{a,b},{"c d","e,}f"}}', ['a', 'b', 'c d', 'e,}f']],
  ['[0:1]={a,b}', ['a', 'b']],
  ['{"a\\"b","c\\\\"}', ['a\\"b', 'c\\\\']],
  ['{""}', ['']],
  ['', undefined],
  ['a', undefined],
  ['{a', undefined],
  ['{"a}', undefined],
  ['{a"b"}', undefined],
  ['[0:1]', undefined],
]
for (const [literal, elements] of literals)
  test(`in text: ${literal}`, () => {
    const bytes = utf8(literal)
    const found = elementsOf(bytes, 0, bytes.length, false)
    expect(found?.map(({ start, end }) => literal.slice(start, end))).toEqual(
      elements === undefined ? undefined : [...elements],
    )
  })

function binary(values: readonly (string | null)[]): Uint8Array {
  const parts: Uint8Array[] = []
  const u32 = (value: number): void => {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, value)
    parts.push(bytes)
  }
  for (const head of [1, 1, 25, values.length, 1]) u32(head)
  for (const value of values) {
    const bytes = value === null ? undefined : utf8(value)
    u32(bytes?.length ?? 0xffffffff)
    if (bytes !== undefined) parts.push(bytes)
  }
  return new Uint8Array(Buffer.concat(parts))
}

test('one of more elements than are looked at is none, in both formats', () => {
  for (const [count, is_read] of [
    [array_elements_max, true],
    [array_elements_max + 1, false],
    [20_000_000, false],
  ] as const) {
    for (const element of ['a', 'NULL']) {
      const text = new Uint8Array(Buffer.alloc(2 + (element.length + 1) * count - 1, `,${element}`))
      text[0] = '{'.charCodeAt(0)
      text[text.length - 1] = '}'.charCodeAt(0)
      expect(elementsOf(text, 0, text.length, false) !== undefined).toBe(is_read)
    }
    const bytes = new Uint8Array(20 + 4 * Math.min(count, 1_000_000))
    const view = new DataView(bytes.buffer)
    for (const [at, value] of [1, 1, 25, Math.min(count, 1_000_000), 1].entries())
      view.setUint32(4 * at, value)
    expect(elementsOf(bytes, 0, bytes.length, true) !== undefined).toBe(is_read)
  }
})

test('in binary: elements become others of other lengths, and NULL stays', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.string())), (values) => {
      const bytes = binary(values)
      const elements = elementsOf(bytes, 0, bytes.length, true) ?? []
      expect(elements).toHaveLength(values.filter((value) => value !== null).length)
      const others = elements.map((element) => ({ element, bytes: utf8('other') }))
      expect(withElements(bytes, 0, bytes.length, true, others)).toEqual(
        binary(values.map((value) => (value === null ? null : 'other'))),
      )
    }),
  )
})

test('hostile bytes are no array, or one whose elements lie in it, one behind the other', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }),
      fc.boolean(),
      fc.constantFrom(utf8('{"a",b}'), binary(['a', null, 'b'])),
      fc.nat(),
      (noise, is_binary, real, place) => {
        const mutated = real.slice()
        mutated[place % mutated.length] = noise[0] ?? 0xff
        for (const bytes of [noise, mutated]) {
          let from = 0
          for (const { start, end } of elementsOf(bytes, 0, bytes.length, is_binary) ?? []) {
            expect(start).toBeGreaterThanOrEqual(from)
            expect(end).toBeGreaterThanOrEqual(start)
            expect(end).toBeLessThanOrEqual(bytes.length)
            from = end
          }
        }
      },
    ),
    { numRuns: rounds(5_000) },
  )
})
