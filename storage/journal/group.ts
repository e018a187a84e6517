/**
 * What a commit writes: its entries in groups, each a frame with one header and one CRC. A CRC, or a cipher, for each entry
 * would cost more than all the rest of a commit of many small ones.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { frame_bytes_max, group_bytes_max } from './limits.ts'
import { type Sealer, sealed_more_bytes } from './seal.ts'
import {
  digest_bytes,
  type Entry,
  entry_header_bytes,
  frame_header_bytes,
  kinds,
  session_bytes,
} from './segment.ts'

/** A body up to this is copied beside its header: a vector of its own would cost more. */
const copy_bytes_max = 4096
const { crc32 } = Bun.hash
/** In front of a record's bytes. */
export const record_header_bytes: number = entry_header_bytes + session_bytes
const text = new TextEncoder()

interface Group {
  /** Where its header is kept free in the memory, and where it ends there. */
  readonly start: number
  end: number
  /** With the header, the bodies that lie elsewhere, and what sealing adds. */
  bytes: number
  count: number
  readonly bodies: Body[]
}

/** A large one, borrowed until the commit. */
interface Body {
  /** It belongs behind this place in the memory. */
  readonly at: number
  readonly bytes: Uint8Array
}

export class Groups {
  readonly #sealer: Sealer | undefined
  readonly #more_bytes: number
  #memory: Buffer = Buffer.alloc(64 * 1024)
  #view: DataView = viewOf(this.#memory)
  #used = 0
  #bytes = 0
  #groups: Group[] = []

  constructor(sealer: Sealer | undefined) {
    this.#sealer = sealer
    this.#more_bytes = frame_header_bytes + (sealer === undefined ? 0 : sealed_more_bytes)
  }

  /** What all of it takes in a segment. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#groups.length === 0
  }

  /** Whether one more entry of that size, with its header, may follow without the whole getting larger than `bytes_max`. */
  fits(bytes: number, bytes_max: number): boolean {
    return this.#bytes + this.#more_bytes + bytes <= bytes_max
  }

  /** A body above 4 KiB is borrowed until {@link clear}. */
  add(entry: Entry): void {
    const { kind, bytes } = entry
    if (kind === 'record') {
      this.addRecord(entry.session, entry.seq, bytes)
      return
    }
    const key = kind === 'log_entry' ? entry.index : 0
    const at = this.#place(kinds[kind], key, entryBytes(entry) - bytes.length, bytes)
    if (kind === 'document') this.#encodeNames(entry.digest, entry.type, at)
  }

  /** The same of a record: a gateway writes several for each query, and no object has to be made of one. */
  addRecord(session: string, seq: number, bytes: Uint8Array): void {
    const at = this.#place(kinds.record, seq, record_header_bytes, bytes)
    this.#memory.set(bytesOfSession(session), at)
  }

  /** Everything of an entry but what names it; returns where that goes. */
  #place(kind: number, key: number, prefix_bytes: number, body: Uint8Array): number {
    const bytes = prefix_bytes + body.length
    const is_copied = body.length <= copy_bytes_max
    const group = this.#groupFor(bytes)
    const at = this.#used
    const end = at + (is_copied ? bytes : prefix_bytes)
    this.#reserve(end)
    const view = this.#view
    view.setUint32(at, bytes - entry_header_bytes, true)
    view.setUint32(at + 4, kind, true)
    writeU64(view, at + 8, key)
    if (is_copied) this.#memory.set(body, at + prefix_bytes)
    else group.bodies.push({ at: end, bytes: body })
    group.end = end
    group.bytes += bytes
    group.count += 1
    this.#used = end
    this.#bytes += bytes
    return at + entry_header_bytes
  }

  /** All of it as it follows a frame with that CRC; the last entry has the number `last_lsn`. Borrowed until {@link add}. */
  seal(
    last_lsn: number,
    generation: number,
    previous_crc: number,
  ): { readonly parts: readonly Uint8Array[]; readonly crc: number } {
    const parts: Uint8Array[] = []
    let crc = previous_crc
    let lsn = last_lsn - this.#groups.reduce((sum, { count }) => sum + count, 0)
    for (const group of this.#groups) {
      lsn += group.count
      const { start, count } = group
      const header = this.#memory.subarray(start, start + frame_header_bytes)
      const body = this.#bodyOf(group, lsn)
      const view = this.#view
      view.setUint32(start + 4, group.bytes - frame_header_bytes, true)
      writeU64(view, start + 8, lsn)
      view.setUint32(start + 16, generation, true)
      view.setUint32(
        start + 20,
        this.#sealer === undefined ? kinds.group : kinds.sealed_group,
        true,
      )
      writeU64(view, start + 24, count)
      crc = crc32(header.subarray(4), crc)
      for (const part of body) crc = crc32(part, crc)
      view.setUint32(start, crc, true)
      parts.push(header, ...body)
    }
    return { parts, crc }
  }

  clear(): void {
    this.#groups = []
    this.#used = 0
    this.#bytes = 0
  }

  /** The one that the entry goes to, with room for it. */
  #groupFor(bytes: number): Group {
    const last = this.#groups.at(-1)
    if (last !== undefined && last.bytes + bytes <= group_bytes_max) return last
    assert(this.#more_bytes + bytes <= frame_bytes_max, 'an entry fits into a frame')
    const start = this.#used
    this.#used += frame_header_bytes
    this.#bytes += this.#more_bytes
    const group = { start, end: this.#used, bytes: this.#more_bytes, count: 0, bodies: [] }
    this.#groups.push(group)
    return group
  }

  #encodeNames(digest: string, of: string, at: number): void {
    const written = this.#memory.write(digest, at, digest_bytes, 'hex')
    assert(written === digest_bytes && digest.length === 64, 'a digest is SHA-256 in hex')
    const type = text.encode(of)
    assert(type.length <= 255, 'a document type is short')
    this.#memory[at + digest_bytes] = type.length
    this.#memory.set(type, at + digest_bytes + 1)
  }

  #bodyOf({ start, end, bodies }: Group, lsn: number): readonly Uint8Array[] {
    const parts: Uint8Array[] = []
    let from = start + frame_header_bytes
    for (const { at, bytes } of bodies) {
      parts.push(this.#memory.subarray(from, at), bytes)
      from = at
    }
    if (from < end) parts.push(this.#memory.subarray(from, end))
    return this.#sealer === undefined ? parts : [this.#sealer.seal(lsn, parts)]
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#memory.length) return
    const larger = Buffer.alloc(Math.max(bytes, this.#memory.length * 2))
    larger.set(this.#memory.subarray(0, this.#used))
    this.#memory = larger
    this.#view = viewOf(larger)
  }
}

/** In a group, with its header. */
export function entryBytes(entry: Entry): number {
  const { length } = entry.bytes
  if (entry.kind === 'record') return record_header_bytes + length
  const bytes = entry_header_bytes + length
  return entry.kind === 'document'
    ? bytes + digest_bytes + 1 + Buffer.byteLength(entry.type)
    : bytes
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
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

/** Numbers stay below 2^53, so two halves are exact and cheaper than a BigInt. */
function writeU64(view: DataView, at: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, 'a number of the journal is a safe integer')
  view.setUint32(at, value % 2 ** 32, true)
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true)
}
