/**
 * What goes between the threads arrives as it was, and in its order, however small and large, packed and plain are mixed.
 */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Field } from '../core/connector.ts'
import type { StatementFact } from '../core/statement.ts'
import { BatchWriter, readBatch } from './batch.ts'
import { pooled_bytes } from './buffers.ts'
import type { Committed, ToRecorder } from './messages.ts'
import { pack, unpack } from './packed.ts'

const bytes = fc.oneof(fc.uint8Array({ maxLength: 50 }), fc.constant(new Uint8Array(5000).fill(7)))
const number = fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER))
const text = fc.string({ unit: 'grapheme' })
const fields = fc.array(
  fc.record({ start: fc.nat(), end: fc.nat() }) satisfies fc.Arbitrary<Field>,
  { maxLength: 4 },
)
const fact = fc.oneof(
  fc.record({
    ...{ kind: fc.constant('statement' as const), statement: number, text: bytes, name: bytes },
    ...{ is_prepared: fc.boolean(), kinds: fc.array(text, { maxLength: 3 }) },
    verdict: fc.oneof(
      fc.record({ allowed: fc.constant(true as const), rule: text }),
      fc.record({ allowed: fc.constant(false as const), rule: text, message: text }),
    ),
  }),
  fc.record({
    kind: fc.constant('run' as const),
    statement: number,
    run: number,
    parameters: bytes,
  }),
  fc.record(
    {
      ...{ kind: fc.constant('result' as const), statement: number, run: number, tag: text },
      ...{ rows: number, bytes: number, error: fc.constantFrom('42501', 'XX000') },
    },
    { requiredKeys: ['kind', 'statement', 'run', 'tag', 'rows', 'bytes'] },
  ),
)
const place = { session: fc.nat(), channel: fc.nat() }
/** Whatever it is a part of. */
const plain = (given: Uint8Array): Uint8Array => Uint8Array.from(given)
const stream = fc.constantFrom(1 as const, 2 as const)
const some_fields = fc.option(fields, { nil: undefined })
const step = fc.oneof(
  fc.record({
    do: fc.constant('input' as const),
    ...place,
    ack: number,
    bytes,
    fields: some_fields,
  }),
  fc.record({
    ...{ do: fc.constant('output' as const), ...place, stream, bytes },
    fields: some_fields,
  }),
  fc.record({ do: fc.constant('fact' as const), ...place, fact }),
  fc.record({ do: fc.constant('other' as const), lsn: number }),
)

test('a batch gives what was written, in its order; what is too large is refused and nothing of it is written', () => {
  let seen = 0
  let texts = 0
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      let now_ms = 1_000
      const writer = new BatchWriter(() => now_ms)
      const facts_ms: number[] = []
      const wanted: ToRecorder[] = []
      for (const each of steps) {
        if (each.do === 'other') {
          wanted.push({ kind: 'projected', lsn: each.lsn })
          writer.message({ kind: 'projected', lsn: each.lsn })
          continue
        }
        const { session, channel } = each
        if (each.do === 'fact') {
          const given: StatementFact = each.fact
          writer.fact(session, channel, given)
          wanted.push({ kind: 'fact', session, channel, fact: given, age_ms: 0 })
          facts_ms.push(now_ms)
          now_ms += 0.25
          continue
        }
        const given = each.fields && { fields: each.fields }
        const common = { session, channel, bytes: each.bytes, ...given }
        const is_taken =
          each.do === 'input'
            ? writer.input(session, channel, each.ack, each.bytes, each.fields)
            : writer.output(session, channel, each.stream, each.bytes, each.fields)
        expect(is_taken).toBe(each.bytes.length <= 4096)
        if (!is_taken) continue
        if (each.do === 'input') wanted.push({ kind: 'input', ack: each.ack, ...common })
        else wanted.push({ kind: 'output', stream: each.stream, ...common })
      }
      const sent_ms = now_ms
      const { batch, transfer } = writer.take()
      expect(writer.isEmpty).toBe(true)
      const read: ToRecorder[] = []
      texts += typeof batch === 'string' ? 1 : 0
      readBatch(structuredClone(batch, { transfer }), (message) =>
        read.push('bytes' in message ? { ...message, bytes: plain(message.bytes) } : message),
      )
      for (const message of wanted)
        if (message.kind === 'fact')
          Object.assign(message, { age_ms: sent_ms - (facts_ms.shift() ?? 0) })
      expect(read).toEqual(wanted)
      seen += read.length
    }),
    { numRuns: 300 },
  )
  expect(seen, 'the property saw messages').toBeGreaterThan(100)
  expect(texts, 'some of them as a text').toBeGreaterThan(20)
})

test('a field that must be covered is none of the small ones: its rule would be lost', () => {
  const writer = new BatchWriter(() => 0)
  const covered = [{ start: 0, end: 1, rule: 'column' }]
  expect(writer.input(1, 1, 0, new Uint8Array(2), covered)).toBe(false)
  expect(writer.output(1, 1, 1, new Uint8Array(2), covered)).toBe(false)
  expect(writer.isEmpty).toBe(true)
})

const item = fc.oneof(
  fc.record({ kind: fc.constant('ack' as const), ack: fc.nat() }),
  fc.record({
    ...{ kind: fc.constant('release' as const), ...place, bytes },
    ...{ stream: fc.constantFrom(1 as const, 2 as const), more: fc.constantFrom(0, 0, 3) },
  }),
)

test('releases are the same and in the same places among the others once they are unpacked', () => {
  let packed_count = 0
  fc.assert(
    fc.property(fc.array(item), (given) => {
      const items = given.map((each): Committed => {
        if (each.kind === 'ack') return each
        const { more, ...release } = each
        return { ...release, raw_length: each.bytes.length + more }
      })
      const { items: rest, packed } = pack(items)
      packed_count += items.length - rest.length
      const out: Committed[] = []
      unpack(rest, packed, (each) => out.push(each))
      expect(out).toEqual(items)
    }),
    { numRuns: 300 },
  )
  expect(packed_count, 'the property packed some').toBeGreaterThan(100)
})

test('what was packed is never taken for a buffer of the pool', () => {
  const release = { kind: 'release', session: 1, channel: 1, stream: 1 } as const
  const items = Array.from({ length: pooled_bytes / 4096 }, () => ({
    ...release,
    ...{ bytes: new Uint8Array(4096), raw_length: 4096 },
  }))
  const { packed } = pack(items)
  expect(packed?.places.length).toBe(5 * items.length)
  expect(packed?.bytes.buffer.byteLength).not.toBe(pooled_bytes)
})
