/**
 * Known values as expressions: each as it is and as the usual encoders write it. The expressions spell the
 * values, so they live no longer than the compilation.
 *
 * @module
 */
import type { KnownSecret } from '../rules/known.ts'
import type { ByteSet, Expression } from './expression.ts'
import type { Role } from './nfa.ts'
import type { RuleFacts } from './tables.ts'

/** Forms of known values that are treated alike at a flush. */
export interface KnownGroup {
  readonly forms: readonly Expression[]
  /** As `lead`, a would-be match is shown by a flush. */
  readonly role: Extract<Role, 'lead' | 'pattern'>
  readonly facts: RuleFacts
  readonly checked: false
}

/**
 * What an echo shows of the beginning: its user has just typed it, and each word begins like some value. With
 * none of it, all who type would see stars for letters.
 */
const echo_bytes = 3
/**
 * Of base64 and hex also at rest: so many characters are little over two bytes, and one character alone, which
 * with some values is nearly any, would be starred at the end of whatever pauses.
 */
const coded_idle_bytes = 3

/** Without those that nothing is in. */
export function knownGroups(secrets: readonly KnownSecret[]): readonly KnownGroup[] {
  const of = (held_by: KnownSecret['held_by']): readonly string[] =>
    secrets.filter((secret) => secret.held_by === held_by).map(({ text }) => text)
  const listed = of('targets')
  const own = of('gateway')
  return [
    group(listed.map(textForm), 'pattern', 0),
    group(listed.flatMap(codedForms), 'pattern', coded_idle_bytes),
    group([...own.map(textForm), ...own.flatMap(codedForms)], 'lead', 0),
  ].filter(({ forms }) => forms.length > 0)
}

function group(forms: readonly Expression[], role: KnownGroup['role'], idle: number): KnownGroup {
  const facts = { follow: undefined, check: 0, idle, echo: echo_bytes }
  return { forms, role, facts, checked: false }
}

/** What no encoder of URLs or JSON escapes; these cost a state each, the others some ten. */
const never_escaped = /^[A-Za-z0-9._-]$/

/**
 * As it is, percent-encoded (RFC 3986, section 2.1; of forms, with `+` for a space) and escaped in JSON (RFC 8259,
 * section 7). Encoders differ in which characters they escape, so each is taken either way by itself.
 */
function textForm(text: string): Expression {
  return sequence([...text].map(characterForm))
}

function characterForm(character: string): Expression {
  const bytes = [...new TextEncoder().encode(character)]
  const plain = bytes.map(literal)
  if (never_escaped.test(character)) return sequence(plain)
  const percent = (byte: number): Expression => sequence([literal(0x25), ...hexDigits(byte)])
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
  const short = short_escapes[character]
  return either([
    sequence(bytes.map((byte) => either([literal(byte), percent(byte)]))),
    sequence(
      units.flatMap((unit) => [...ascii('\\u'), ...hexDigits(unit >> 8), ...hexDigits(unit & 255)]),
    ),
    ...(short === undefined ? [] : [sequence(ascii(short))]),
    ...(character === ' ' ? ascii('+') : []),
  ])
}

const short_escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

/** Hex, and base64 in which the value begins at the first, second or third byte of a group of three. */
function codedForms(text: string): readonly Expression[] {
  const bytes = new TextEncoder().encode(text)
  return [
    sequence([...bytes].flatMap(hexDigits)),
    ...[0, 1, 2].map((before) => base64Form(bytes, before)),
  ]
}

/**
 * RFC 4648, sections 4 and 5: both alphabets at once. `before` bytes of something else stand in the same group.
 * The characters at both ends hold bits of the neighbours too, so there any character with the value's bits fits.
 * The first one of alignment 2 holds but two bits of the value and is left out: a quarter of all
 * characters would begin a match. Past the value's end the padding stays, which says nothing.
 */
function base64Form(bytes: Uint8Array, before: number): Expression {
  const from = before * 8
  const to = from + bytes.length * 8
  const first = before === 2 ? 3 : Math.floor(from / 6)
  const count = Math.ceil(to / 6) - first
  return sequence(
    Array.from({ length: count }, (_, index) => {
      const at = (first + index) * 6
      let known = 0
      let bits = 0
      for (let bit = at; bit < at + 6; bit++) {
        const is_ours = bit >= from && bit < to
        known = (known << 1) | (is_ours ? 1 : 0)
        const byte = is_ours ? (bytes[(bit - from) >> 3] ?? 0) : 0
        bits = (bits << 1) | ((byte >> (7 - (bit & 7))) & 1)
      }
      return base64Character(bits, known)
    }),
  )
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** The characters of which the bits under the mask `known` are `bits`. */
function base64Character(bits: number, known: number): Expression {
  const set = new Uint8Array(256)
  for (let value = 0; value < 64; value++) {
    if ((value & known) !== bits) continue
    set[alphabet.charCodeAt(value)] = 1
    // The alphabet for URLs differs in the last two.
    if (value === 62) set[0x2d] = 1
    if (value === 63) set[0x5f] = 1
  }
  return { kind: 'set', set }
}

const byte_sets: readonly ByteSet[] = Array.from({ length: 256 }, (_, byte) => {
  const set = new Uint8Array(256)
  set[byte] = 1
  return set
})

const nibble_sets: readonly ByteSet[] = Array.from({ length: 16 }, (_, nibble) => {
  const set = new Uint8Array(256)
  const digit = nibble.toString(16)
  for (const either_case of [digit, digit.toUpperCase()]) set[either_case.charCodeAt(0)] = 1
  return set
})

function literal(byte: number): Expression {
  return { kind: 'set', set: byte_sets[byte] ?? new Uint8Array(256) }
}

function ascii(text: string): readonly Expression[] {
  return Array.from(text, (character) => literal(character.charCodeAt(0)))
}

/** Two digits, each in either case. */
function hexDigits(byte: number): readonly Expression[] {
  return [byte >> 4, byte & 15].map((nibble) => ({
    kind: 'set',
    set: nibble_sets[nibble] ?? new Uint8Array(256),
  }))
}

function sequence(parts: readonly Expression[]): Expression {
  return { kind: 'sequence', parts }
}

function either(parts: readonly Expression[]): Expression {
  return { kind: 'either', parts }
}
