/** The codecs, however their wire is cut, and whatever was done to it on the way. */
import { beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { rounds } from '../../../test/fixture/require.ts'
import type { Codec, Frame } from '../../core/connector.ts'
import type { Statement } from '../../core/statement.ts'
import type { Verdict } from '../../core/verdict.ts'
import { createCodecs } from './codec.ts'
import { header_bytes, i32, MessageCutter, message, stringEnd, textOf, u16 } from './message.ts'
import { createAnalyser } from './sql/analyse.ts'
import { loadParser } from './sql/tree.ts'

beforeAll(loadParser)

const letterOf = (type: number | undefined): string => String.fromCharCode(type ?? 0)

/** Denies every text with a DELETE in it, and remembers what it was asked. */
function open(recorded_rows_max?: number): {
  to_target: Codec
  to_client: Codec
  judged: Statement[]
} {
  const judged: Statement[] = []
  const judge = (statement: Statement): Verdict => {
    judged.push(statement)
    return statement.kinds.includes('delete') || statement.traits.length > 0
      ? { allowed: false, rule: 'test', message: 'no' }
      : { allowed: true, rule: 'test' }
  }
  const codecs = createCodecs(createAnalyser(), judge, undefined, recorded_rows_max)
  decodeAll(codecs.to_client, 1, [message('Z', 'I'.charCodeAt(0))])
  return { ...codecs, judged }
}

const texts = fc.constantFrom(
  ...[
    'SELECT 1',
    'SELECT 2; SELECT 3',
    '',
    'DELETE FROM t',
    'WITH d AS (DELETE FROM t RETURNING 1) TABLE d',
  ],
  ...['SELECT $1', 'no sql at all', 'COPY t FROM STDIN', "SELECT 'DELETE'", 'DROP DATABASE d'],
)
const named = fc.constantFrom('', 'a', 'b')
const value = fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 20 }))
const request = fc.oneof(
  texts.map((text) => message('Q', text)),
  fc.tuple(named, texts).map(([name, text]) => message('P', name, text, { u16: 1 }, { u32: 25 })),
  fc
    .tuple(named, named, fc.array(value, { maxLength: 3 }))
    .map(([portal, name, values]) =>
      message(
        ...(['B', portal, name, { u16: 0 }, { u16: values.length }] as const),
        ...values.flatMap((each) =>
          each === null ? [{ u32: 0xffffffff }] : [{ u32: each.length }, each],
        ),
        { u16: 0 },
      ),
    ),
  named.map((name) => message('D', 'S'.charCodeAt(0), name)),
  named.map((name) => message('C', 'P'.charCodeAt(0), name)),
  named.map((name) => message('E', name, { u32: 0 })),
  fc.constantFrom(message('S'), message('H'), message('c'), message('f', 'why'), message('X')),
  fc.uint8Array({ maxLength: 50 }).map((bytes) => message('d', bytes)),
  fc.constant(message('F', { u32: 1 }, { u16: 0 }, { u16: 0 }, { u16: 0 })),
)
const requests = fc
  .array(request, { maxLength: 12 })
  .map((all) => new Uint8Array(Buffer.concat(all)))
const cuts = fc.array(fc.nat(400), { maxLength: 10 })

/** What was asked for in this order, and what a target says to it. */
const asked = [
  ...[message('Q', 'SELECT 1; SELECT 2'), message('P', 'a', 'SELECT $1', { u16: 0 })],
  ...[message('D', 'S'.charCodeAt(0), 'a')],
  message('B', '', 'a', { u16: 0 }, { u16: 1 }, { u32: 1 }, new Uint8Array([0x78]), { u16: 0 }),
  ...[message('E', '', { u32: 0 }), message('S'), message('Q', 'COPY t TO STDOUT')],
]
const column = [{ u32: 0 }, { u16: 0 }, { u32: 25 }, { u16: 0 }, { u32: 0 }, { u16: 0 }] as const
const described = (...columns: readonly string[]): Uint8Array =>
  message('T', { u16: columns.length }, ...columns.flatMap((name) => [name, ...column]))
const row = (...values: readonly (string | null)[]): Uint8Array =>
  message(
    ...(['D', { u16: values.length }] as const),
    ...values.flatMap((each) => {
      if (each === null) return [{ u32: 0xffffffff }]
      const bytes = new TextEncoder().encode(each)
      return [{ u32: bytes.length }, bytes]
    }),
  )
const answered: readonly Uint8Array[] = [
  ...[described('one', 'two'), row('a value', null), row('', 'another'), message('C', 'SELECT 2')],
  ...[message('N', 'S'.charCodeAt(0), 'NOTICE', 'M'.charCodeAt(0), 'a word', 0)],
  ...[described('x'), row('last'), message('C', 'SELECT 1'), message('Z', 'I'.charCodeAt(0))],
  ...[message('1'), message('t', { u16: 1 }, { u32: 25 }), described('p'), message('2'), row('x')],
  ...[message('A', { u32: 7 }, 'channel', 'payload'), message('C', 'SELECT 1')],
  ...[message('Z', 'T'.charCodeAt(0)), message('H', 0, { u16: 1 }, { u16: 0 })],
  ...['copied\n', 'rows of a copy\n', '\n', 'are one run\n'].map((text) =>
    message('d', new TextEncoder().encode(text)),
  ),
  ...[message('c'), message('C', 'COPY 4')],
  ...[message('S', 'TimeZone', 'UTC'), message('Z', 'I'.charCodeAt(0))],
]

interface Run {
  readonly frames: readonly Frame[]
  readonly violation: string | undefined
}

function decodeAll(codec: Codec, stream: 0 | 1, chunks: readonly Uint8Array[]): Run {
  const frames: Frame[] = []
  for (const bytes of chunks) {
    const decoded = codec.decode({ kind: 'data', stream, bytes: bytes.slice() })
    if (!decoded.ok) return { frames, violation: decoded.violation }
    frames.push(...decoded.frames)
  }
  const rest = codec.flush()
  return { frames: rest.ok ? [...frames, ...rest.frames] : frames, violation: undefined }
}

function cutAt(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [...new Set([0, ...at.filter((place) => place < bytes.length), bytes.length])]
  const sorted = places.toSorted((a, b) => a - b)
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end))
}

/** One of the things that happen to bytes. */
const mutation = fc.record({
  kind: fc.constantFrom('set', 'insert', 'remove', 'double', 'length'),
  at: fc.nat(100_000),
  byte: fc.nat(255),
})
function mutate(
  bytes: Uint8Array,
  { kind, at, byte }: { kind: string; at: number; byte: number },
): Uint8Array {
  if (bytes.length === 0) return bytes
  const place = at % bytes.length
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)]
  switch (kind) {
    case 'set':
      return Buffer.concat([before, Uint8Array.of(byte), after.subarray(1)])
    case 'insert':
      return Buffer.concat([before, Uint8Array.of(byte), after])
    case 'remove':
      return Buffer.concat([before, after.subarray(1 + (byte % 8))])
    case 'double':
      return Buffer.concat([before, after.subarray(0, byte), after])
    default:
      return Buffer.concat([before, Uint8Array.of(0, 0, byte >> 4, byte), after.subarray(4)])
  }
}

/** The bytes, their fields in them, and the facts: where frames begin and end does not count. */
function joined({ frames, violation }: Run): unknown {
  let length = 0
  const bytes: Uint8Array[] = []
  const fields: unknown[] = []
  for (const frame of dataOf(frames)) {
    for (const field of frame.fields ?? [])
      fields.push({ ...field, start: length + field.start, end: length + field.end })
    bytes.push(frame.bytes)
    length += frame.bytes.length
  }
  const facts = frames.filter((frame) => frame.kind === 'fact')
  return { violation, bytes: Buffer.concat(bytes).toString('hex'), fields, facts }
}

const dataOf = (frames: readonly Frame[]): Extract<Frame, { kind: 'data' }>[] =>
  frames.filter((frame) => frame.kind === 'data')

/** Everything that goes to the target is a message that is known, and every text in one was judged. */
function checkForwarded({ frames }: Run): void {
  const facts = frames.flatMap((frame) =>
    frame.kind === 'fact' && frame.fact.kind === 'statement' ? [frame.fact] : [],
  )
  const allowed = new Set(
    facts.filter(({ verdict }) => verdict.allowed).map(({ text }) => textOf(text)),
  )
  for (const { bytes } of dataOf(frames).flatMap(messagesOf)) {
    const type = letterOf(bytes[0])
    expect('QPBDCESHdcfX').toContain(type)
    if (type !== 'Q' && type !== 'P') continue
    const from = type === 'Q' ? header_bytes : stringEnd(bytes, header_bytes) + 1
    const text = textOf(bytes.subarray(from, stringEnd(bytes, from)))
    if (text !== 'SELECT pg_catalog.sluice_denied()') expect([...allowed]).toContain(text)
  }
}

/** A frame may be of several messages, each with the fields in it. */
function messagesOf({ bytes, fields = [] }: Extract<Frame, { kind: 'data' }>): {
  bytes: Uint8Array
  fields: { start: number; end: number }[]
}[] {
  const cut = new MessageCutter(1 << 30).push(bytes.slice())
  if (!cut.ok) throw new Error(cut.violation)
  let at = 0
  // An empty one is in no message.
  const filled = fields.filter(({ start, end }) => end > start)
  const all = cut.messages.map((each) => {
    const until = at + each.bytes.length
    const own = filled
      .filter(({ start, end }) => start >= at && end <= until)
      .map(({ start, end }) => ({ start: start - at, end: end - at }))
    at = until
    return { bytes: each.bytes, fields: own }
  })
  expect(all.reduce((sum, each) => sum + each.fields.length, 0)).toBe(filled.length)
  expect(at).toBe(bytes.length)
  return all
}

/** A frame as those of its messages, each of which waits for its record or does not. */
function apart(frame: Frame): unknown {
  if (frame.kind !== 'data') return [frame]
  return messagesOf(frame).map((each) => ({ ...each, early: frame.early }))
}

/** Every value of a row and every word of the target lies in a field, so that it is masked. */
function checkShown({ frames }: Run): void {
  for (const { bytes, fields } of dataOf(frames).flatMap(messagesOf)) {
    const covered = (start: number, end: number): boolean =>
      fields.some((field) => field.start <= start && field.end >= end)
    const type = letterOf(bytes[0])
    expect('TDdcCZENASGHtIns123').toContain(type)
    for (const { start, end } of fields) {
      expect(start).toBeGreaterThanOrEqual(header_bytes)
      expect(end).toBeLessThanOrEqual(bytes.length)
    }
    if (type === 'd') expect(covered(header_bytes, bytes.length)).toBe(true)
    if (type !== 'D') continue
    let at = header_bytes + 2
    for (let left = u16(bytes, header_bytes); left > 0; left--) {
      const length = i32(bytes, at)
      at += 4
      if (length > 0) expect(covered(at, at + length)).toBe(true)
      at += Math.max(length, 0)
    }
    expect(at).toBe(bytes.length)
  }
}

const runs = { numRuns: rounds(400) } as const

describe('requests', () => {
  test('any split gives the same frames', () => {
    fc.assert(
      fc.property(requests, cuts, (bytes, at) => {
        const whole = decodeAll(open().to_target, 0, [bytes])
        const cut = decodeAll(open().to_target, 0, cutAt(bytes, at))
        expect(cut.frames.flatMap(apart)).toEqual(whole.frames.flatMap(apart))
        checkForwarded(whole)
        expect(whole.violation).toBeUndefined()
      }),
      runs,
    )
  })
  test('any change of them: no exception, and no byte goes on unjudged', () => {
    fc.assert(
      fc.property(requests, fc.array(mutation, { maxLength: 4 }), cuts, (bytes, mutations, at) => {
        const changed = mutations.reduce<Uint8Array>(mutate, bytes)
        const run = decodeAll(open().to_target, 0, cutAt(changed, at))
        checkForwarded(run)
        if (run.violation !== undefined) expect(run.violation).toMatch(/^[\x20-\x7e]{1,120}$/)
      }),
      runs,
    )
  })
  test('what is denied is replaced, its answer too', () => {
    const { to_target, to_client } = open()
    decodeAll(to_target, 0, [message('Q', 'DELETE FROM t')])
    const error = message(
      'E',
      'S'.charCodeAt(0),
      'ERROR',
      'C'.charCodeAt(0),
      '42883',
      'M'.charCodeAt(0),
      'function',
      0,
    )
    const { frames } = decodeAll(to_client, 1, [error, message('Z', 'I'.charCodeAt(0))])
    expect(textOf(dataOf(frames)[0]?.bytes ?? new Uint8Array())).toContain('42501')
    expect(frames.find((frame) => frame.kind === 'fact')).toMatchObject({
      fact: { kind: 'result', error: '42501' },
    })
  })
  test('a denied statement that does not fail ends the session', () => {
    const { to_target, to_client } = open()
    decodeAll(to_target, 0, [message('Q', 'DELETE FROM t')])
    expect(decodeAll(to_client, 1, [described('x'), row('y')]).violation).toContain('out of place')
  })
  test('a length that is only claimed takes no memory', () => {
    const cutter = new MessageCutter(64 * 1024 * 1024)
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 20; i++) {
      const head = message('Q', 'x')
      new DataView(head.buffer).setUint32(1, 60 * 1024 * 1024)
      new MessageCutter(64 * 1024 * 1024).push(head)
    }
    expect(cutter.push(Uint8Array.of(0x51, 4, 0, 0, 1)).ok).toBe(false)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024)
  })
})

describe('answers', () => {
  const bytes = new Uint8Array(Buffer.concat(answered))
  const ready = (recorded_rows_max?: number): Codec => {
    const { to_target, to_client } = open(recorded_rows_max)
    decodeAll(to_target, 0, asked)
    return to_client
  }
  test('are read to their end', () => {
    const run = decodeAll(ready(), 1, [bytes])
    expect(run.violation).toBeUndefined()
    checkShown(run)
    const results = run.frames.flatMap((frame) => (frame.kind === 'fact' ? [frame.fact] : []))
    expect(results).toMatchObject([
      { kind: 'result', statement: 1, run: 0, tag: 'SELECT 2', rows: 2 },
      { kind: 'result', statement: 1, run: 0, tag: 'SELECT 1', rows: 1 },
      { kind: 'result', statement: 2, run: 1, tag: 'SELECT 1', rows: 1 },
      { kind: 'result', statement: 3, run: 0, tag: 'COPY 4', rows: 4 },
    ])
  })
  test('any split gives the same frames', () => {
    const whole = decodeAll(ready(), 1, [bytes])
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), (at) => {
        expect(joined(decodeAll(ready(), 1, cutAt(bytes, at)))).toEqual(joined(whole))
      }),
      runs,
    )
  })
  test('any split leaves the same rows out of the record, each before its result', () => {
    for (const recorded of [0, 1, 2, 3]) {
      const whole = decodeAll(ready(), 1, [bytes])
      fc.assert(
        fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), (at) => {
          const run = decodeAll(ready(recorded), 1, cutAt(bytes, at))
          expect(joined(run)).toEqual(joined(whole))
          const left_out = new Map<string, number>()
          for (const frame of run.frames) {
            if (frame.kind === 'fact' && frame.fact.kind === 'result') {
              const { statement, run: number, rows } = frame.fact
              const name = `${statement}/${number}`
              expect(left_out.get(name) ?? 0).toBe(Math.max(0, rows - recorded))
              left_out.delete(name)
            }
            if (frame.kind !== 'data' || frame.left_out === undefined) continue
            const { statement, run: number, rows } = frame.left_out
            const name = `${statement}/${number}`
            left_out.set(name, (left_out.get(name) ?? 0) + rows)
            const found = messagesOf(frame).map((each) => letterOf(each.bytes[0]))
            expect(found.length).toBe(rows)
            expect(found.every((letter) => letter === 'D' || letter === 'd')).toBe(true)
          }
          expect(left_out.size).toBe(0)
        }),
        { numRuns: rounds(50) },
      )
    }
  })
  test('any change of them: no exception, and no value is shown that is not looked at', () => {
    fc.assert(
      fc.property(fc.array(mutation, { maxLength: 4 }), cuts, (mutations, at) => {
        const run = decodeAll(ready(), 1, cutAt(mutations.reduce<Uint8Array>(mutate, bytes), at))
        checkShown(run)
        if (run.violation !== undefined) expect(run.violation).toMatch(/^[\x20-\x7e]{1,120}$/)
      }),
      runs,
    )
  })
  for (const [name, setting] of [
    ['texts are read in another way', ['standard_conforming_strings', 'off']],
    ['bytes of characters look like ASCII', ['client_encoding', 'SJIS']],
  ] as const)
    test(`a target where ${name} ends the session`, () => {
      expect(decodeAll(ready(), 1, [message('S', ...setting)]).violation).toBeDefined()
    })
})
