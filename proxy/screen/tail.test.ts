import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Tail } from './tail.ts'

describe('the end of what was printed', () => {
  test('is the last bytes of all, however they came, and says what was lost before', () => {
    let cut = 0
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 300 }),
        (printed, bytes_max) => {
          const tail = new Tail(bytes_max)
          const all = Buffer.concat(printed)
          for (const bytes of printed) {
            tail.push(bytes)
            // It was copied.
            bytes.fill(0)
          }
          expect(tail.isEmpty).toBe(all.length === 0)
          expect(tail.place).toBe(all.length)
          const { bytes, from } = tail.take()
          expect(Buffer.from(bytes)).toEqual(all.subarray(-bytes_max))
          expect(from).toBe(Math.max(0, all.length - bytes_max))
          expect(tail.isEmpty).toBe(true)
          expect(tail.place).toBe(0)
          if (all.length > 3 * bytes_max) cut += 1
        },
      ),
    )
    expect(cut).toBeGreaterThan(0)
  })

  test('what came from a place on is compared as if all of it were there, or not at all', () => {
    const found = { all: 0, part: 0, none: 0, lost: 0 }
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 })
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 12 }),
        fc.nat(12),
        letters,
        fc.integer({ min: 1, max: 24 }),
        (printed, begin, typed, bytes_max) => {
          const tail = new Tail(bytes_max)
          for (const text of printed.slice(0, begin)) tail.push(Buffer.from(text))
          const { place } = tail
          for (const text of printed.slice(begin)) tail.push(Buffer.from(text))
          const since = printed.slice(begin).join('')
          const begins = tail.beginsSince(place, Buffer.from(typed))
          const is = tail.isSince(place, Buffer.from(typed))
          if (is) expect(typed).toBe(since)
          if (begins) expect(typed.startsWith(since)).toBe(true)
          // So much is always there.
          if (since.length <= bytes_max) {
            expect(begins).toBe(typed.startsWith(since))
            expect(is).toBe(typed === since)
          } else found.lost += 1
          if (is) found.all += 1
          else if (begins) found.part += 1
          else found.none += 1
        },
      ),
      { numRuns: 500 },
    )
    for (const count of Object.values(found)) expect(count).toBeGreaterThan(0)
  })

  test('what was taken is not written over', () => {
    const tail = new Tail(8)
    tail.push(Buffer.from('one'))
    const { bytes } = tail.take()
    tail.push(Buffer.from('two'))
    expect(Buffer.from(bytes).toString()).toBe('one')
  })
})
