/**
 * Bytes as text and back, strictly: every value has one spelling, so that no byte of a signed or
 * hashed text can change unseen.
 *
 * @module
 */
import { createHash } from 'node:crypto'

export const hash_bytes = 32

const hex_digest = /^[0-9a-f]{64}$/
const uuid_v7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** Borrows `bytes` for the call; lower case. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** Whether a value is a SHA-256 as 64 lower case hex digits. */
export function isDigest(value: unknown): value is string {
  return typeof value === 'string' && hex_digest.test(value)
}

/** A plain array of its own: a Buffer's `slice` is a view, and its memory may be shared. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** RFC 4648, section 4, with padding. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** Undefined unless `text` is the only spelling of some bytes: unused bits are zero (RFC 4648, section 3.5). */
export function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

/** A UUIDv7 in lower case (RFC 9562, section 5.7): the id of a session. */
export function isSessionId(value: unknown): value is string {
  return typeof value === 'string' && uuid_v7.test(value)
}

/** Undefined when the bytes are not UTF-8. */
export function toText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

export type JsonObject = Readonly<Record<string, unknown>>

/** A JSON object, or undefined: also for hostile nesting, which JSON.parse refuses with a RangeError. */
export function parseObject(bytes: Uint8Array): JsonObject | undefined {
  const text = toText(bytes)
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A whole number that a double holds exactly. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 // A safe integer is a number.
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
