/**
 * The line of a record is byte for byte what `JSON.stringify` writes of its members in their order.
 */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { RecordFacts, RecordPlace } from './record.ts'
import { recordLine } from './record-line.ts'

const session = '0195e4a0-1111-7222-8333-444444444444'
const number = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(),
  fc.constantFrom(0, 9, 10, 99_999_999, 100_000_000, 10 ** 15, 2 ** 31, 2 ** 32, 2 ** 53 - 1),
)
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme-ascii', minLength: 100, maxLength: 6_000 }),
  fc.constantFrom('"', '\\', '\u007f', '\u2028', '\ud800', '\n', ''),
)
const value = fc.oneof(
  ...[number, text, fc.boolean(), fc.double(), fc.integer(), fc.constant(undefined)],
  ...[fc.array(text, { maxLength: 3 }), fc.dictionary(text, number), fc.constant(null)],
)
const names = ['rule', 'spans', 'length', 'offset', 'error', 'message', 'kinds', 'v', 'bytes', '"']

test('a line is what JSON.stringify writes of the same members', () => {
  fc.assert(
    fc.property(
      ...([number, number, number, number] as const),
      fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 6 }),
      (seq, t_us, channel, bytes, given) => {
        const members = Object.fromEntries(given)
        const place: RecordPlace = { v: 1, session, seq, t_us }
        const facts = { channel, kind: 'statement', ...members } as unknown as RecordFacts // Of any members.
        const { v: _, bytes: __, ...others } = members
        const wanted = JSON.stringify({ ...place, channel, kind: 'statement', bytes, ...others })
        const line = recordLine(place, facts, bytes)
        expect(Buffer.from(line).toString('latin1')).toBe(
          Buffer.from(`${wanted}\n`).toString('latin1'),
        )
      },
    ),
    { numRuns: 3_000 },
  )
})

test('a line grows as it has to', () => {
  const place: RecordPlace = { v: 1, session, seq: 0, t_us: 1 }
  const long = 'é'.repeat(100_000)
  const line = recordLine(place, { kind: 'end', channel: 0, reason: 'client', detail: long }, 0)
  expect(JSON.parse(Buffer.from(line).toString())).toMatchObject({ detail: long })
})
