/**
 * Several facts in one record: each comes back as a record of its own would have it, and whatever does not fit together
 * is refused.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { toHex } from './bytes.ts'
import { type ExchangedFacts, factsOf } from './exchange.ts'
import { exchanged_facts_max } from './limits.ts'
import { leafHash } from './merkle.ts'
import { decodeRecord, encodeExchange, encodeRecord } from './record.ts'

const session = '0195e4a0-1111-7222-8333-444444444444'
const place = { v: 1, session, seq: 4, t_us: 1_772_352_000_000_000 } as const
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const channel = 1
const range = { offset: 10, length: 8 } as const
const statement = {
  ...{ kind: 'statement', channel, statement: 1, name: '', prepared: false, kinds: ['select'] },
  ...{ allowed: true, rule: 'policy.query', ...range, spans: [] },
} as const satisfies ExchangedFacts
const stdin = { kind: 'stdin', channel, ...range, spans: [], held: 0 } as const
const output = { kind: 'output', channel, stream: 1, ...range, spans: [] } as const
const result = {
  ...{ kind: 'result', channel, statement: 1, run: 0, tag: 'SELECT 1', rows: 1, length: 5 },
  duration_us: 7,
} as const satisfies ExchangedFacts
const query: readonly (readonly [ExchangedFacts, string])[] = [
  [statement, 'SELECT 1'],
  [stdin, 'Q    \nSELECT 1'],
  [output, 'D 1'],
  [result, ''],
]

const encoded = (facts: typeof query) =>
  encodeExchange(
    place,
    facts.map(([fact]) => fact),
    facts.map(([, payload]) => utf8(payload)),
  )

test('each fact is as it would be alone, and the leaf is that of the stored bytes', () => {
  const { stored, leaf } = encoded(query)
  expect(toHex(leaf)).toBe(toHex(leafHash(stored)))
  expect(Buffer.from(stored).toString()).toStartWith(
    `{"v":1,"session":"${session}","seq":4,"t_us":1772352000000000,"channel":1,"kind":"exchange","bytes":25,"facts":[` +
      '{"kind":"statement","bytes":8,"statement":1,"name":"","prepared":false,"kinds":["select"],"allowed":true,',
  )
  const decoded = decodeRecord(stored.slice())
  if (!decoded.ok) throw new Error(decoded.reason)
  const facts = factsOf(decoded)
  expect(facts.length).toBe(query.length)
  for (const [at, [fact, payload]] of query.entries()) {
    const alone = decodeRecord(encodeRecord({ ...place, ...fact }, utf8(payload)))
    if (!alone.ok) throw new Error(alone.reason)
    expect(facts[at]?.header).toEqual(alone.header)
    expect(toHex(facts[at]?.payload ?? utf8('?'))).toBe(toHex(utf8(payload)))
  }
})

test('another record is its only fact', () => {
  const decoded = decodeRecord(encodeRecord({ ...place, ...output }, utf8('D 1')))
  if (!decoded.ok) throw new Error(decoded.reason)
  expect(factsOf(decoded)).toEqual([decoded])
})

test('what is said in it never reads as another fact, and a large one is alone in its memory', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), fc.constant('"},{"kind":"statement","bytes":9')),
      fc.nat(6000).map((length) => new Uint8Array(length).map((_, at) => at * 31)),
      (tag, payload) => {
        const facts = [{ ...result, tag }, output] as const
        const { stored } = encodeExchange(place, facts, [new Uint8Array(), payload])
        const kept = stored.slice()
        encoded(query)
        if (kept.length > 4096) expect(Buffer.from(stored).equals(kept)).toBe(true)
        const decoded = decodeRecord(kept)
        if (!decoded.ok) throw new Error(decoded.reason)
        const [first, second, ...more] = factsOf(decoded)
        expect(more).toEqual([])
        expect(first?.header).toMatchObject({ kind: 'result', bytes: 0 })
        expect(Buffer.from(second?.payload ?? [1]).equals(payload)).toBe(true)
      },
    ),
    { numRuns: 40 },
  )
})

describe('is refused', () => {
  const { kind, channel: _, spans: __, ...own } = output
  const one = { kind, bytes: 3, ...own }
  const two = { ...one, bytes: 1 }
  const said = (facts: unknown, payload = 'abcd'): string => {
    const header = { ...place, channel, kind: 'exchange', bytes: payload.length, facts }
    const decoded = decodeRecord(utf8(`${JSON.stringify(header)}\n${payload}`))
    return decoded.ok ? '' : decoded.reason
  }
  const { channel: ___, spans: ____, ...asked } = statement
  const text = { ...asked, bytes: 2 }
  const cases: Readonly<Record<string, readonly [facts: unknown, reason: string]>> = {
    'no list': [{ 0: one }, 'facts'],
    'no facts': [[], 'no facts'],
    'too many facts': [
      Array.from({ length: exchanged_facts_max + 1 }, () => ({ ...one, bytes: 0 })),
      'too many',
    ],
    'a fact that is none': [[one, 'output'], 'no such kind'],
    'a kind that stands alone': [[one, { kind: 'end', bytes: 1, reason: '', detail: '' }], 'kind'],
    'an exchange in it': [[{ kind: 'exchange', bytes: 4, facts: [one, two] }], 'kind'],
    'a missing member': [[one, { ...two, stream: undefined }], 'stream of its output'],
    'a member of another type': [[{ ...one, offset: '1' }, two], 'offset of its output'],
    'a place of its own': [[one, { ...two, seq: 9 }], 'seq of its output'],
    'another channel': [[one, { ...two, channel: 2 }], 'channel of its output'],
    'masks of its own': [[one, { ...two, spans: [] }], 'spans of its output'],
    'a length that is none': [[one, { ...two, bytes: -1 }], 'no such payload'],
    'a payload that its kind has not': [
      [one, { ...result, channel: undefined, bytes: 1 }],
      'its result has no such payload',
    ],
    'less than its payload': [[one], 'another payload'],
    'more than its payload': [[one, { ...one }], 'another payload'],
    'two statements': [[text, text], 'more than one statement'],
  }
  for (const [name, [facts, reason]] of Object.entries(cases))
    test(name, () => expect(said(facts)).toContain(reason))

  test('nothing that is right', () => {
    expect(said([one, two])).toBe('')
    expect(said([text, { ...text, kind: 'run', run: 1 }])).toBe('')
  })
})
