/**
 * The bytes of a segment as they are read: its header and its frames, of this version and of those before. Pure; FORMAT.md
 * is the normative text, and `group.ts` writes them.
 *
 * Each frame's CRC continues the one before it, and the first continues the header's. So a frame
 * is valid only behind the very bytes it was written behind: what an earlier use of the file, or
 * a failed commit, left on the disk can never be taken for an entry.
 *
 * @module
 */

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

export interface SegmentHeader {
  /** Counts every use of a segment, over the journal's whole life; 1 is the first. */
  readonly generation: number
  /** Number of the last entry before this segment; 0 when there is none. */
  readonly previous_lsn: number
  readonly segment_bytes: number
  /** Where the chain of CRCs begins. */
  readonly crc: number
  readonly version: SegmentVersion
}

/** 1 and 2 have a frame for each entry, 3 and 4 one for a group of them; entries of 2 and 4 may be sealed. */
export type SegmentVersion = 1 | 2 | 3 | 4

/** Whether nothing in a segment of that version is encrypted. */
export const isPlain = ({ version }: { readonly version: SegmentVersion }): boolean =>
  version === 1 || version === 3

/** The numbers of a frame's entries: each of them, the ends included. */
interface Numbers {
  readonly first_lsn: number
  readonly lsn: number
}

export interface SealedFrame extends Numbers {
  readonly kind: 'sealed'
  /** Version 4: what is sealed is a group. */
  readonly is_group: boolean
  readonly bytes: Uint8Array
}

export interface PlainFrame extends Numbers {
  readonly kind: 'plain'
  readonly entries: readonly Entry[]
}

export type DecodedFrame =
  | {
      readonly ok: true
      readonly frame: PlainFrame | SealedFrame
      readonly crc: number
      /** Offset behind the frame. */
      readonly end: number
    }
  /** No entry here. `bytes` is set when more input could make it one: so many, from the offset on. */
  | { readonly ok: false; readonly bytes?: number }

export const header_bytes = 64
export const frame_header_bytes = 32
/** Of an entry in a group: length of its body, kind, sequence or index. */
export const entry_header_bytes = 16
export const session_bytes = 16
export const digest_bytes = 32
export const kinds = {
  record: 1,
  document: 2,
  log_entry: 3,
  checkpoint: 4,
  sealed: 5,
  group: 6,
  sealed_group: 7,
} as const

const magic = new TextEncoder().encode('SLUICEJ\n')
const header_crc_at = 36
const { crc32 } = Bun.hash
const lenient_text = new TextDecoder()

export function encodeHeader(header: Omit<SegmentHeader, 'crc'>): Uint8Array {
  const bytes = new Uint8Array(header_bytes)
  const view = viewOf(bytes)
  bytes.set(magic)
  view.setUint32(8, header.version, true)
  view.setUint32(12, header.generation, true)
  view.setBigUint64(16, BigInt(header.previous_lsn), true)
  view.setBigUint64(24, BigInt(header.segment_bytes), true)
  view.setUint32(header_crc_at, crc32(bytes.subarray(0, header_crc_at)), true)
  return bytes
}

/** Undefined when this is no header of a version above, or not an intact one. */
export function decodeHeader(bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < header_bytes) return undefined
  const view = viewOf(bytes)
  if (magic.some((byte, at) => bytes[at] !== byte)) return undefined
  const version = view.getUint32(8, true)
  if (version !== 1 && version !== 2 && version !== 3 && version !== 4) return undefined
  const crc = view.getUint32(header_crc_at, true)
  if (crc !== crc32(bytes.subarray(0, header_crc_at))) return undefined
  const previous_lsn = readU64(view, 16)
  const segment_bytes = readU64(view, 24)
  if (previous_lsn === undefined || segment_bytes === undefined) return undefined
  return { generation: view.getUint32(12, true), previous_lsn, segment_bytes, crc, version }
}

/**
 * Reads the frame at `at`. The bytes of entries are borrowed from `from`.
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
  if (lsn === undefined || key === undefined) return none
  const kind = view.getUint32(at + 20, true)
  const is_group = kind === kinds.group || kind === kinds.sealed_group
  const first_lsn = is_group ? lsn - key + 1 : lsn
  if (first_lsn > lsn || first_lsn <= expected.previous_lsn) return none
  if (view.getUint32(at + 16, true) !== expected.generation) return none
  const end = at + frame_header_bytes + body_bytes
  if (from.length < end) return { ok: false, bytes: end - at }
  const crc = view.getUint32(at, true)
  if (crc !== crc32(from.subarray(at + 4, end), expected.previous_crc)) return none
  const body = from.subarray(at + frame_header_bytes, end)
  const numbers = { first_lsn, lsn }
  if (kind === kinds.sealed || kind === kinds.sealed_group)
    return { ok: true, frame: { ...numbers, kind: 'sealed', is_group, bytes: body }, crc, end }
  const entries = is_group ? decodeGroup(body, key) : listed(entryOf(kind, key, body))
  if (entries === undefined) return none
  return { ok: true, frame: { ...numbers, kind: 'plain', entries }, crc, end }
}

/** The entries out of what was sealed; undefined when it is none of so many. Borrowed from `opened`. */
export function unsealedEntries(
  { is_group, first_lsn, lsn }: SealedFrame,
  opened: Uint8Array,
): readonly Entry[] | undefined {
  if (is_group) return decodeGroup(opened, lsn - first_lsn + 1)
  // Version 2: the entry's frame from its kind on.
  if (opened.length < frame_header_bytes - sealed_from) return undefined
  const view = viewOf(opened)
  const key = readU64(view, 24 - sealed_from)
  const body = opened.subarray(frame_header_bytes - sealed_from)
  return key === undefined ? undefined : listed(entryOf(view.getUint32(0, true), key, body))
}

/** The kind stands there. */
const sealed_from = 20

/** Undefined when these are not `count` entries, and nothing else. */
function decodeGroup(body: Uint8Array, count: number): readonly Entry[] | undefined {
  const view = viewOf(body)
  const entries: Entry[] = []
  let at = 0
  while (at < body.length) {
    const body_at = at + entry_header_bytes
    if (body_at > body.length || entries.length === count) return undefined
    const end = body_at + view.getUint32(at, true)
    const key = readU64(view, at + 8)
    if (end > body.length || key === undefined) return undefined
    const entry = entryOf(view.getUint32(at + 4, true), key, body.subarray(body_at, end))
    if (entry === undefined) return undefined
    entries.push(entry)
    at = end
  }
  return entries.length === count ? entries : undefined
}

const listed = (entry: Entry | undefined): readonly Entry[] | undefined =>
  entry === undefined ? undefined : [entry]

const none: DecodedFrame = { ok: false }

function entryOf(kind: number, key: number, body: Uint8Array): Entry | undefined {
  switch (kind) {
    case kinds.record:
      if (body.length < session_bytes) return undefined
      return {
        kind: 'record',
        session: sessionOf(body),
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

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** By the last of its four parts, which are random: the same few come again and again. */
const known_sessions = new Map<number, { readonly parts: readonly number[]; readonly id: string }>()
const known_sessions_max = 8192

/** What a record's body begins with, as text. */
function sessionOf(body: Uint8Array): string {
  const view = viewOf(body)
  const last = view.getUint32(12)
  const known = known_sessions.get(last)
  if (
    known !== undefined &&
    known.parts[0] === view.getUint32(0) &&
    known.parts[1] === view.getUint32(4) &&
    known.parts[2] === view.getUint32(8)
  )
    return known.id
  const id = uuidOf(body.subarray(0, session_bytes))
  if (known_sessions.size >= known_sessions_max) known_sessions.clear()
  known_sessions.set(last, {
    parts: [view.getUint32(0), view.getUint32(4), view.getUint32(8)],
    id,
  })
  return id
}

function uuidOf(bytes: Uint8Array): string {
  const hex = hexOf(bytes)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

function readU64(view: DataView, at: number): number | undefined {
  const high = view.getUint32(at + 4, true)
  return high < 2 ** 21 ? high * 2 ** 32 + view.getUint32(at, true) : undefined
}
