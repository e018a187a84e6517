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

  /** Whether one more entry may follow without the whole getting larger than `bytes_max`. */
  fits(entry: Entry, bytes_max: number): boolean {
    return this.#bytes + this.#more_bytes + entryBytes(entry) <= bytes_max
  }

  /** A body above 4 KiB is borrowed until {@link clear}. */
  add(entry: Entry): void {
    const bytes = entryBytes(entry)
    const prefix_bytes = bytes - entry.bytes.length
    const is_copied = entry.bytes.length <= copy_bytes_max
    const group = this.#groupFor(bytes)
    const at = this.#used
    const end = at + (is_copied ? bytes : prefix_bytes)
    this.#reserve(end)
    const view = this.#view
    view.setUint32(at, bytes - entry_header_bytes, true)
    view.setUint32(at + 4, kinds[entry.kind], true)
    writeU64(view, at + 8, keyOf(entry))
    this.#encodeNames(entry, at + entry_header_bytes)
    if (is_copied) this.#memory.set(entry.bytes, at + prefix_bytes)
    else group.bodies.push({ at: end, bytes: entry.bytes })
    group.end = end
    group.bytes += bytes
    group.count += 1
    this.#used = end
    this.#bytes += bytes
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

  #encodeNames(entry: Entry, at: number): void {
    if (entry.kind === 'record') {
      this.#memory.set(bytesOfSession(entry.session), at)
    } else if (entry.kind === 'document') {
      const written = this.#memory.write(entry.digest, at, digest_bytes, 'hex')
      assert(written === digest_bytes && entry.digest.length === 64, 'a digest is SHA-256 in hex')
      const type = text.encode(entry.type)
      assert(type.length <= 255, 'a document type is short')
      this.#memory[at + digest_bytes] = type.length
      this.#memory.set(type, at + digest_bytes + 1)
    }
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
function entryBytes(entry: Entry): number {
  const bytes = entry_header_bytes + entry.bytes.length
  if (entry.kind === 'record') return bytes + session_bytes
  return entry.kind === 'document'
    ? bytes + digest_bytes + 1 + Buffer.byteLength(entry.type)
    : bytes
}

function keyOf(entry: Entry): number {
  if (entry.kind === 'record') return entry.seq
  return entry.kind === 'log_entry' ? entry.index : 0
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
