/**
 * Records there and back, and what must be refused; log entries and documents likewise.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { toHex } from './bytes.ts'
import { digestOf, makeDocument, openDocument } from './document.ts'
import { LeafList, openLeafList } from './leaf-list.ts'
import { leaf_list_width, record_bytes_max } from './limits.ts'
import { decodeLogEntry, encodeLogEntry } from './log-entry.ts'
import { leafHash } from './merkle.ts'
import { decodeRecord, encodeRecord, type RecordFacts } from './record.ts'

const session = '0195e4a0-1111-7222-8333-444444444444'
const place = { v: 1, session, seq: 4, t_us: 1_772_352_000_000_000 } as const
const commitment = 'a'.repeat(64)
const span = { at: 0, n: 2, offset: 10, length: 2, rule: 'card', commitment }
const output: RecordFacts = {
  kind: 'output',
  channel: 1,
  stream: 1,
  offset: 10,
  length: 3,
  spans: [span],
}
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const record = (header: object, payload = ''): Uint8Array =>
  utf8(`${JSON.stringify(header)}\n${payload}`)

describe('a record', () => {
  test('is one line of JSON, then the payload, alone in its buffer', () => {
    const stored = encodeRecord({ ...place, ...output }, utf8('**\n'))
    expect(Buffer.from(stored).toString()).toBe(
      `{"v":1,"session":"${session}","seq":4,"t_us":1772352000000000,"channel":1,"kind":"output","bytes":3,` +
        `"stream":1,"offset":10,"length":3,"spans":[{"at":0,"n":2,"offset":10,"length":2,"rule":"card",` +
        `"commitment":"${commitment}"}]}\n**\n`,
    )
    expect(stored.buffer.byteLength).toBe(stored.length)
    expect(stored.byteOffset).toBe(0)
  })

  test('is as long as it is in memory that was used before', () => {
    const used = new Uint8Array(4096).fill(0xff)
    const payload = new Uint8Array(100).fill(7)
    const facts: RecordFacts = { kind: 'sealed', channel: 0, what: 'é' }
    const stored = encodeRecord({ ...place, ...facts }, payload, (bytes) => used.subarray(0, bytes))
    expect(stored.buffer).toBe(used.buffer)
    expect(toHex(stored)).toBe(toHex(encodeRecord({ ...place, ...facts }, payload)))
    expect(used[stored.length]).toBe(0xff)
  })

  test('comes back as it was, whatever the payload', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(),
        fc.string(),
        (payload, seq, what) => {
          const facts: RecordFacts = { kind: 'sealed', channel: 3, what }
          const stored = encodeRecord({ ...place, seq, ...facts }, payload)
          const decoded = decodeRecord(stored)
          if (!decoded.ok) throw new Error(decoded.reason)
          expect(decoded.header).toEqual({ ...place, seq, ...facts, bytes: payload.length })
          expect(toHex(decoded.payload)).toBe(toHex(payload))
          expect(toHex(encodeRecord(decoded.header, decoded.payload))).toBe(toHex(stored))
        },
      ),
    )
  })

  test('has the header that JSON has for it, whatever the values', () => {
    const numbers = fc.oneof(fc.double(), fc.constantFrom(-0, 1e21, 5e-324))
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), numbers, (what, rows) => {
        const facts: RecordFacts = {
          ...{ kind: 'result', channel: 1, statement: 1, run: 0, tag: what, rows },
          ...{ length: 5, duration_us: 1 },
        }
        const { channel, kind, ...more } = facts
        const header = { ...place, channel, kind, bytes: 0, ...more }
        expect(Buffer.from(encodeRecord({ ...place, ...facts })).toString()).toBe(
          Buffer.from(`${JSON.stringify(header)}\n`).toString(),
        )
      }),
    )
  })

  const whole = { ...place, bytes: 3, ...output }
  const refusals: Readonly<Record<string, readonly [Uint8Array, string]>> = {
    'no newline': [utf8('{}'), 'no end'],
    'no JSON': [utf8('{"v":1\n'), 'not a JSON object'],
    'an array': [utf8('[]\n'), 'not a JSON object'],
    'hostile nesting': [utf8(`${'['.repeat(100_000)}\n`), 'not a JSON object'],
    'bytes that are not UTF-8': [Uint8Array.of(0x7b, 0xff, 0x7d, 0x0a), 'not a JSON object'],
    'another version': [record({ ...whole, v: 2 }, '**\n'), 'version'],
    'no session': [record({ ...whole, session: 'x' }, '**\n'), 'session'],
    'a UUIDv4': [record({ ...whole, session: session.replace('-7', '-4') }, '**\n'), 'session'],
    'a negative sequence': [record({ ...whole, seq: -1 }, '**\n'), 'sequence'],
    'a sequence beyond a double': [record({ ...whole, seq: 2 ** 60 }, '**\n'), 'sequence'],
    'a time as text': [record({ ...whole, t_us: '1' }, '**\n'), 'time'],
    'a fractional channel': [record({ ...whole, channel: 0.5 }, '**\n'), 'channel'],
    'an unknown kind': [record({ ...whole, kind: 'outputs' }, '**\n'), 'kind is unknown'],
    'a kind of every object': [record({ ...whole, kind: 'toString' }, '**\n'), 'kind is unknown'],
    'a missing member': [record({ ...whole, stream: undefined }, '**\n'), 'stream'],
    'a span without commitment': [record({ ...whole, spans: [{ at: 0, n: 1 }] }, '**\n'), 'spans'],
    'a span outside': [record({ ...whole, spans: [{ ...span, n: 4 }] }, '**\n'), 'outside'],
    'spans on each other': [record({ ...whole, spans: [span, span] }, '**\n'), 'overlap'],
    'a shorter payload': [record(whole, '**'), 'as long as'],
    'a longer payload': [record(whole, '**\n\n'), 'as long as'],
    'a huge length': [record({ ...whole, bytes: 2 ** 50 }, '**\n'), 'as long as'],
    'a payload that its kind has not': [
      record({ ...place, channel: 0, kind: 'resize', bytes: 1, columns: 1, rows: 1 }, 'x'),
      'no payload',
    ],
    'an outcome that is none': [
      record({
        ...{ ...place, channel: 1, kind: 'transfer', bytes: 0, transfer: 1, tool: 'sftp' },
        ...{ direction: 'upload', path: '/x', outcome: 'done', offset: 0, length: 0 },
        ...{ in_order: true, digest: commitment },
      }),
      'outcome',
    ],
    'a direction that is none': [
      record({
        ...{ ...place, channel: 1, kind: 'transfer_start', bytes: 0, transfer: 1, tool: 'sftp' },
        ...{ direction: 'sideways', path: '/x' },
      }),
      'direction',
    ],
    'a start in the middle': [
      record({
        ...place,
        channel: 0,
        kind: 'start',
        bytes: 0,
        document: commitment,
        envelope: commitment,
      }),
      'seq',
    ],
    'more bytes than a record can have': [new Uint8Array(record_bytes_max + 1), 'larger'],
  }
  for (const [title, [stored, reason]] of Object.entries(refusals))
    test(`is refused: ${title}`, () => {
      const decoded = decodeRecord(stored)
      expect(decoded.ok ? 'accepted' : decoded.reason).toContain(reason)
    })

  test('keeps members that this version does not know', () => {
    expect(decodeRecord(record({ ...whole, later: [1] }, '**\n'))).toMatchObject({ ok: true })
  })

  test('any bytes at all are an answer, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(typeof decodeRecord(bytes).ok).toBe('boolean')
      }),
    )
  })
})

describe('a log entry', () => {
  const digest = 'b'.repeat(64)
  const entry = {
    v: 1,
    type: 'heartbeat',
    time: '2026-03-01T08:00:00.000Z',
    id: 'edge-1',
    digest,
  } as const

  test('comes back as it was', () => {
    expect(decodeLogEntry(encodeLogEntry(entry))).toEqual(entry)
    expect(Buffer.from(encodeLogEntry(entry)).toString()).toBe(JSON.stringify(entry))
  })

  test('is refused when a member is wrong', () => {
    const wrong = [
      { ...entry, v: 2 },
      { ...entry, type: 'Heartbeat' },
      { ...entry, time: '2026-03-01T08:00:00Z' },
      { ...entry, time: '2026-13-01T08:00:00.000Z' },
      { ...entry, id: '' },
      { ...entry, id: 'x'.repeat(256) },
      { ...entry, digest: digest.toUpperCase() },
    ]
    for (const one of wrong)
      expect(decodeLogEntry(utf8(JSON.stringify(one))), JSON.stringify(one)).toBeUndefined()
    expect(decodeLogEntry(new Uint8Array(5000))).toBeUndefined()
  })
})

describe('a document', () => {
  const salt = new Uint8Array(32).fill(9)

  test('is its salt and its JSON; the digest is over both', () => {
    const { bytes, digest } = makeDocument({ v: 1, type: 'x' }, salt)
    expect(toHex(bytes)).toBe(
      `${'09'.repeat(32)}${Buffer.from('{"v":1,"type":"x"}').toString('hex')}`,
    )
    expect(digest).toBe(digestOf(bytes))
    expect(openDocument(bytes)).toEqual({ v: 1, type: 'x' })
  })

  test('needs a whole salt, and JSON after it', () => {
    expect(() => makeDocument({}, salt.subarray(1))).toThrow('assertion')
    expect(openDocument(salt)).toBeUndefined()
    expect(openDocument(Buffer.concat([salt, utf8('[]')]))).toBeUndefined()
  })
})

describe('a leaf list', () => {
  test('is stored when it is full, and at the end', () => {
    const list = new LeafList()
    const hashes = Array.from({ length: leaf_list_width + 2 }, (_, n) => leafHash(utf8(`${n}`)))
    const full = hashes.map((hash) => list.append(hash)).filter((one) => one !== undefined)
    const { last, leaves } = list.finish()
    expect(full.map(({ digest }) => digest)).toEqual(leaves.slice(0, 1))
    expect(last?.digest).toBe(leaves[1] ?? '')
    const lists = [...full, ...(last === undefined ? [] : [last])]
    const back = lists.flatMap(({ bytes }) => openLeafList(bytes) ?? [])
    expect(back.map(toHex)).toEqual(hashes.map(toHex))
  })

  const width = leaf_list_width
  const hashesOf = (from: number, to: number): Uint8Array[] =>
    Array.from({ length: to - from }, (_, n) => leafHash(utf8(`${from + n}`)))
  const listOf = (hashes: readonly Uint8Array[], list = new LeafList()): LeafList => {
    for (const hash of hashes) list.append(hash)
    return list
  }

  for (const size of [0, 1, width - 1, width, width + 1, 2 * width])
    test(`goes on in another process after ${size} records`, () => {
      const state = structuredClone(listOf(hashesOf(0, size)).state())
      const end = 2 * width + 3
      const again = listOf(hashesOf(size, end), new LeafList(state))
      expect(again.finish()).toEqual(listOf(hashesOf(0, end)).finish())
    })

  for (const [settled, lost] of [
    [0, 3],
    [5, 2],
    [5, width],
    [width - 1, 1],
    [width - 1, 2],
    [width, 0],
    [width + 7, 2 * width],
  ] as const)
    test(`is again what it was at ${settled} records, after ${lost} that were not to be`, () => {
      const list = listOf(hashesOf(0, settled))
      list.settle(list.place())
      const again = [1, 2].map((time) => {
        for (let n = 0; n < lost; n++) list.append(leafHash(utf8(`lost ${time} ${n}`)))
        // The end was lost too.
        list.finish()
        list.rollBack()
        return list.state()
      })
      const expected = listOf(hashesOf(0, settled)).state()
      expect(again).toEqual([expected, expected])
      const [rest, whole] = [hashesOf(settled, settled + width), hashesOf(0, settled + width)]
      expect(listOf(rest, list).finish()).toEqual(listOf(whole).finish())
    })

  test('of nothing is none', () => {
    expect(new LeafList().finish()).toEqual({ last: undefined, leaves: [] })
    for (const length of [0, 31, 33, 32 * (leaf_list_width + 1)])
      expect(openLeafList(new Uint8Array(length))).toBeUndefined()
  })
})
