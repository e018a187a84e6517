/**
 * The bytes of a segment: its header and its frames. Pure; FORMAT.md is the normative text.
 *
 * Each frame's CRC continues the one before it, and the first continues the header's. So a frame
 * is valid only behind the very bytes it was written behind: what an earlier use of the file, or
 * a failed commit, left on the disk can never be taken for an entry.
 *
 * @module
 */
import assert from 'node:assert/strict'

/** What the journal carries. Bytes are borrowed: see each function. */
export type Entry =
  | {
      readonly kind: 'record'
      /** UUID in its text form. */
      readonly session: string
      readonly seq: number
      /** Stored record, `storage/evidence/FORMAT.md`. */
      readonly bytes: Uint8Array
    }
  | {
      readonly kind: 'document'
      /** At most 255 bytes of UTF-8: `session.started`, `envelope`, ... */
      readonly type: string
      /** SHA-256 of `bytes`, 64 hex digits. */
      readonly digest: string
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'log_entry'; readonly index: number; readonly bytes: Uint8Array }
  | { readonly kind: 'checkpoint'; readonly bytes: Uint8Array }

/** An entry that is encrypted at rest: see `seal.ts`. */
export interface SealedEntry {
  readonly kind: 'sealed'
  readonly bytes: Uint8Array
}

export interface SegmentHeader {
  /** Counts every use of a segment, over the journal's whole life; 1 is the first. */
  readonly generation: number
  /** Number of the last entry before this segment; 0 when there is none. */
  readonly previous_lsn: number
  readonly segment_bytes: number
  /** Where the chain of CRCs begins. */
  readonly crc: number
  /** 2 where entries may be sealed. */
  readonly version: 1 | 2
}

export type DecodedFrame =
  | {
      readonly ok: true
      readonly lsn: number
      readonly entry: Entry | SealedEntry
      readonly crc: number
      /** Offset behind the frame. */
      readonly end: number
    }
  /** No entry here. `bytes` is set when more input could make it one: so many, from the offset on. */
  | { readonly ok: false; readonly bytes?: number }

export const header_bytes = 64
export const frame_header_bytes = 32

const magic = new TextEncoder().encode('SLUICEJ\n')
const header_crc_at = 36
const kinds = { record: 1, document: 2, log_entry: 3, checkpoint: 4, sealed: 5 } as const
const session_bytes = 16
const digest_bytes = 32
const { crc32 } = Bun.hash
const text = new TextEncoder()
const lenient_text = new TextDecoder()

export function encodeHeader(header: Omit<SegmentHeader, 'crc'>): Uint8Array {
  const bytes = new Uint8Array(header_bytes)
  const view = viewOf(bytes)
  bytes.set(magic)
  view.setUint32(8, header.version, true)
  view.setUint32(12, header.generation, true)
  writeU64(view, 16, header.previous_lsn)
  writeU64(view, 24, header.segment_bytes)
  view.setUint32(header_crc_at, crc32(bytes.subarray(0, header_crc_at)), true)
  return bytes
}

/** Undefined when this is no header of version 1 or 2, or not an intact one. */
export function decodeHeader(bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < header_bytes) return undefined
  const view = viewOf(bytes)
  if (magic.some((byte, at) => bytes[at] !== byte)) return undefined
  const version = view.getUint32(8, true)
  if (version !== 1 && version !== 2) return undefined
  const crc = view.getUint32(header_crc_at, true)
  if (crc !== crc32(bytes.subarray(0, header_crc_at))) return undefined
  const previous_lsn = readU64(view, 16)
  const segment_bytes = readU64(view, 24)
  if (previous_lsn === undefined || segment_bytes === undefined) return undefined
  return { generation: view.getUint32(12, true), previous_lsn, segment_bytes, crc, version }
}

/** How many bytes {@link encodeFrame} writes in front of the payload. */
export function framePrefixBytes(entry: Entry | SealedEntry): number {
  switch (entry.kind) {
    case 'record':
      return frame_header_bytes + session_bytes
    case 'document':
      return frame_header_bytes + digest_bytes + 1 + Buffer.byteLength(entry.type)
    case 'log_entry':
    case 'checkpoint':
    case 'sealed':
      return frame_header_bytes
  }
}

/**
 * Writes everything in front of the payload at `at`: {@link framePrefixBytes} bytes. The frame
 * counts only once {@link sealFrame} has bound it to its place.
 */
export function encodeFrame(
  into: Buffer,
  at: number,
  lsn: number,
  entry: Entry | SealedEntry,
): void {
  const prefix_bytes = framePrefixBytes(entry)
  const view = viewFor(into)
  view.setUint32(at + 4, prefix_bytes - frame_header_bytes + entry.bytes.length, true)
  writeU64(view, at + 8, lsn)
  view.setUint32(at + 20, kinds[entry.kind], true)
  writeU64(view, at + 24, keyOf(entry))
  const body_at = at + frame_header_bytes
  if (entry.kind === 'record') {
    into.set(bytesOfSession(entry.session), body_at)
  } else if (entry.kind === 'document') {
    const written = into.write(entry.digest, body_at, digest_bytes, 'hex')
    assert(written === digest_bytes && entry.digest.length === 64, 'a digest is SHA-256 in hex')
    const type = text.encode(entry.type)
    assert(type.length <= 255, 'a document type is short')
    into[body_at + digest_bytes] = type.length
    into.set(type, body_at + digest_bytes + 1)
  }
}

/** Binds an encoded frame to its segment and to the frame before it; returns its CRC for the next. */
export function sealFrame(
  into: Buffer,
  start: number,
  end: number,
  payload: Uint8Array | undefined,
  generation: number,
  previous_crc: number,
): number {
  const view = viewFor(into)
  view.setUint32(start + 16, generation, true)
  let crc = crc32(
    new Uint8Array(into.buffer, into.byteOffset + start + 4, end - start - 4),
    previous_crc,
  )
  if (payload !== undefined) crc = crc32(payload, crc)
  view.setUint32(start, crc, true)
  return crc
}

/**
 * Reads the frame at `at`. The entry's bytes are borrowed from `from`.
 * Any length is checked against `frame_bytes_max` before it is believed.
 */
export function decodeFrame(
  from: Uint8Array,
  at: number,
  frame_bytes_max: number,
  expected: {
    readonly generation: number
    readonly previous_crc: number
    readonly previous_lsn: number
  },
): DecodedFrame {
  if (from.length - at < frame_header_bytes) return { ok: false, bytes: frame_header_bytes }
  const view = viewOf(from)
  const body_bytes = view.getUint32(at + 4, true)
  if (body_bytes > frame_bytes_max - frame_header_bytes) return none
  const lsn = readU64(view, at + 8)
  const key = readU64(view, at + 24)
  if (lsn === undefined || key === undefined || lsn <= expected.previous_lsn) return none
  if (view.getUint32(at + 16, true) !== expected.generation) return none
  const end = at + frame_header_bytes + body_bytes
  if (from.length < end) return { ok: false, bytes: end - at }
  const crc = view.getUint32(at, true)
  if (crc !== crc32(from.subarray(at + 4, end), expected.previous_crc)) return none
  const body = from.subarray(at + frame_header_bytes, end)
  const entry = entryOf(view.getUint32(at + 20, true), key, body)
  return entry === undefined ? none : { ok: true, lsn, entry, crc, end }
}

/** An entry as it is sealed: what {@link encodeFrame} writes of it behind the number, then its bytes. */
export function sealedParts(entry: Entry): readonly Uint8Array[] {
  const prefix = Buffer.alloc(framePrefixBytes(entry))
  encodeFrame(prefix, 0, 0, entry)
  return [prefix.subarray(sealed_from), entry.bytes]
}

/** The entry out of what was sealed; undefined when it is none. Borrowed from `opened`. */
export function unsealedEntry(opened: Uint8Array): Entry | undefined {
  if (opened.length < frame_header_bytes - sealed_from) return undefined
  const view = viewOf(opened)
  const key = readU64(view, 24 - sealed_from)
  const body = opened.subarray(frame_header_bytes - sealed_from)
  const entry = key === undefined ? undefined : entryOf(view.getUint32(0, true), key, body)
  return entry?.kind === 'sealed' ? undefined : entry
}

/** The kind stands there. */
const sealed_from = 20

const none: DecodedFrame = { ok: false }

function entryOf(kind: number, key: number, body: Uint8Array): Entry | SealedEntry | undefined {
  switch (kind) {
    case kinds.sealed:
      return { kind: 'sealed', bytes: body }
    case kinds.record:
      if (body.length < session_bytes) return undefined
      return {
        kind: 'record',
        session: uuidOf(body.subarray(0, session_bytes)),
        seq: key,
        bytes: body.subarray(session_bytes),
      }
    case kinds.document: {
      const type_bytes = body[digest_bytes]
      if (type_bytes === undefined || body.length < digest_bytes + 1 + type_bytes) return undefined
      const payload_at = digest_bytes + 1 + type_bytes
      return {
        kind: 'document',
        type: lenient_text.decode(body.subarray(digest_bytes + 1, payload_at)),
        digest: hexOf(body.subarray(0, digest_bytes)),
        bytes: body.subarray(payload_at),
      }
    }
    case kinds.log_entry:
      return { kind: 'log_entry', index: key, bytes: body }
    case kinds.checkpoint:
      return { kind: 'checkpoint', bytes: body }
    default:
      return undefined
  }
}

function keyOf(entry: Entry | SealedEntry): number {
  if (entry.kind === 'record') return entry.seq
  return entry.kind === 'log_entry' ? entry.index : 0
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** All frames of a commit are in one buffer: its view need not be made for each. */
let last_view: DataView = new DataView(new ArrayBuffer(0))

function viewFor(into: Buffer): DataView {
  const { buffer, byteOffset, byteLength } = last_view
  if (buffer !== into.buffer || byteOffset !== into.byteOffset || byteLength !== into.byteLength)
    last_view = viewOf(into)
  return last_view
}

/** The same few sessions come again and again. */
const known_sessions = new Map<string, Uint8Array>()
const known_sessions_max = 8192

function bytesOfSession(session: string): Uint8Array {
  const known = known_sessions.get(session)
  if (known !== undefined) return known
  const bytes = Uint8Array.from(Buffer.from(session.replaceAll('-', ''), 'hex'))
  assert(bytes.length === session_bytes && session.length === 36, 'a session is a UUID')
  if (known_sessions.size >= known_sessions_max) known_sessions.clear()
  known_sessions.set(session, bytes)
  return bytes
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

function uuidOf(bytes: Uint8Array): string {
  const hex = hexOf(bytes)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Numbers stay below 2^53, so two halves are exact and cheaper than a BigInt. */
function writeU64(view: DataView, at: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, 'a number of the journal is a safe integer')
  view.setUint32(at, value % 2 ** 32, true)
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true)
}

function readU64(view: DataView, at: number): number | undefined {
  const high = view.getUint32(at + 4, true)
  return high < 2 ** 21 ? high * 2 ** 32 + view.getUint32(at, true) : undefined
}
