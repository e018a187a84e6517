/**
 * Regular expressions over bytes: from JavaScript's syntax to a small tree of byte sets.
 *
 * @module
 */
import { type AST, RegExpParser } from '@eslint-community/regexpp'

/** A set of bytes: 256 entries of 0 or 1. */
export type ByteSet = Uint8Array

export type Expression =
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  | { readonly kind: 'either'; readonly parts: readonly Expression[] }
  | {
      readonly kind: 'repeat'
      readonly part: Expression
      readonly min: number
      /** `Infinity` for an open end. */
      readonly max: number
    }

export type Parsed =
  | { readonly ok: true; readonly expression: Expression }
  | { readonly ok: false; readonly reason: string; readonly position?: number }

/** A repetition costs a state per step; past this, `{n,m}` is read as `{n,}`: it masks more than written. */
const repeat_spread_max = 128
/** A minimum costs a state per step too, and no token is that long. */
const repeat_min_max = 1024
/** Every level is a recursion of ours and of the parser's. */
const source_chars_max = 2000

/** Where the parts of a pattern come from outside, `position` is the offset in `source`. */
export function parse(source: string, ignore_case: boolean): Parsed {
  if (source.length > source_chars_max)
    return { ok: false, reason: `longer than ${source_chars_max} characters` }
  try {
    const pattern = new RegExpParser({ ecmaVersion: 2025 }).parsePattern(source)
    return { ok: true, expression: alternatives(pattern.alternatives, ignore_case) }
  } catch (error) {
    if (error instanceof Unsupported)
      return { ok: false, reason: error.message, position: error.position }
    if (error instanceof SyntaxError) {
      const index: unknown = Reflect.get(error, 'index')
      return typeof index === 'number'
        ? { ok: false, reason: 'not a regular expression', position: index }
        : { ok: false, reason: 'not a regular expression' }
    }
    throw error
  }
}

/** Where the repetition stands that makes most steps: what a person would shorten first. Undefined without any. */
export function heaviestRepetition(source: string): number | undefined {
  let heaviest: { readonly at: number; readonly steps: number } | undefined
  const stepsOf = (node: AST.Element | AST.Alternative): number => {
    if (node.type === 'Quantifier') {
      const { min, max } = node
      const steps = stepsOf(node.element) * Math.max(1, max - min > repeat_spread_max ? min : max)
      // The inner one is read first, and an outer one of the same weight says no more.
      if (max > 1 && steps > (heaviest?.steps ?? 0)) heaviest = { at: node.start, steps }
      return steps
    }
    const parts =
      node.type === 'Alternative'
        ? node.elements
        : node.type === 'Group' || node.type === 'CapturingGroup'
          ? node.alternatives
          : undefined
    return parts === undefined ? 1 : sum(parts.map(stepsOf))
  }
  for (const part of new RegExpParser({ ecmaVersion: 2025 }).parsePattern(source).alternatives)
    stepsOf(part)
  return heaviest?.at
}

/** One character class, for what stands beside a match. */
export function parseClass(source: string): ByteSet | undefined {
  const parsed = parse(source, false)
  return parsed.ok && parsed.expression.kind === 'set' ? parsed.expression.set : undefined
}

export interface Lengths {
  readonly min: number
  readonly max: number
}

export function lengths(expression: Expression): Lengths {
  switch (expression.kind) {
    case 'set':
      return { min: 1, max: 1 }
    case 'sequence': {
      const parts = expression.parts.map(lengths)
      return { min: sum(parts.map((p) => p.min)), max: sum(parts.map((p) => p.max)) }
    }
    case 'either': {
      const parts = expression.parts.map(lengths)
      return {
        min: Math.min(...parts.map((p) => p.min)),
        max: Math.max(...parts.map((p) => p.max)),
      }
    }
    case 'repeat': {
      const part = lengths(expression.part)
      const max = part.max === 0 || expression.max === 0 ? 0 : part.max * expression.max
      return { min: part.min * expression.min, max }
    }
  }
}

/** A set this small still reads as a literal: `gh[pousr]_`, or a letter in either case. */
const literal_set_bytes_max = 8
/** No issuer's prefix is longer; a longer one is a secret spelt out in small classes. */
const prefix_bytes_max = 24

/** How many leading bytes of every match are as good as fixed. */
export function literalPrefix(expression: Expression): number {
  return Math.min(prefixOf(expression).length, prefix_bytes_max)
}

function prefixOf(expression: Expression): { readonly length: number; readonly whole: boolean } {
  switch (expression.kind) {
    case 'set': {
      const literal = expression.set.reduce((a, b) => a + b, 0) <= literal_set_bytes_max
      return { length: literal ? 1 : 0, whole: literal }
    }
    case 'sequence': {
      let length = 0
      for (const part of expression.parts) {
        const prefix = prefixOf(part)
        length += prefix.length
        if (!prefix.whole) return { length, whole: false }
      }
      return { length, whole: true }
    }
    case 'either': {
      const parts = expression.parts.map(prefixOf)
      const shortest = Math.min(...parts.map((p) => p.length))
      return { length: shortest, whole: parts.every((p) => p.whole && p.length === shortest) }
    }
    case 'repeat': {
      const part = prefixOf(expression.part)
      // A class that repeats is the body of a token, however small it is.
      if (expression.min === 0 || expression.part.kind === 'set') return { length: 0, whole: false }
      if (!part.whole) return { length: part.length, whole: false }
      return { length: part.length * expression.min, whole: expression.min === expression.max }
    }
  }
}

/** The parser's own names for what it read; thrown and caught inside {@link parse}. */
class Unsupported extends Error {
  readonly position: number
  constructor(what: string, node: AST.Node) {
    super(what)
    this.position = node.start
  }
}

function alternatives(list: readonly AST.Alternative[], ignore_case: boolean): Expression {
  const parts = list.map((alternative) =>
    sequence(alternative.elements.map((element) => fromElement(element, ignore_case))),
  )
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'either', parts }
}

function fromElement(element: AST.Element, ignore_case: boolean): Expression {
  switch (element.type) {
    case 'Character':
      return fromCharacter(element, ignore_case)
    case 'CharacterSet':
      return { kind: 'set', set: fromCharacterSet(element) }
    case 'CharacterClass':
      return fromClass(element, ignore_case)
    case 'Group':
      return alternatives(element.alternatives, caseIn(element, ignore_case))
    case 'CapturingGroup':
      return alternatives(element.alternatives, ignore_case)
    case 'Quantifier':
      return fromQuantifier(element, ignore_case)
    case 'Backreference':
      throw new Unsupported('back references are not supported', element)
    case 'ExpressionCharacterClass':
      throw new Unsupported('set operations in a class are not supported', element)
    case 'Assertion':
      throw new Unsupported(
        element.kind === 'lookahead' || element.kind === 'lookbehind'
          ? 'lookaround is supported at the very ends only, with one class: (?<![...]) and (?![...])'
          : `the assertion ${element.raw} is not supported here`,
        element,
      )
  }
}

/** `(?i:...)` and `(?-i:...)`, by which a part of a rule has its own way with case. */
function caseIn(group: AST.Group, ignore_case: boolean): boolean {
  if (group.modifiers === null) return ignore_case
  const { add, remove } = group.modifiers
  if ([add, remove].some((flags) => flags?.dotAll === true || flags?.multiline === true))
    throw new Unsupported('of modifiers only i is supported', group)
  return add.ignoreCase || (ignore_case && remove?.ignoreCase !== true)
}

function fromQuantifier(node: AST.Quantifier, ignore_case: boolean): Expression {
  if (node.min > repeat_min_max)
    throw new Unsupported(`a repetition of more than ${repeat_min_max} is not supported`, node)
  const max = node.max - node.min > repeat_spread_max ? Number.POSITIVE_INFINITY : node.max
  return { kind: 'repeat', part: fromElement(node.element, ignore_case), min: node.min, max }
}

function fromCharacter(node: AST.Character, ignore_case: boolean): Expression {
  const bytes = bytesOf(node)
  return sequence(
    bytes.map((byte) => {
      const set = new Uint8Array(256)
      set[byte] = 1
      if (ignore_case) foldCase(set)
      return { kind: 'set', set }
    }),
  )
}

/** `\xNN` is a byte; any other character outside ASCII is meant as text, so its UTF-8 bytes. */
function bytesOf(node: AST.Character): number[] {
  if (node.value < 0x80 || node.raw.startsWith('\\x')) return [node.value]
  if (node.value >= 0xd800 && node.value <= 0xdfff)
    throw new Unsupported('a character beyond U+FFFF is not supported', node)
  return [...new TextEncoder().encode(String.fromCodePoint(node.value))]
}

function fromClass(node: AST.CharacterClass, ignore_case: boolean): Expression {
  if (node.unicodeSets) throw new Unsupported('set operations in a class are not supported', node)
  const set = new Uint8Array(256)
  const long: Expression[] = []
  for (const element of node.elements) {
    if (element.type === 'CharacterClassRange') {
      const min = bytesOf(element.min)
      const max = bytesOf(element.max)
      if (min[0] === undefined || max[0] === undefined || min.length > 1 || max.length > 1)
        throw new Unsupported('a range beyond ASCII is not supported', element)
      set.fill(1, min[0], max[0] + 1)
    } else if (element.type === 'CharacterSet') {
      const other = fromCharacterSet(element)
      for (let byte = 0; byte < 256; byte++) if (other[byte] === 1) set[byte] = 1
    } else if (element.type === 'Character') {
      const bytes = bytesOf(element)
      if (bytes.length > 1) long.push(fromCharacter(element, ignore_case))
      else if (bytes[0] !== undefined) set[bytes[0]] = 1
    } else {
      throw new Unsupported('set operations in a class are not supported', element)
    }
  }
  if (ignore_case) foldCase(set)
  if (node.negate) {
    // A character beyond ASCII is several bytes, and "any byte but these" would not mean "not it".
    if (long.length > 0)
      throw new Unsupported('a negated class beyond ASCII is not supported', node)
    for (let byte = 0; byte < 256; byte++) set[byte] = set[byte] === 1 ? 0 : 1
  }
  const single: Expression = { kind: 'set', set }
  return long.length === 0 ? single : { kind: 'either', parts: [single, ...long] }
}

function fromCharacterSet(node: AST.CharacterSet): ByteSet {
  const set = new Uint8Array(256)
  switch (node.kind) {
    case 'any':
      set.fill(1)
      set[0x0a] = 0
      set[0x0d] = 0
      return set
    case 'digit':
      set.fill(1, 0x30, 0x3a)
      break
    case 'space':
      // ASCII only: U+00A0 and its kin are several bytes, and no protocol indents a secret with them.
      set.fill(1, 0x09, 0x0e)
      set[0x20] = 1
      break
    case 'word':
      set.fill(1, 0x30, 0x3a)
      set.fill(1, 0x41, 0x5b)
      set.fill(1, 0x61, 0x7b)
      set[0x5f] = 1
      break
    case 'property':
      throw new Unsupported('Unicode properties are not supported', node)
  }
  if (node.negate) for (let byte = 0; byte < 256; byte++) set[byte] = set[byte] === 1 ? 0 : 1
  return set
}

function foldCase(set: ByteSet): void {
  for (let upper = 0x41; upper <= 0x5a; upper++) {
    if (set[upper] === 1 || set[upper + 32] === 1) {
      set[upper] = 1
      set[upper + 32] = 1
    }
  }
}

function sequence(parts: readonly Expression[]): Expression {
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'sequence', parts }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
