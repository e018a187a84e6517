import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Tail } from './tail.ts'

describe('the end of what was printed', () => {
  test('is the last bytes of all, however they came, and says whether there were more', () => {
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
          expect(Buffer.from(tail.take())).toEqual(all.subarray(-bytes_max))
          expect(tail.has_gap).toBe(all.length > bytes_max)
          expect(tail.isEmpty).toBe(true)
          if (all.length > 3 * bytes_max) cut += 1
        },
      ),
    )
    expect(cut).toBeGreaterThan(0)
  })

  test('what was taken is not written over', () => {
    const tail = new Tail(8)
    tail.push(Buffer.from('one'))
    const taken = tail.take()
    tail.push(Buffer.from('two'))
    expect(Buffer.from(taken).toString()).toBe('one')
  })
})
