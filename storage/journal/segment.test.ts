import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { frame_bytes_max } from './limits.ts'
import { readJournal } from './read.ts'
import type { Entry } from './segment.ts'
import {
  decodeFrame,
  decodeHeader,
  encodeFrame,
  encodeHeader,
  framePrefixBytes,
  header_bytes,
  sealFrame,
} from './segment.ts'

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
const vector_dir = join(import.meta.dir, 'vector')
const vector = readFileSync(join(vector_dir, '0000000007.segment'))

function encodeAll(): Buffer {
  const parts: Uint8Array[] = [encodeHeader(header)]
  let crc = decodeHeader(encodeHeader(header))?.crc ?? 0
  for (const [lsn, entry] of entries) {
    const prefix = Buffer.alloc(framePrefixBytes(entry))
    encodeFrame(prefix, 0, lsn, entry)
    crc = sealFrame(prefix, 0, prefix.length, entry.bytes, header.generation, crc)
    parts.push(prefix, entry.bytes)
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

describe('version 1 is frozen', () => {
  test('a segment of it is read', () => {
    const read: unknown[] = []
    for (const { lsn, entry } of readJournal(vector_dir, 0)) read.push(plain(lsn, entry))
    expect(read).toEqual(entries.map(([lsn, entry]) => plain(lsn, entry)))
  })

  test('and written, to the byte', () => {
    expect(encodeAll().toString('hex')).toBe(vector.toString('hex'))
  })

  test('its CRCs are those of zlib', () => {
    const checked = [vector.subarray(0, 36)]
    expect(vector.readUInt32LE(36)).toBe(gzipCrc(checked))
    for (let at = header_bytes; at < vector.length; ) {
      const end = at + 32 + vector.readUInt32LE(at + 4)
      // A CRC that continues another is the CRC of both after each other.
      checked.push(vector.subarray(at + 4, end))
      expect(vector.readUInt32LE(at)).toBe(gzipCrc(checked))
      at = end
    }
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
    expect(decodeHeader(vector)).toMatchObject(header)
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
    bytes.writeUInt32LE(7, 16)
    bytes.writeUInt32LE(42, 8)
    expect(decodeFrame(bytes, 0, frame_bytes_max, expected)).toEqual({ ok: false })
    bytes.writeUInt32LE(100, 4)
    expect(decodeFrame(bytes, 0, frame_bytes_max, expected)).toEqual({ ok: false, bytes: 132 })
  })
})
