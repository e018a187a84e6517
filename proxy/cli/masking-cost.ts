/**
 * What a pattern of the configuration costs that begins with nothing fixed: each word, or each byte, may begin a match. Measured
 * here and now, on ordinary text, with the pattern and without it.
 *
 * @module
 */
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import { rulesetOf } from '../../masking-wasm/compile/prepared.ts'
import { MaskingEngine } from '../../masking-wasm/host/engine.ts'
import { ordinary } from '../../masking-wasm/rules/corpus/ordinary.ts'
import type { KnownSecret } from '../../masking-wasm/rules/known.ts'
import type { Rule } from '../../masking-wasm/rules/rule.ts'

export interface PatternCost {
  /** The pattern's name. */
  readonly rule: string
  /** MB (1e6 bytes) a second of processor time, with all rules and with all but this one. */
  readonly mb_s: number
  readonly mb_s_without: number
}

/** Of more the first are measured, and the others told: each takes a second or so. */
export const costs_max = 5
/** A compiler in the engine warms up meanwhile. */
const at_least_ms = 150
const chunk_bytes = 16 * 1024
/** A kind of text that is rare in outputs may be slow as well, so it is all kinds, one after the other. */
const of_each_bytes = 32 * 1024

/** Which of the patterns of the configuration begin with nothing fixed. */
export function slowPatterns(ruleset: Ruleset, own: readonly Rule[]): readonly string[] {
  return own.map(({ name }) => name).filter((name) => ruleset.slow.includes(name))
}

/** `rules` are all of them, `ruleset` what they compile to. */
export function patternCosts(
  slow: readonly string[],
  rules: readonly Rule[],
  known: readonly KnownSecret[],
  ruleset: Ruleset,
): readonly PatternCost[] {
  const text = Buffer.from(
    Object.values(ordinary(1))
      .map((kind) => kind.slice(0, of_each_bytes))
      .join(''),
  )
  const chunks = Array.from({ length: Math.ceil(text.length / chunk_bytes) }, (_, index) =>
    text.subarray(index * chunk_bytes, (index + 1) * chunk_bytes),
  )
  const mb_s = rateOf(ruleset, chunks)
  return slow.slice(0, costs_max).map((rule) => {
    const without = rulesetOf(
      rules.filter(({ name }) => name !== rule),
      known,
    )
    if (!without.ok) throw new Error(`fewer rules do not compile: ${without.reason}`)
    return { rule, mb_s, mb_s_without: rateOf(without.ruleset, chunks) }
  })
}

function rateOf(ruleset: Ruleset, chunks: readonly Uint8Array[]): number {
  const engine = MaskingEngine.load(ruleset)
  const pass = (): number => {
    let bytes = 0
    let spent_us = 0
    const began = process.cpuUsage()
    do {
      const stream = engine.open('length')
      for (const chunk of chunks) {
        stream.push(chunk)
        bytes += chunk.length
      }
      stream.flush('end')
      stream.close()
      const { user, system } = process.cpuUsage(began)
      spent_us = user + system
    } while (spent_us < at_least_ms * 1000)
    return bytes / spent_us
  }
  // The first one warms up.
  return Math.round(Math.max(pass(), pass(), pass()))
}
