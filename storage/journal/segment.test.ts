import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Groups } from './group.ts'
import { frame_bytes_max, group_bytes_max } from './limits.ts'
import { readJournal } from './read.ts'
import type { Entry } from './segment.ts'
import { decodeFrame, decodeHeader, encodeHeader, header_bytes } from './segment.ts'

/** Every kind once, with the smallest and the largest numbers. Never changes: FORMAT.md. */
const entries: readonly (readonly [lsn: number, entry: Entry])[] = [
  [
    42,
    {
      kind: 'document',
      type: 'session.started',
      digest: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
      bytes: Buffer.from('hello'),
    },
  ],
  [
    43,
    {
      kind: 'record',
      session: '01890a5d-ac96-774b-bcce-b302099a8057',
      seq: 0,
      bytes: Buffer.from('{"v":1}\nmasked \u{1f512}'),
    },
  ],
  // A commit with 44 and 45 had failed.
  [46, { kind: 'log_entry', index: Number.MAX_SAFE_INTEGER, bytes: Buffer.from('{}') }],
  [
    2 ** 52,
    {
      kind: 'record',
      session: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
      seq: 2 ** 40,
      bytes: Buffer.alloc(0),
    },
  ],
  [2 ** 52 + 1, { kind: 'checkpoint', bytes: Buffer.from('edge/1\n1\nroot\n') }],
]
const header = { generation: 7, previous_lsn: 41, segment_bytes: 65_536, version: 1 } as const
const grouped_header = { ...header, version: 3 } as const
const vector_dir = join(import.meta.dir, 'vector')
const grouped_dir = join(vector_dir, 'grouped')
const old = readFileSync(join(vector_dir, '0000000007.segment'))
const vector = readFileSync(join(grouped_dir, '0000000007.segment'))

/** Three commits: a group has the numbers that follow each other. */
function encodeAll(): Buffer {
  const parts: Uint8Array[] = [encodeHeader(grouped_header)]
  let crc = decodeHeader(encodeHeader(grouped_header))?.crc ?? 0
  const groups = new Groups(undefined)
  for (const [at, [lsn, entry]] of entries.entries()) {
    groups.add(entry)
    if (entries[at + 1]?.[0] === lsn + 1) continue
    const sealed = groups.seal(lsn, header.generation, crc)
    parts.push(...sealed.parts.map((part) => Buffer.from(part)))
    groups.clear()
    crc = sealed.crc
  }
  return Buffer.concat(parts)
}

const plain = (lsn: number, entry: Entry): unknown => ({
  lsn,
  entry: { ...entry, bytes: Buffer.from(entry.bytes).toString('hex') },
})

/** RFC 1952, section 2.3.1: the CRC of what was compressed is in the last eight bytes. */
function gzipCrc(parts: readonly Uint8Array[]): number {
  return gzipSync(Buffer.concat(parts)).subarray(-8).readUInt32LE(0)
}

describe.each([
  ['1', vector_dir, old],
  ['3', grouped_dir, vector],
] as const)('version %s is frozen', (_, dir, segment) => {
  test('a segment of it is read', () => {
    const read: unknown[] = []
    for (const { lsn, entry } of readJournal(dir, 0)) read.push(plain(lsn, entry))
    expect(read).toEqual(entries.map(([lsn, entry]) => plain(lsn, entry)))
  })

  test('its CRCs are those of zlib', () => {
    const checked = [segment.subarray(0, 36)]
    expect(segment.readUInt32LE(36)).toBe(gzipCrc(checked))
    for (let at = header_bytes; at < segment.length; ) {
      const end = at + 32 + segment.readUInt32LE(at + 4)
      // A CRC that continues another is the CRC of both after each other.
      checked.push(segment.subarray(at + 4, end))
      expect(segment.readUInt32LE(at)).toBe(gzipCrc(checked))
      at = end
    }
  })
})

test('version 3 is written, to the byte', () => {
  expect(encodeAll().toString('hex')).toBe(vector.toString('hex'))
})

describe('groups', () => {
  const record = (seq: number, bytes: number): Entry => ({
    ...{ kind: 'record', session: '01890a5d-ac96-774b-bcce-b302099a8057', seq },
    bytes: Buffer.alloc(bytes, seq % 251),
  })

  test('close before they get too large, and are what they were said to take', () => {
    const groups = new Groups(undefined)
    const given = [10, 4096, 4097, 100_000, 0, 200_000, 3_000_000, 5, 90_000].map((bytes, seq) =>
      record(seq, bytes),
    )
    for (const one of given) groups.add(one)
    const { parts, crc } = groups.seal(109, 7, 5)
    const bytes = Buffer.concat(parts)
    expect(bytes.length).toBe(groups.bytes)
    const read: Entry[] = []
    let [at, previous_crc, previous_lsn] = [0, 5, 100]
    while (at < bytes.length) {
      const expected = { generation: 7, previous_crc, previous_lsn }
      const decoded = decodeFrame(bytes, at, frame_bytes_max, expected)
      if (!decoded.ok || decoded.frame.kind !== 'plain') throw new Error('not a frame')
      const { frame } = decoded
      expect(frame.first_lsn).toBe(previous_lsn + 1)
      expect(frame.lsn).toBe(previous_lsn + frame.entries.length)
      if (frame.entries.length > 1) expect(decoded.end - at).toBeLessThanOrEqual(group_bytes_max)
      read.push(...frame.entries)
      at = decoded.end
      previous_crc = decoded.crc
      previous_lsn = frame.lsn
    }
    expect(previous_lsn).toBe(109)
    expect(previous_crc).toBe(crc)
    expect(read.map((entry) => plain(0, entry))).toEqual(given.map((entry) => plain(0, entry)))
  })

  test('are used again, with nothing of before', () => {
    const groups = new Groups(undefined)
    groups.add(record(1, 5000))
    groups.seal(1, 1, 0)
    groups.clear()
    expect(groups.isEmpty).toBe(true)
    groups.add(record(2, 10))
    const bytes = Buffer.concat(groups.seal(2, 1, 0).parts)
    expect(bytes.length).toBe(32 + 16 + 16 + 10)
    expect(groups.bytes).toBe(bytes.length)
  })

  test('whose count is another than that of their entries are none', () => {
    const groups = new Groups(undefined)
    for (const seq of [1, 2, 3]) groups.add(record(seq, 10))
    const bytes = Buffer.concat(groups.seal(3, 1, 0).parts)
    const expected = { generation: 1, previous_crc: 0, previous_lsn: 0 }
    const withCount = (count: number): boolean => {
      bytes.writeUInt32LE(count, 24)
      bytes.writeUInt32LE(Bun.hash.crc32(bytes.subarray(4)), 0)
      return decodeFrame(bytes, 0, frame_bytes_max, expected).ok
    }
    expect([0, 1, 2, 3, 4, 2 ** 31].map(withCount)).toEqual([
      ...[false, false, false, true, false, false],
    ])
  })
})

describe('what is not exactly as written', () => {
  const expected = { generation: 7, previous_crc: vector.readUInt32LE(36), previous_lsn: 41 }
  const decode = (bytes: Uint8Array): boolean =>
    decodeFrame(bytes, header_bytes, frame_bytes_max, expected).ok

  test('is no frame, whichever bit of it differs', () => {
    const end = header_bytes + 32 + vector.readUInt32LE(header_bytes + 4)
    expect(decode(vector.subarray(0, end))).toBe(true)
    for (let bit = header_bytes * 8; bit < end * 8; bit++) {
      const changed = Buffer.from(vector.subarray(0, end))
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(decode(changed)).toBe(false)
    }
    for (let length = header_bytes; length < end; length++)
      expect(decode(vector.subarray(0, length))).toBe(false)
  })

  test('is no header, whichever bit of it differs', () => {
    expect(decodeHeader(old)).toMatchObject(header)
    expect(decodeHeader(vector)).toMatchObject(grouped_header)
    for (let bit = 0; bit < 40 * 8; bit++) {
      const changed = Buffer.from(vector.subarray(0, header_bytes))
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(decodeHeader(changed)).toBeUndefined()
    }
    expect(decodeHeader(vector.subarray(0, header_bytes - 1))).toBeUndefined()
  })

  test('is no frame in another place, segment or order', () => {
    const bytes = Buffer.from(vector)
    const at = (change: Partial<typeof expected>): boolean =>
      decodeFrame(bytes, header_bytes, frame_bytes_max, { ...expected, ...change }).ok
    expect(at({})).toBe(true)
    expect(at({ previous_crc: 1 })).toBe(false)
    expect(at({ generation: 8 })).toBe(false)
    expect(at({ previous_lsn: 42 })).toBe(false)
  })

  test('a length that cannot be is not waited for', () => {
    const bytes = Buffer.alloc(64)
    bytes.writeUInt32LE(frame_bytes_max, 4)
    bytes.writeUInt32LE(42, 8)
    bytes.writeUInt32LE(7, 16)
    bytes.writeUInt32LE(6, 20)
    bytes.writeUInt32LE(1, 24)
    expect(decodeFrame(bytes, 0, frame_bytes_max, expected)).toEqual({ ok: false })
    bytes.writeUInt32LE(100, 4)
    expect(decodeFrame(bytes, 0, frame_bytes_max, expected)).toEqual({ ok: false, bytes: 132 })
  })
})
