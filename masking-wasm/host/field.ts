/**
 * Masking by field: a value whose place is known, a column or a JSON member, by the strategy for that place; everything
 * else by the rules, as ever.
 *
 * @module
 */
import { known_label } from '../rules/known.ts'
import type { MaskingEngine } from './engine.ts'
import { type JsonValue, readJson } from './json.ts'
import { applyStrategy, type Strategy } from './strategy.ts'
import type { MaskedSpan } from './stream.ts'

/** Place in the masked bytes, place in the raw ones, and the rule. */
export type FieldSpan = Omit<MaskedSpan, 'raw'>

export interface MaskedField {
  /** Owned. Nothing where the strategy leaves no value. */
  readonly bytes: Uint8Array | undefined
  readonly spans: readonly FieldSpan[]
}

/** A member of documents: the names on the way to it, through lists as if they were not there; `*` is any name. */
export interface Member {
  readonly path: readonly string[]
  readonly strategy: Strategy
  /** The label of its spans. */
  readonly rule: string
}

/** The label of a document that is none, or too deep: all of it is masked. */
export const not_json = 'not-json'

export class FieldMasker {
  readonly #engine: MaskingEngine
  readonly #key: Uint8Array

  /** `key`: 32 random bytes. Digests of equal values are equal under one key. */
  constructor(engine: MaskingEngine, key: Uint8Array) {
    this.#engine = engine
    this.#key = key
  }

  /** Masks one value, in UTF-8: by `strategy` as a whole, by the rules without one. `rule` labels it then. */
  value(raw: Uint8Array, strategy?: Strategy, rule = 'field'): MaskedField {
    if (strategy === undefined) return this.#byRules(raw)
    const shown = this.#shown(new TextDecoder().decode(raw), strategy)
    const bytes = shown === undefined ? undefined : new TextEncoder().encode(shown)
    const place = { offset: 0, length: bytes?.length ?? 0, raw_offset: 0, raw_length: raw.length }
    return { bytes, spans: [{ ...place, rule }] }
  }

  /** Masks a JSON document (RFC 8259): the members by their strategies, all else by the rules. Its other bytes stay. */
  document(raw: Uint8Array, members: readonly Member[]): MaskedField {
    const read = readJson(
      raw,
      members.map(({ path }) => path),
    )
    if (read === undefined) return covered(raw)
    const parts: Uint8Array[] = []
    const spans: FieldSpan[] = []
    let length = 0
    const put = (bytes: Uint8Array): void => {
      parts.push(bytes)
      length += bytes.length
    }
    const by_rules = this.#byRules(raw)
    const shown = new Shown(raw, by_rules)
    let next = 0
    for (const { start, end, member, value } of read) {
      let bytes: Uint8Array
      let label: string
      if (member === undefined) {
        // What the rules find in a number is no number any more: it becomes a string.
        while (
          (by_rules.spans[next]?.raw_offset ?? raw.length) + spanLength(by_rules.spans[next]) <=
          start
        )
          next++
        const found = by_rules.spans[next]
        if (found === undefined || found.raw_offset >= end) continue
        bytes = Buffer.concat([quote, by_rules.bytes.subarray(start, end), quote])
        label = found.rule
      } else {
        const { strategy, rule } = members[member] ?? fail()
        bytes = new TextEncoder().encode(this.#json(value, strategy))
        label = rule
      }
      for (const span of shown.until(start)) spans.push({ ...span, offset: length + span.offset })
      put(shown.bytes)
      const place = { raw_offset: start, raw_length: end - start }
      spans.push({ offset: length, length: bytes.length, ...place, rule: label })
      put(bytes)
      shown.skip(end)
    }
    for (const span of shown.until(raw.length))
      spans.push({ ...span, offset: length + span.offset })
    put(shown.bytes)
    return { bytes: Buffer.concat(parts), spans }
  }

  /** A JSON token in its place. What has no value has none to hide. */
  #json(value: JsonValue, strategy: Strategy): string {
    if (value === null) return 'null'
    const shown = this.#shown(value, strategy)
    return shown === undefined ? 'null' : JSON.stringify(shown)
  }

  #shown(text: string, strategy: Strategy): string | undefined {
    if (strategy.kind !== 'partial') return applyStrategy(strategy, text, this.#key, () => false)
    // Of a known secret no character is shown, not even at its ends.
    const known = new Set<number>()
    const raw = new TextEncoder().encode(text)
    for (const { raw_offset, raw_length, rule } of this.#byRules(raw).spans) {
      if (rule !== known_label) continue
      const from = [...new TextDecoder().decode(raw.subarray(0, raw_offset))].length
      const masked = new TextDecoder().decode(raw.subarray(raw_offset, raw_offset + raw_length))
      for (let at = from; at < from + [...masked].length; at++) known.add(at)
    }
    return applyStrategy(strategy, text, this.#key, (at) => known.has(at))
  }

  #byRules(raw: Uint8Array): { readonly bytes: Uint8Array; readonly spans: readonly FieldSpan[] } {
    const stream = this.#engine.open('length')
    try {
      const parts: Uint8Array[] = []
      const spans: FieldSpan[] = []
      let length = 0
      // One after the other: a result is borrowed until the next call.
      for (const step of ['push', 'end'] as const) {
        const masked = step === 'push' ? stream.push(raw) : stream.flush('end')
        for (const { offset, length: shown, raw_offset, raw_length, rule } of masked.spans)
          spans.push({ offset: length + offset, length: shown, raw_offset, raw_length, rule })
        parts.push(masked.bytes.slice())
        length += masked.bytes.length
      }
      return { bytes: Buffer.concat(parts), spans }
    } finally {
      stream.close()
    }
  }
}

/** What the rules leave of a document, piece by piece; masks by length keep every place. */
class Shown {
  readonly #masked: Uint8Array
  readonly #spans: readonly FieldSpan[]
  #at = 0
  #next = 0
  bytes: Uint8Array = new Uint8Array(0)

  constructor(raw: Uint8Array, { bytes, spans }: ReturnType<FieldMasker['value']>) {
    if (bytes?.length !== raw.length) throw new Error('a mask by length has another length')
    this.#masked = bytes
    this.#spans = spans
  }

  /** Takes the bytes up to `end`; tells their spans, cut where the piece is. */
  until(end: number): readonly FieldSpan[] {
    const start = this.#at
    this.bytes = this.#masked.subarray(start, end)
    this.#at = end
    const spans: FieldSpan[] = []
    for (; this.#next < this.#spans.length; this.#next++) {
      const span = this.#spans[this.#next] ?? fail()
      if (span.raw_offset >= end) break
      const from = Math.max(start, span.raw_offset)
      const to = Math.min(end, span.raw_offset + span.raw_length)
      if (to > from)
        spans.push({
          offset: from - start,
          length: to - from,
          raw_offset: from,
          raw_length: to - from,
          rule: span.rule,
        })
      if (span.raw_offset + span.raw_length > end) break
    }
    return spans
  }

  skip(end: number): void {
    this.#at = end
  }
}

const quote = Uint8Array.of(0x22)

/** Of the raw bytes; more than any document when there is no span. */
function spanLength(span: FieldSpan | undefined): number {
  return span?.raw_length ?? Number.POSITIVE_INFINITY
}

/** All of it is masked, but for the ends of lines. */
function covered(raw: Uint8Array): MaskedField {
  const bytes = raw.map((byte) => (byte === 0x0a || byte === 0x0d ? byte : 0x2a))
  if (raw.length === 0) return { bytes, spans: [] }
  const place = { offset: 0, length: raw.length, raw_offset: 0, raw_length: raw.length }
  return { bytes, spans: [{ ...place, rule: not_json }] }
}

function fail(): never {
  throw new Error('an index that is in no list')
}
