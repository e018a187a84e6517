/**
 * Streams of hostile fragments, cut at random places, through the masker; and what must come of them, by the oracle.
 *
 * @module
 */
import { crowded } from '../../masking-wasm/compile/compile.ts'
import type { Masked } from '../../masking-wasm/host/engine.ts'
import type { Rule } from '../../masking-wasm/rules/rule.ts'
import { Fragments } from './fragment.ts'
import { type Oracle, spansOf } from './oracle.ts'
import type { Random } from './random.ts'

/** What is tested of an engine's stream; a test puts a broken one in its place. */
export interface Masker {
  push(bytes: Uint8Array): Masked
  flush(event: 'end'): Masked
  close(): void
}

/** A stream and how it was cut. It is kept when something is wrong with it. */
export interface Case {
  /** Base64. */
  readonly stream: string
  /** Bytes of each part, over and over; 0 is an empty one. */
  readonly parts: readonly number[]
}

export interface Find extends Case {
  /** What is wrong, without the bytes. */
  readonly reason: string
}

export interface Tally {
  fragments: number
  streams: number
  bytes: number
  /** What the oracle says must be masked. */
  spans: number
  /** Streams of which a part was masked whole, as too much was under way: there only leaks are looked for. */
  crowded: number
}

/** What a stream holds back at most. */
const held_bytes_max = 4096

/** Parts of a few bytes, of many, of all. */
const longest_parts: readonly [number, ...number[]] = [4, 30, 64, 100, 100, 200, 200, 2000]

export class Fuzzer {
  readonly tally: Tally = { fragments: 0, streams: 0, bytes: 0, spans: 0, crowded: 0 }
  readonly #rules: readonly Rule[]
  readonly #oracle: Oracle
  readonly #open: () => Masker
  readonly #random: Random
  readonly #fragments: Fragments

  /** `oracle` is of the same rules. */
  constructor(rules: readonly Rule[], oracle: Oracle, open: () => Masker, random: Random) {
    this.#rules = rules
    this.#oracle = oracle
    this.#open = open
    this.#random = random
    this.#fragments = new Fragments(rules, random)
  }

  /** One more stream. */
  next(): Find | undefined {
    const random = this.#random
    const count = random.below(40) === 0 ? 30 : 1 + random.below(6)
    const before = random.below(300) === 0 ? this.#fragments.flood() : ''
    const text = Array.from({ length: count }, () => this.#fragments.fragment()).join('')
    const bytes = Buffer.from(before + text, 'latin1')
    this.tally.fragments += count
    // Now and then a part is empty.
    const longest = random.pick(longest_parts)
    const parts = Array.from({ length: random.below(12) }, () => random.below(longest + 1))
    return this.check(new Uint8Array(bytes), [...parts, 1 + random.below(longest)])
  }

  /** Undefined when all is as it must be. */
  check(bytes: Uint8Array, parts: readonly number[]): Find | undefined {
    const matches = this.#oracle.matches(bytes)
    const { text, spans, wrong } = this.#masked(bytes, parts)
    const due = spansOf(matches)
    this.tally.streams++
    this.tally.bytes += bytes.length
    this.tally.spans += due.length
    const found = (reason: string): Find => ({
      stream: Buffer.from(bytes).toString('base64'),
      parts,
      reason,
    })
    if (wrong !== undefined) return found(wrong)
    for (const { start, end, order } of matches)
      for (let at = start; at < end; at++)
        if (!isMask(text[at], bytes[at]))
          return found(`leak: ${this.#rules[order]?.name} from ${start} to ${end}: byte ${at}`)
    const isCrowded = spans.some(({ rule }) => rule === crowded)
    if (isCrowded) this.tally.crowded++
    // A match that is longer than what is held back is masked in pieces, which have spans of their own.
    if (isCrowded || bytes.length > held_bytes_max) return undefined
    for (let index = 0; index < Math.max(due.length, spans.length); index++) {
      const [one, other] = [due[index], spans[index]]
      const name = this.#rules[one?.order ?? -1]?.name
      if (one?.start === other?.start && one?.end === other?.end && name === other?.rule) continue
      const shown = (span: { start: number; end: number } | undefined): string =>
        span === undefined ? 'none' : `${span.start}-${span.end}`
      return found(`difference: ${name} ${shown(one)} is due, ${other?.rule} ${shown(other)} came`)
    }
    return undefined
  }

  #masked(bytes: Uint8Array, parts: readonly number[]): Output {
    const masker = this.#open()
    const text = new Uint8Array(bytes.length)
    const spans: OutputSpan[] = []
    let at = 0
    let wrong: string | undefined
    const take = (masked: Masked): void => {
      if (masked.raw_offset !== at || masked.bytes.length !== masked.raw_length) {
        wrong ??= `not contiguous at ${at}`
        return
      }
      if (at + masked.raw_length > bytes.length) wrong ??= `too much at ${at}`
      else text.set(masked.bytes, at)
      at += masked.raw_length
      for (const { raw_offset, raw_length, rule } of masked.spans)
        spans.push({ start: raw_offset, end: raw_offset + raw_length, rule })
    }
    for (let from = 0, turn = 0; from < bytes.length; turn++) {
      const size = parts[turn % parts.length] ?? 1
      take(masker.push(bytes.subarray(from, from + size)))
      from += size
    }
    take(masker.flush('end'))
    masker.close()
    if (at !== bytes.length) wrong ??= `${bytes.length - at} bytes never came`
    let clear = 0
    for (const { start, end } of [...spans, { start: bytes.length, end: bytes.length }]) {
      for (; clear < start; clear++)
        if (text[clear] !== bytes[clear]) wrong ??= `byte ${clear} is another, outside of any span`
      for (; clear < end; clear++)
        if (!isMask(text[clear], bytes[clear])) wrong ??= `leak: byte ${clear} shows in its span`
    }
    return { text, spans, wrong }
  }
}

interface OutputSpan {
  readonly start: number
  readonly end: number
  readonly rule: string
}

interface Output {
  readonly text: Uint8Array
  readonly spans: readonly OutputSpan[]
  readonly wrong: string | undefined
}

/** A star; or the end of a line, which stays one. */
function isMask(shown: number | undefined, raw: number | undefined): boolean {
  return shown === 0x2a || (shown === raw && (raw === 0x0a || raw === 0x0d))
}
