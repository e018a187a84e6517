/**
 * What a database answered, as text for people: its messages as they were recorded, masked, read one by one.
 * PostgreSQL documentation, "Message Formats". Recorded bytes are anybody's: what cannot be read is left out.
 *
 * @module
 */

import type { RecordHeader } from '../evidence/record.ts'

export interface DatabaseText {
  /** Text for the next recorded bytes of the channel; any split gives the same whole. */
  push(bytes: Uint8Array): Uint8Array
  /** Says where rows are missing, and at the end of their result which; nothing where all are there. */
  leftOut(header: LeftOut | Result): Uint8Array
}

type LeftOut = Extract<RecordHeader, { kind: 'left_out' }>
type Result = Extract<RecordHeader, { kind: 'result' }>

/** A message above this is told by its size: nobody reads such a value on a screen. */
const message_bytes_max = 1024 * 1024

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function createDatabaseText(): DatabaseText {
  let held = new Uint8Array()
  /** Bytes of a message that is too long to be shown, still to come. */
  let skipped = 0
  let is_told = false
  return {
    push(bytes) {
      let text = ''
      let rest = bytes
      if (skipped > 0) {
        const gone = Math.min(skipped, rest.length)
        skipped -= gone
        rest = rest.subarray(gone)
      }
      if (held.length > 0) {
        const joined = new Uint8Array(held.length + rest.length)
        joined.set(held)
        joined.set(rest, held.length)
        rest = joined
      }
      let at = 0
      while (rest.length - at >= 5) {
        const length = 1 + u32(rest, at + 1)
        if (length < 5) {
          // Not the protocol any more.
          at = rest.length
          break
        }
        if (length > message_bytes_max) {
          text += `(a message of ${length} bytes)\n`
          const here = Math.min(length, rest.length - at)
          skipped = length - here
          at += here
          continue
        }
        if (at + length > rest.length) break
        text += shown(rest[at] ?? 0, rest.subarray(at + 5, at + length))
        at += length
      }
      held = rest.slice(at)
      return encoder.encode(text)
    },
    leftOut(header) {
      const was_told = is_told
      is_told = header.kind === 'left_out'
      if (is_told) return encoder.encode(was_told ? '' : '(from here on rows are not on record)\n')
      if (header.kind !== 'result' || header.left_out === undefined) return new Uint8Array()
      const { rows, length, digest } = header.left_out
      const text = `(${rows} rows of ${length} bytes are not on record; SHA-256 ${digest})\n`
      return encoder.encode(text)
    },
  }
}

function shown(type: number, body: Uint8Array): string {
  switch (String.fromCharCode(type)) {
    case 'T':
      return `${columnNames(body).join(' | ')}\n`
    case 'D':
      return `${values(body).join(' | ')}\n`
    case 'd':
      return decoder.decode(body)
    case 'C':
      return `${string(body, 0)}\n`
    case 'E':
    case 'N':
      return report(body)
    case 'A': {
      const channel = string(body, 4)
      const after = 4 + encoder.encode(channel).length + 1
      return `notification ${channel}: ${string(body, after)}\n`
    }
    default:
      return ''
  }
}

function columnNames(body: Uint8Array): string[] {
  const names: string[] = []
  let at = 2
  while (at < body.length) {
    const end = body.indexOf(0, at)
    if (end < 0) break
    names.push(decoder.decode(body.subarray(at, end)))
    at = end + 19
  }
  return names
}

function values(body: Uint8Array): string[] {
  const texts: string[] = []
  let at = 2
  while (at + 4 <= body.length) {
    const length = u32(body, at) | 0
    at += 4
    if (length < 0) {
      texts.push('')
      continue
    }
    const value = body.subarray(at, at + length)
    const text = decoder.decode(value)
    // Binary formats are numbers and times, mostly: told as what they are.
    texts.push(/[\u0000-\u0008\u000e-\u001f\ufffd]/.test(text) ? hex(value) : text)
    at += length
  }
  return texts
}

function report(body: Uint8Array): string {
  const fields = new Map<string, string>()
  for (let at = 0; at < body.length && body[at] !== 0; ) {
    const end = body.indexOf(0, at + 1)
    if (end < 0) break
    fields.set(String.fromCharCode(body[at] ?? 0), decoder.decode(body.subarray(at + 1, end)))
    at = end + 1
  }
  const lines = [`${fields.get('S') ?? 'ERROR'}:  ${fields.get('M') ?? ''}`]
  for (const [field, name] of [
    ['D', 'DETAIL'],
    ['H', 'HINT'],
    ['W', 'CONTEXT'],
  ] as const) {
    const text = fields.get(field)
    if (text !== undefined) lines.push(`${name}:  ${text}`)
  }
  return `${lines.join('\n')}\n`
}

function string(body: Uint8Array, at: number): string {
  const end = body.indexOf(0, at)
  return end < 0 ? '' : decoder.decode(body.subarray(at, end))
}

const hex = (bytes: Uint8Array): string =>
  `\\x${[...bytes.subarray(0, 64)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}${
    bytes.length > 64 ? '...' : ''
  }`

const u32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) * 0x1000000 +
  (((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
