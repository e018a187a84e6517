/**
 * What arrives together is one record, and no longer than one may be: bytes are cut where it is full, messages are not,
 * and a buffer is let go of behind its last bytes only.
 */
import { describe, expect, test } from 'bun:test'
import { output_record_bytes_max as full } from '../core/limits.ts'
import { createGather, type Gathered, join } from './gather.ts'

/** All that is emitted: joined, as the pump does. */
function gather(): {
  readonly add: ReturnType<typeof createGather>['add']
  readonly emitted: () => ({ readonly bytes: Buffer } & Pick<Gathered, 'pieces' | 'left_out'>)[]
} {
  const found: ({ bytes: Buffer } & Pick<Gathered, 'pieces' | 'left_out'>)[] = []
  const { add, flush } = createGather(
    () => {},
    (gathered) => {
      const bytes = Buffer.from(join(gathered, new Uint8Array(gathered.length)))
      found.push({ ...gathered, bytes })
    },
  )
  return {
    add,
    emitted() {
      flush()
      return found
    },
  }
}

const packet = (n: number): Uint8Array => new Uint8Array(30_000).fill(n)
const packets = Array.from({ length: 10 }, (_, n) => n)
const whole = Buffer.concat(packets.map(packet))

describe('a gather', () => {
  test('joins rows that are not recorded, of one result, and nothing else with them', () => {
    const { add, emitted } = gather()
    const row = (text: string, statement: number | undefined, run = 0): void =>
      add({
        ...{ kind: 'data', stream: 1, bytes: Buffer.from(text), fields: [] },
        ...(statement !== undefined && { left_out: { statement, run, rows: 1 } }),
      })
    row('a', undefined)
    row('b', 1)
    row('c', 1)
    row('d', 2)
    row('e', 2, 1)
    row('f', undefined)
    row('g', 2, 1)
    expect(emitted().map(({ bytes, left_out }) => [bytes.toString(), left_out])).toEqual([
      ['a', undefined],
      ['bc', { statement: 1, run: 0, rows: 2 }],
      ['d', { statement: 2, run: 0, rows: 1 }],
      ['e', { statement: 2, run: 1, rows: 1 }],
      ['f', undefined],
      ['g', { statement: 2, run: 1, rows: 1 }],
    ])
  })
  test('cuts bytes where a record is full', () => {
    const { add, emitted } = gather()
    const given = packets.map(packet)
    for (const bytes of given) add({ kind: 'data', stream: 1, bytes, last: true })
    const records = emitted()
    expect(records.map(({ bytes }) => bytes.length)).toEqual([full, full, whole.length - 2 * full])
    expect(Buffer.concat(records.map(({ bytes }) => bytes)).equals(whole)).toBe(true)
    expect(given.map(({ length }) => length)).toEqual(given.map(() => 0))
  })

  test('cuts content there, and every byte of it is in one piece', () => {
    const { add, emitted } = gather()
    for (const n of packets) {
      const content = { transfer: 1, start: 13, end: 29_990 }
      add({ kind: 'data', stream: 1, bytes: packet(n), content, last: true })
    }
    const records = emitted()
    expect(records.map(({ bytes }) => bytes.length)).toEqual([full, full, whole.length - 2 * full])
    const passed = records.flatMap(({ bytes, pieces = [] }) =>
      pieces.map(({ start, end }) => bytes.subarray(start, end)),
    )
    const wanted = packets.map((n) => packet(n).subarray(13, 29_990))
    expect(Buffer.concat(passed).equals(Buffer.concat(wanted))).toBe(true)
  })

  test('never cuts a message', () => {
    const { add, emitted } = gather()
    for (const n of packets) add({ kind: 'data', stream: 1, bytes: packet(n), fields: [] })
    expect(emitted().map(({ bytes }) => bytes.length)).toEqual([120_000, 120_000, 60_000])
  })

  test('lets go of nothing that is looked at again', () => {
    const { add, emitted } = gather()
    const bytes = packet(1)
    add({ kind: 'data', stream: 1, bytes: bytes.subarray(0, 100) })
    expect(emitted()).toHaveLength(1)
    expect(bytes).toHaveLength(30_000)
  })
})
