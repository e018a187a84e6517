/**
 * SFTP version 3 on the wire: messages cut out of a stream, and the numbers and strings inside of them.
 * draft-ietf-secsh-filexfer-02, sections 3 to 7.
 *
 * @module
 */
import { sftp_message_bytes_max } from './limits.ts'

/** Section 3. */
export const type = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extended_reply: 201,
} as const

/** Section 7. */
export const status = {
  ok: 0,
  eof: 1,
  permission_denied: 3,
  failure: 4,
  unsupported: 8,
} as const

/** Section 6.3. Whoever appends, creates or truncates writes. */
export const open_flag = { read: 0x01, writes: 0x1e } as const

/** Section 5. */
const attribute = {
  size: 0x01,
  owner: 0x02,
  permissions: 0x04,
  times: 0x08,
  extended: 0x80000000,
} as const

/**
 * A whole message with its length in front. `head` is all of it, or where it carries content its beginning, and
 * the content goes on in `rest`: copying it together would cost as much as hashing it.
 */
export interface Message {
  readonly head: Uint8Array
  readonly rest: readonly Uint8Array[]
  readonly length: number
}

/** Beginnings of messages with content end within this: a handle has at most 256 bytes. */
const content_head_bytes_max = 512

/** A message comes in two or three pieces; in more of them, each costs more than copying it. */
const parts_max = 16

/** Puts messages together. */
export class MessageReader {
  readonly #head = new Uint8Array(4)
  #head_bytes = 0
  #parts: Uint8Array[] = []
  /** Where the parts are put together, once they are many. */
  #joined: Uint8Array | undefined
  /** Of the message that is begun: its length, and what of it is there. */
  #length = 0
  #filled = 0

  /** The messages that `bytes` complete; undefined when a length cannot be. */
  push(bytes: Uint8Array): readonly Message[] | undefined {
    const whole: Message[] = []
    let at = 0
    while (at < bytes.length) {
      if (this.#length === 0) {
        const taken = Math.min(4 - this.#head_bytes, bytes.length - at)
        this.#head.set(bytes.subarray(at, at + taken), this.#head_bytes)
        this.#head_bytes += taken
        at += taken
        if (this.#head_bytes < 4) break
        const length = new DataView(this.#head.buffer).getUint32(0)
        if (length === 0 || length > sftp_message_bytes_max) return undefined
        this.#head_bytes = 0
        this.#length = 4 + length
        this.#filled = 4
        // Its length may have come in another piece.
        if (taken === 4) {
          at -= 4
          this.#filled = 0
        } else this.#parts.push(this.#head.slice())
      }
      const part = bytes.subarray(at, at + this.#length - this.#filled)
      this.#parts.push(part)
      this.#filled += part.length
      if (this.#parts.length > parts_max) {
        this.#joined ??= new Uint8Array(this.#length)
        this.#parts = [joined(this.#parts, this.#joined)]
      }
      at += part.length
      if (this.#filled < this.#length) break
      whole.push(messageOf(this.#parts, this.#length))
      this.#parts = []
      this.#joined = undefined
      this.#length = 0
    }
    return whole
  }
}

function messageOf(parts: readonly Uint8Array[], length: number): Message {
  const [first, ...rest] = parts
  if (first === undefined || rest.length === 0)
    return { head: first ?? new Uint8Array(), rest, length }
  const carries = first[4] === type.data || first[4] === type.write
  if (carries && first.length >= content_head_bytes_max) return { head: first, rest, length }
  return { head: joined(parts, new Uint8Array(length)), rest: [], length }
}

/** What was filled of `into`. A part may lie in its place already. */
function joined(parts: readonly Uint8Array[], into: Uint8Array): Uint8Array {
  let at = 0
  for (const part of parts) {
    if (part.buffer !== into.buffer) into.set(part, at)
    at += part.length
  }
  return into.subarray(0, at)
}

/** A run of bytes by its place in a message. */
export interface Place {
  readonly start: number
  readonly end: number
}

/**
 * Reads a message from its type on. What is not there reads as nothing, and {@link done} is false. `end` may lie
 * behind the bytes that are given: a string may, a number may not.
 */
export class Cursor {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #end: number
  #at: number
  #is_short = false

  constructor(message: Uint8Array, from = 4, end: number = message.length) {
    this.#bytes = message
    this.#view = new DataView(message.buffer, message.byteOffset, message.byteLength)
    this.#at = from
    this.#end = end
  }

  byte(): number {
    return this.#reads(1) ? this.#view.getUint8(this.#at - 1) : 0
  }

  number(): number {
    return this.#reads(4) ? this.#view.getUint32(this.#at - 4) : 0
  }

  /** 64 bits. Above 2^53 it is not exact, and no file is as long. */
  long(): number {
    return this.#reads(8) ? Number(this.#view.getBigUint64(this.#at - 8)) : 0
  }

  /** A string's place; its length is checked against what is there. */
  string(): Place {
    const length = this.number()
    const is_there = this.#take(length)
    return is_there ? { start: this.#at - length, end: this.#at } : { start: 0, end: 0 }
  }

  /** Attributes (section 5). Strings of extended ones are added to `texts`. */
  attributes(texts: Place[] = []): void {
    const flags = this.number()
    if ((flags & attribute.size) !== 0) this.#take(8)
    if ((flags & attribute.owner) !== 0) this.#take(8)
    if ((flags & attribute.permissions) !== 0) this.#take(4)
    if ((flags & attribute.times) !== 0) this.#take(8)
    if ((flags & attribute.extended) === 0) return
    for (let left = this.number(); left > 0 && !this.#is_short; left--)
      texts.push(this.string(), this.string())
  }

  skip(count: number): void {
    this.#take(count)
  }

  bytes({ start, end }: Place): Uint8Array {
    return this.#bytes.subarray(start, end)
  }

  /** ASCII, for names that the protocol gives. */
  text(place: Place): string {
    return String.fromCharCode(...this.bytes(place).subarray(0, 64))
  }

  get left(): number {
    return this.#end - this.#at
  }

  get short(): boolean {
    return this.#is_short
  }

  /** Everything that was asked for was there, and nothing else is. */
  get done(): boolean {
    return !this.#is_short && this.#at === this.#end
  }

  #reads(count: number): boolean {
    if (count <= this.#bytes.length - this.#at) return this.#take(count)
    this.#is_short = true
    return false
  }

  #take(count: number): boolean {
    if (this.#is_short || count > this.#end - this.#at) {
      this.#is_short = true
      return false
    }
    this.#at += count
    return true
  }
}

/** A status (section 7), as the gateway says it; `text` is ASCII. */
export function statusMessage(id: number, code: number, text: string): Uint8Array {
  const message = new Uint8Array(4 + 1 + 4 + 4 + 4 + text.length + 4)
  const view = new DataView(message.buffer)
  view.setUint32(0, message.length - 4)
  view.setUint8(4, type.status)
  view.setUint32(5, id)
  view.setUint32(9, code)
  view.setUint32(13, text.length)
  new TextEncoder().encodeInto(text, message.subarray(17))
  return message
}

/** INIT or VERSION (section 4) with these extensions. Names and values are ASCII. */
export function versionMessage(
  kind: typeof type.init | typeof type.version,
  extensions: readonly (readonly [name: string, value: string])[] = [],
): Uint8Array {
  const strings = extensions.flat()
  const length = 5 + strings.reduce((sum, text) => sum + 4 + text.length, 0)
  const message = new Uint8Array(4 + length)
  const view = new DataView(message.buffer)
  view.setUint32(0, length)
  view.setUint8(4, kind)
  view.setUint32(5, 3)
  let at = 9
  for (const text of strings) {
    view.setUint32(at, text.length)
    new TextEncoder().encodeInto(text, message.subarray(at + 4))
    at += 4 + text.length
  }
  return message
}
