/**
 * What the tests share: engines, and a whole stream fed in parts.
 *
 * @module
 */
import { type Compiled, digestOf } from '../compile/compile.ts'
import { rulesetOf } from '../compile/prepared.ts'
import type { Rule } from '../rules/rule.ts'
import { type FlushEvent, type Masked, MaskingEngine, type MaskUnit } from './engine.ts'

/** All packs take two seconds, and several files want them. */
const compiled_by_digest = new Map<string, Compiled>()

export function engineOf(rules: readonly Rule[]): MaskingEngine {
  const digest = digestOf(rules)
  const compiled = compiled_by_digest.get(digest) ?? rulesetOf(rules)
  compiled_by_digest.set(digest, compiled)
  if (!compiled.ok) throw new Error(`${compiled.rule}: ${compiled.reason}`)
  return MaskingEngine.load(compiled.ruleset)
}

/** A character for each byte. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0))
}

export interface Fed {
  /** A character for each byte. */
  readonly text: string
  /** `start-end:rule` in the raw stream. */
  readonly spans: readonly string[]
}

/**
 * Feeds `bytes` in parts of the sizes that `size` gives, flushes where `flushes` says, and ends the
 * stream. Throws where the contract of a stream is broken.
 */
export function feed(
  engine: MaskingEngine,
  bytes: Uint8Array,
  size: () => number = () => bytes.length,
  flushes: ReadonlyMap<number, FlushEvent> = new Map(),
  unit: MaskUnit = 'length',
  columns = 0,
): Fed {
  const stream = engine.open(unit)
  stream.resize(columns)
  let text = ''
  let settled = 0
  const spans: string[] = []
  const take = (masked: Masked, given: number): void => {
    if (masked.raw_offset !== settled) throw new Error('not contiguous')
    settled += masked.raw_length
    if (stream.held !== given - settled || stream.held > 4096) throw new Error('held')
    let at = 0
    let raw_at = masked.raw_offset
    for (const span of masked.spans) {
      const clear = span.offset - at
      if (clear < 0 || span.raw_offset - raw_at !== clear) throw new Error('clear bytes changed')
      if (span.raw_length < 1 || span.raw_length > 4096) throw new Error('length of a span')
      const raw = bytes.subarray(span.raw_offset, span.raw_offset + span.raw_length)
      if (!Buffer.from(raw).equals(span.raw)) throw new Error('raw bytes of a span')
      spans.push(`${span.raw_offset}-${span.raw_offset + span.raw_length}:${span.rule}`)
      at = span.offset + span.length
      raw_at = span.raw_offset + span.raw_length
    }
    if (masked.bytes.length - at !== masked.raw_offset + masked.raw_length - raw_at)
      throw new Error('clear bytes changed')
    text += Buffer.from(masked.bytes).toString('latin1')
  }
  let at = 0
  const stops = [...flushes.keys()].sort((a, b) => a - b)
  for (const stop of [...stops, bytes.length]) {
    while (at < stop) {
      const length = Math.min(stop - at, Math.max(1, size()))
      take(stream.push(bytes.subarray(at, at + length)), at + length)
      at += length
    }
    const event = flushes.get(stop)
    if (event !== undefined) {
      take(stream.flush(event), at)
      if (stream.held !== 0) throw new Error('held after a flush')
    }
  }
  take(stream.flush('end'), bytes.length)
  stream.close()
  return { text, spans }
}
