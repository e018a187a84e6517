/**
 * Messages of the frontend/backend protocol 3.0, cut from a stream and built by hand.
 * PostgreSQL documentation, "Message Formats".
 *
 * @module
 */

import { message_bytes_max, report_fields_max } from './limits.ts'

/** A whole message: its type, its length, what they announce. */
export interface Message {
  /** ASCII of the type; 0 where there is none (startup). */
  readonly type: number
  /** With type and length. Owned by the receiver. */
  readonly bytes: Uint8Array
}

/**
 * Takes a whole message, with type and length, where it lies: a view of each would cost more than most of them do. Returns what is
 * wrong with it. What stands behind `end` is not its business.
 */
export type TakeMessage = (
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
) => string | undefined

/** Messages of the type that a cutter leaves together come as one, each behind the other. */
export type Cut =
  | { readonly ok: true; readonly messages: readonly Message[] }
  | { readonly ok: false; readonly violation: string }

/** Type and length. */
export const header_bytes = 5

/** Of a message that has begun: memory for all of it at once, where that is not much more than a claim may cost. */
const claimed_bytes_max = 64 * 1024

/** Takes any split of a stream of typed messages. */
export class MessageCutter {
  readonly #bytes_max: number
  /** Messages of it that came together stay together. */
  readonly #run: number | undefined
  /** Grows as bytes come, never by what a length claims. */
  #room: Uint8Array<ArrayBuffer> = new Uint8Array()
  #held = 0
  /** Of the message that has begun, once its header is here. */
  #wanted = header_bytes

  constructor(bytes_max: number, run?: string) {
    this.#bytes_max = bytes_max
    this.#run = run?.charCodeAt(0)
  }

  /** No message has begun. */
  get isEmpty(): boolean {
    return this.#held === 0
  }

  /** Gives up what is held. */
  rest(): Uint8Array {
    const rest = this.#room.subarray(0, this.#held)
    this.#room = new Uint8Array()
    this.#held = 0
    this.#wanted = header_bytes
    return rest
  }

  /** Takes ownership of `chunk`. */
  push(chunk: Uint8Array): Cut {
    const messages: Message[] = []
    const violation = this.cut(chunk, (type, bytes, start, end) => {
      messages.push({ type, bytes: bytes.subarray(start, end) })
      return undefined
    })
    return violation === undefined ? { ok: true, messages } : { ok: false, violation }
  }

  /** Takes ownership of `chunk`. Returns what is wrong, with it or with what `take` was given; nothing is taken behind that. */
  cut(chunk: Uint8Array, take: TakeMessage): string | undefined {
    let at = 0
    // First the one that has begun, and no more of what came than it lacks.
    while (this.#held > 0) {
      const end = Math.min(at + this.#wanted - this.#held, chunk.length)
      this.#hold(chunk.subarray(at, end))
      at = end
      if (this.#held < this.#wanted) return undefined
      const length = 1 + u32(this.#room, 1)
      const violation = this.#violation(length)
      if (violation !== undefined) return violation
      this.#wanted = length
      if (this.#held < length) continue
      const whole = this.rest()
      const wrong = take(whole[0] ?? 0, whole, 0, length)
      if (wrong !== undefined) return wrong
    }
    while (chunk.length - at >= header_bytes) {
      const length = 1 + u32(chunk, at + 1)
      const violation = this.#violation(length)
      if (violation !== undefined) return violation
      if (at + length > chunk.length) {
        this.#wanted = length
        break
      }
      const type = chunk[at] ?? 0
      const from = at
      at += length
      if (type === this.#run) at = this.#runEnd(chunk, at)
      const wrong = take(type, chunk, from, at)
      if (wrong !== undefined) return wrong
    }
    if (at < chunk.length) this.#hold(chunk.subarray(at))
    return undefined
  }

  /** Where the last of the whole messages ends that go on with the same type. */
  #runEnd(chunk: Uint8Array, from: number): number {
    let at = from
    while (chunk.length - at >= header_bytes && chunk[at] === this.#run) {
      const length = 1 + u32(chunk, at + 1)
      if (length < header_bytes || length > this.#bytes_max || at + length > chunk.length) break
      at += length
    }
    return at
  }

  #violation(length: number): string | undefined {
    if (length < header_bytes) return 'a message is shorter than its own length'
    return length > this.#bytes_max ? 'a message is too long' : undefined
  }

  #hold(bytes: Uint8Array): void {
    const length = this.#held + bytes.length
    if (length > this.#room.length) {
      const claimed = Math.min(this.#wanted, claimed_bytes_max)
      const room = new Uint8Array(Math.max(length, claimed, 2 * this.#room.length))
      room.set(this.#room.subarray(0, this.#held))
      this.#room = room
    }
    this.#room.set(bytes, this.#held)
    this.#held = length
  }
}

/** Of the message that begins at `at`; -1 where it is not whole, or none. */
export function messageEnd(bytes: Uint8Array, at: number): number {
  if (bytes.length - at < header_bytes) return -1
  const length = 1 + u32(bytes, at + 1)
  const is_whole = length >= header_bytes && length <= message_bytes_max
  return is_whole && at + length <= bytes.length ? at + length : -1
}

export function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** Unsigned, big-endian. The caller has checked that it is there. */
export function u32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) * 0x1000000 +
    (((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
  )
}

/** Signed, as a length that may be -1 for NULL. */
export function i32(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) | 0
}

export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

/** Where the string ends that begins at `at`: the place of its zero byte before `end`, or -1. */
export function stringEnd(bytes: Uint8Array, at: number, end: number = bytes.length): number {
  const found = at > end ? -1 : bytes.indexOf(0, at)
  return found < end ? found : -1
}

/** Whether these are the bytes of a text of ASCII. */
export function isText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > 0x7f || bytes[start + at] !== code) return false
  }
  return true
}

const encoder = new TextEncoder()

export type Part =
  | number
  | string
  | Uint8Array
  | { readonly u16: number }
  | { readonly u32: number }

/**
 * A message of its parts: a number is a byte, a string is written with its zero byte. Type 0 is left out, as a
 * startup packet has none.
 */
export function message(type: string | 0, ...parts: readonly Part[]): Uint8Array {
  const pieces = parts.map(pieceOf)
  const length = 4 + pieces.reduce((sum, piece) => sum + piece.length, 0)
  const head = type === 0 ? 0 : 1
  const bytes = new Uint8Array(head + length)
  if (type !== 0) bytes[0] = type.charCodeAt(0)
  new DataView(bytes.buffer).setUint32(head, length)
  let at = head + 4
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

function pieceOf(part: Part): Uint8Array {
  if (typeof part === 'number') return Uint8Array.of(part)
  if (typeof part === 'string') return encoder.encode(`${part}\0`)
  if (part instanceof Uint8Array) return part
  const bytes = new Uint8Array('u16' in part ? 2 : 4)
  const view = new DataView(bytes.buffer)
  if ('u16' in part) view.setUint16(0, part.u16)
  else view.setUint32(0, part.u32)
  return bytes
}

export type Severity = 'ERROR' | 'FATAL' | 'NOTICE'

/** An ErrorResponse or a NoticeResponse of the gateway. `code` is an SQLSTATE (appendix A of the documentation). */
export function report(
  severity: Severity,
  code: string,
  text: string,
  hint?: string,
  /** Of a fault in the statement, in characters, from 1. */
  position?: number,
): Uint8Array {
  const line = (field: string): string => field.replace(/\p{Cc}+/gu, ' ')
  const fields: Part[] = [
    ...[letter('S'), severity, letter('V'), severity],
    ...[letter('C'), code, letter('M'), line(text)],
    ...(hint === undefined ? [] : [letter('H'), line(hint)]),
    ...(position === undefined ? [] : [letter('P'), String(position)]),
  ]
  return message(severity === 'NOTICE' ? 'N' : 'E', ...fields, 0)
}

export const letter = (name: string): number => name.charCodeAt(0)

const decoder = new TextDecoder()

/** Fields of an ErrorResponse or a NoticeResponse by their letter, with their places; undefined when it is malformed. */
export function reportFields(
  bytes: Uint8Array,
): readonly { readonly field: string; readonly start: number; readonly end: number }[] | undefined {
  const fields: { field: string; start: number; end: number }[] = []
  for (let at = header_bytes; at < bytes.length; ) {
    const field = bytes[at] ?? 0
    if (field === 0) return at === bytes.length - 1 ? fields : undefined
    const end = stringEnd(bytes, at + 1)
    if (end < 0) return undefined
    // Two bytes are a field: of a message as long as one may be, each would cost fifty times as much.
    if (fields.length === report_fields_max) return undefined
    fields.push({ field: String.fromCharCode(field), start: at + 1, end })
    at = end + 1
  }
  return undefined
}

/** Of an ErrorResponse; empty when there is none. */
export function sqlState(bytes: Uint8Array): string {
  const code = reportFields(bytes)?.find(({ field }) => field === 'C')
  return code === undefined ? '' : textOf(bytes.subarray(code.start, code.end))
}

export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes)
