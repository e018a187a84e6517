/**
 * The line of JSON that a record begins with, written as bytes: what `JSON.stringify` would write, without the objects and
 * the texts that it would need. A gateway writes several of these for each query.
 *
 * @module
 */
import type { ExchangedFacts } from './exchange.ts'
import type { RecordFacts, RecordPlace } from './record.ts'

/** These come first, in this order. */
const leading: ReadonlySet<string> = new Set([
  ...['v', 'session', 'seq', 't_us', 'channel', 'kind', 'bytes'],
])

const encoder = new TextEncoder()
const quote = 0x22
const backslash = 0x5c
const newline = 0x0a
const zero = 0x30
/** A letter of ASCII is quicker written here than by a call; a long text is not. */
const short_text_max = 128
/** So many digits at a time are a number of 32 bits. */
const digits = 8
const digits_base = 10 ** digits
const count_bytes_max = 16

/** In front of the line is the zero that a leaf begins with. */
const line_at = 1

/** Where the line is made; it grows to the longest one. */
let line = new Uint8Array(4 * 1024)
let at = 0

/** With the newline behind it. Borrowed until the next call. */
export function recordLine(place: RecordPlace, facts: RecordFacts, bytes: number): Uint8Array {
  begin(place, facts.channel, facts.kind, bytes)
  members(facts)
  ended('}')
  return line.subarray(line_at, at)
}

/** What the leaf of an exchange is the hash of (RFC 9162, section 2.1): its line, and behind it its payloads. Borrowed too. */
export function exchangeLeaf(
  place: RecordPlace,
  facts: readonly ExchangedFacts[],
  payloads: readonly Uint8Array[],
): Uint8Array {
  let bytes = 0
  for (const { length } of payloads) bytes += length
  begin(place, facts[0]?.channel ?? 0, 'exchange', bytes)
  let before = ',"facts":[{"kind":'
  for (let index = 0; index < facts.length; index++) {
    const fact = facts[index]
    if (fact === undefined) continue
    member(before, fact.kind)
    member(',"bytes":', payloads[index]?.length ?? 0)
    members(fact, 'spans')
    before = '},{"kind":'
  }
  ended('}]}')
  reserve(bytes)
  for (let index = 0; index < payloads.length; index++) {
    const payload = payloads[index]
    if (payload === undefined) continue
    line.set(payload, at)
    at += payload.length
  }
  return line.subarray(0, at)
}

function begin(place: RecordPlace, channel: number, kind: string, bytes: number): void {
  at = line_at
  member('{"v":', place.v)
  member(',"session":', place.session)
  member(',"seq":', place.seq)
  member(',"t_us":', place.t_us)
  member(',"channel":', channel)
  member(',"kind":', kind)
  member(',"bytes":', bytes)
}

function members(facts: RecordFacts, but?: string): void {
  for (const name in facts) {
    if (leading.has(name) || name === but) continue
    const value: unknown = facts[name as keyof RecordFacts] // A name of it.
    if (value === undefined) continue
    member(nameOf(name), value)
  }
}

function ended(by: string): void {
  ascii(by)
  reserve(1)
  line[at++] = newline
}

/** Names as they are written: there are some fifty. */
const names = new Map<string, string>()

function nameOf(name: string): string {
  const known = names.get(name)
  if (known !== undefined) return known
  const written = `,${JSON.stringify(name)}:`
  names.set(name, written)
  return written
}

function member(name: string, value: unknown): void {
  ascii(name)
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) count(value)
  else if (typeof value === 'string' && isPlain(value)) quoted(value)
  else if (value === true) ascii('true')
  else if (value === false) ascii('false')
  else if (Array.isArray(value) && value.length === 0) ascii('[]')
  else text(JSON.stringify(value))
}

/** Letters of ASCII that stand for themselves. */
function isPlain(value: string): boolean {
  if (value.length > short_text_max) return false
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index)
    if (code < 0x20 || code > 0x7e || code === quote || code === backslash) return false
  }
  return true
}

function quoted(value: string): void {
  reserve(2 + value.length)
  line[at++] = quote
  ascii(value)
  line[at++] = quote
}

function ascii(value: string): void {
  reserve(value.length)
  for (let index = 0; index < value.length; index++) line[at++] = value.charCodeAt(index)
}

function text(value: string): void {
  // Of UTF-8, for each unit of UTF-16.
  reserve(3 * value.length)
  at += encoder.encodeInto(value, line.subarray(at)).written
}

/** A whole number that is not negative. */
function count(value: number): void {
  reserve(count_bytes_max)
  if (value >= digits_base) {
    const high = Math.floor(value / digits_base)
    count(high)
    digitsOf((value - high * digits_base) | 0, digits)
    return
  }
  let length = 1
  for (let bound = 10; bound <= value; bound *= 10) length += 1
  digitsOf(value | 0, length)
}

function digitsOf(value: number, length: number): void {
  let left = value
  for (let place = at + length - 1; place >= at; place--) {
    const rest = (left / 10) | 0
    line[place] = zero + left - rest * 10
    left = rest
  }
  at += length
}

function reserve(more: number): void {
  if (at + more <= line.length) return
  const larger = new Uint8Array(Math.max(at + more, 2 * line.length))
  larger.set(line)
  line = larger
}
