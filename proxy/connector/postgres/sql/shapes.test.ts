/** Texts that are one but for their numbers, against the expressions that say which numbers those are. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { rounds } from '../../../../test/fixture/require.ts'
import { parsed_bytes_max, parsed_max } from '../limits.ts'
import { Shapes } from './shapes.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

function shapeOf(text: string): string {
  if (/['"$\\]|--|\/\*/.test(text)) return text
  return text.replace(/(?<![\w.$])\d+(?![\w.$])/g, '0')
}

const piece = fc.constantFrom(
  ...['0', '1', '12', '345', ' ', ' ', 'a', '_', '.', '-', '/', '*', '=', '(', ','],
  ...["'", '"', '$', '\\', '\n'],
)
const text = fc.array(piece, { maxLength: 8 }).map((all) => all.join(''))
/** Mostly another number in the same place. */
const pair = fc.oneof(
  fc.tuple(text, text),
  fc.tuple(text, text, fc.nat(200), fc.nat(200)).map(([before, behind, one, other]) => {
    const around = (number: number): string => `${before}${number}${behind}`
    return [around(one), around(other)] as const
  }),
)

test('are one where the numbers stand alone, and two everywhere else', () => {
  let same = 0
  fc.assert(
    fc.property(pair, ([one, other]) => {
      const shapes = new Shapes<string>()
      shapes.set(bytesOf(one), 'known')
      const is_same = shapeOf(one) === shapeOf(other)
      if (is_same && one !== other) same += 1
      expect(shapes.get(bytesOf(other))).toBe(is_same ? 'known' : undefined)
    }),
    { numRuns: rounds(6000) },
  )
  expect(same).toBeGreaterThan(50)
})

test('a text that is long or has other characters is not known', () => {
  const shapes = new Shapes<string>()
  for (const each of ['é', "'é'", 'x'.repeat(parsed_bytes_max + 1)]) {
    shapes.set(bytesOf(each), 'known')
    expect(shapes.get(bytesOf(each))).toBeUndefined()
  }
})

test('the newest are known, and no more than may be', () => {
  const shapes = new Shapes<number>()
  const count = parsed_max + 10
  for (let n = 0; n < count; n++) shapes.set(bytesOf(`t${n}`), n)
  const known = Array.from({ length: count }, (_, n) => shapes.get(bytesOf(`t${n}`)))
  expect(known.filter((each) => each !== undefined).length).toBeLessThanOrEqual(parsed_max)
  expect(known[0]).toBeUndefined()
  expect(known.at(-1)).toBe(count - 1)
})
