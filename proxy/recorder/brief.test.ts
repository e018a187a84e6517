/**
 * A commit goes to the main thread as a text where it has nothing but small things, and says the same as it did as objects.
 */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { brief, readBrief } from './brief.ts'
import type { Committed, FromRecorder } from './messages.ts'
import { sealed } from './packed.ts'

const u32 = fc.oneof(fc.nat(), fc.constant(0xffff_ffff))
const count = fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER))
const item = fc.oneof(
  fc.record({ kind: fc.constant('ack' as const), ack: count }),
  fc
    .record({
      ...{ kind: fc.constant('release' as const), session: u32, channel: u32 },
      ...{ stream: fc.constantFrom(1 as const, 2 as const), bytes: fc.uint8Array() },
    })
    .map((release) => ({ ...release, raw_length: release.bytes.length })),
)
const measured = fc.option(
  fc.record({ took_ms: fc.double({ noNaN: true }), signed: fc.boolean(), masked: fc.constant({}) }),
  { nil: undefined },
)

const commit = (items: readonly Committed[]): FromRecorder & { kind: 'committed' } => ({
  kind: 'committed',
  ...{ lsn: 7, items, spent: [] },
})

test('what a text says is what was committed, in its order', () => {
  let items_seen = 0
  fc.assert(
    fc.property(fc.array(item), count, measured, (items, lsn, took) => {
      const given = { ...commit(items), lsn, ...(took && { measured: took }) }
      const { data, transfer } = sealed(given)
      expect(transfer).toEqual([])
      const read: Committed[] = []
      const about = readBrief(structuredClone(data) as string, (each) => {
        read.push(each.kind === 'release' ? { ...each, bytes: Uint8Array.from(each.bytes) } : each)
      })
      expect(read).toEqual(items)
      expect(about).toEqual({ lsn, ...(took && { measured: took }) })
      items_seen += read.length
    }),
    { numRuns: 300 },
  )
  expect(items_seen, 'the property saw items').toBeGreaterThan(100)
})

const release = { kind: 'release', session: 1, channel: 1, stream: 1 } as const
const some = new Uint8Array(4)
const error = { code: 'journal_io', message: 'no' } as const
const more: Readonly<Record<string, FromRecorder & { kind: 'committed' }>> = {
  'an answer': commit([{ kind: 'ack', ack: 1, opened: { session: 1, id: 'x' } }]),
  'a masked text': commit([{ kind: 'ack', ack: 1, masked: '' }]),
  'a command': commit([{ kind: 'ack', ack: 1, command: { text: '', spans: [], rules: [] } }]),
  'an upload': commit([{ kind: 'ack', ack: 1, bytes: some }]),
  'a failure': commit([{ kind: 'ack', ack: 1, error }]),
  'a stop': commit([{ kind: 'stopped', session: 1, channel: 1, message: 'stop' }]),
  'a release that settles more': commit([{ ...release, bytes: some, raw_length: 5 }]),
  'a buffer that is to come back': commit([
    { ...release, bytes: some, raw_length: 4, is_returned: true },
  ]),
  'a large release': commit([{ ...release, bytes: new Uint8Array(9000), raw_length: 9000 }]),
  'many acknowledgements': commit(
    Array.from({ length: 2_000 }, (_, ack) => ({ kind: 'ack' as const, ack })),
  ),
  'read buffers': { ...commit([]), spent: [new ArrayBuffer(1)] },
  masks: { ...commit([]), measured: { took_ms: 1, signed: false, masked: { pan: 1 } } },
}
for (const [name, message] of Object.entries(more))
  test(`${name} is more than a text says, and goes as it is`, () => {
    expect(brief(message)).toBeUndefined()
    expect(sealed(message).data).toBeObject()
  })
