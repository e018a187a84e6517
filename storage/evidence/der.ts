/**
 * ASN.1 in DER (X.690), as much as a timestamp needs. Lengths have one spelling, and are checked before they are
 * believed.
 *
 * @module
 */
import { concat } from './bytes.ts'

export interface DerValue {
  /** The identifier octet: class, constructed, number. Numbers above 30 are refused. */
  readonly tag: number
  /** Borrowed. */
  readonly content: Uint8Array
  /** Tag, length and content. Borrowed. */
  readonly whole: Uint8Array
}

export const der = {
  boolean: 0x01,
  integer: 0x02,
  octets: 0x04,
  null: 0x05,
  oid: 0x06,
  generalized_time: 0x18,
  sequence: 0x30,
  set: 0x31,
  context: (number: number, is_constructed = true): number =>
    0x80 + (is_constructed ? 0x20 : 0) + number,
} as const

/** The one value that the bytes are. */
export function readDer(bytes: Uint8Array): DerValue | undefined {
  const [value, ...more] = readAll(bytes) ?? []
  return more.length === 0 ? value : undefined
}

/** The values inside of a constructed one; undefined when it has another tag, or they do not fill it. */
export function partsOf(value: DerValue | undefined, tag: number): readonly DerValue[] | undefined {
  return value?.tag === tag ? readAll(value.content) : undefined
}

/** A timestamp has some dozens. */
const values_max = 4096

function readAll(bytes: Uint8Array): readonly DerValue[] | undefined {
  const values: DerValue[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0
    const length = lengthAt(bytes, at + 1)
    if ((tag & 0x1f) === 0x1f || length === undefined || values.length === values_max)
      return undefined
    const from = at + 1 + length.bytes
    const to = from + length.value
    if (to > bytes.length) return undefined
    values.push({ tag, content: bytes.subarray(from, to), whole: bytes.subarray(at, to) })
    at = to
  }
  return values
}

/** Section 8.1.3, definite and shortest (10.1). */
function lengthAt(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly bytes: number } | undefined {
  const first = bytes[at]
  if (first === undefined) return undefined
  if (first < 0x80) return { value: first, bytes: 1 }
  const count = first - 0x80
  if (count < 1 || count > 4 || at + count >= bytes.length) return undefined
  let value = 0
  for (let index = 1; index <= count; index++) value = value * 256 + (bytes[at + index] ?? 0)
  const is_shortest = value >= 0x80 && (count === 1 || (bytes[at + 1] ?? 0) !== 0)
  return is_shortest ? { value, bytes: 1 + count } : undefined
}

export function writeDer(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, part) => sum + part.length, 0)
  const octets: number[] = []
  for (let rest = length; length >= 0x80 && rest > 0; rest = Math.floor(rest / 256))
    octets.unshift(rest % 256)
  const head = length < 0x80 ? [length] : [0x80 + octets.length, ...octets]
  return concat([Uint8Array.of(tag, ...head), ...contents])
}

/** Dotted numbers of an object identifier (8.19); undefined when it is none. */
export function oidOf(value: DerValue | undefined): string | undefined {
  if (value?.tag !== der.oid || value.content.length === 0) return undefined
  const arcs: number[] = []
  let arc = 0
  for (const [at, octet] of value.content.entries()) {
    arc = arc * 128 + (octet & 0x7f)
    if (!Number.isSafeInteger(arc)) return undefined
    if (octet >= 0x80) {
      if (at === value.content.length - 1) return undefined
      continue
    }
    arcs.push(arc)
    arc = 0
  }
  const [first = 0, ...rest] = arcs
  const root = Math.min(2, Math.floor(first / 40))
  return [root, first - root * 40, ...rest].join('.')
}

/** A whole number that is not negative and that a double holds. */
export function numberOf(
  value: DerValue | undefined,
  tag: number = der.integer,
): number | undefined {
  if (value?.tag !== tag || value.content.length === 0 || value.content.length > 7) return undefined
  if ((value.content[0] ?? 0) >= 0x80) return undefined
  return value.content.reduce((sum, octet) => sum * 256 + octet, 0)
}
