/**
 * Recall and precision of every rule on the corpus of `rules/corpus/`. A planted value counts as found
 * when each of its bytes is masked, by whichever rule; a find counts as false when a rule names bytes that are
 * neither of its values nor of another's.
 *
 * @module
 */
import { compile } from '../compile/compile.ts'
import { ordinary, passwordSource } from '../rules/corpus/ordinary.ts'
import { nearMisses, plantedValues } from '../rules/corpus/plant.ts'
import type { Planted } from '../rules/corpus/template.ts'
import { packs, rulesOf } from '../rules/index.ts'
import type { Pack, Rule } from '../rules/rule.ts'
import { type MaskedSpan, MaskingEngine } from './engine.ts'
import { checks } from './oracle-check.ts'

export interface Score {
  readonly rule: string
  readonly pack: Rule['pack']
  readonly planted: number
  readonly found: number
  /** Spans named by this rule in its own near misses. */
  readonly near_misses: number
  readonly false_near: number
  /** Spans named by this rule in ordinary text, and beside the planted values of any rule. */
  readonly false_elsewhere: number
}

export interface Scores {
  readonly rules: readonly Score[]
  /** Kind of ordinary text to the rules that were mistaken in it, `name: text`. */
  readonly ordinary: Readonly<Record<string, readonly string[]>>
  readonly ordinary_bytes: number
  /** Spans in source code that names passwords, by rule: the known hole. */
  readonly password_source: Readonly<Record<string, number>>
}

/** Ordinary text and commands are full of machines' addresses, which are no mistakes. */
const ordinary_packs: readonly Pack[] = ['secrets', 'pci', 'pii', 'hipaa']

/** `count`: planted values for each rule. */
export function measure(count: number): Scores {
  const all = engineOf(packs)
  const elsewhere = new Map<string, number>()
  const machines = new Set(rulesOf(['network']).map((rule) => rule.name))
  const mistaken = (rule: string): void => {
    if (machines.has(rule)) return
    elsewhere.set(rule, (elsewhere.get(rule) ?? 0) + 1)
  }

  const rules = rulesOf(packs).map((rule) => {
    const valid = (value: string): boolean => rule.check === undefined || checks(rule.check, value)
    const values = plantedValues(rule, count, valid)
    const near = nearMisses(rule, values, valid)
    let found = 0
    for (const value of values) {
      const spans = spansOf(all, value.text)
      if (covered(value, spans)) found++
      for (const span of spans) if (beside(value, span)) mistaken(span.rule)
    }
    const false_near = near.reduce(
      (sum, text) => sum + spansOf(all, text).filter((span) => span.rule === rule.name).length,
      0,
    )
    const { name, pack } = rule
    return { rule: name, pack, planted: values.length, found, near_misses: near.length, false_near }
  })

  const engine = engineOf(ordinary_packs)
  const texts = ordinary(1)
  const finds: Record<string, readonly string[]> = {}
  for (const [kind, text] of Object.entries(texts)) {
    const spans = spansOf(engine, text)
    for (const span of spans) mistaken(span.rule)
    finds[kind] = spans.map((span) => `${span.rule}: ${shown(span, text)}`)
  }
  const password_source: Record<string, number> = {}
  for (const { rule } of spansOf(engine, passwordSource(1)))
    password_source[rule] = (password_source[rule] ?? 0) + 1
  return {
    rules: rules.map((score) => ({ ...score, false_elsewhere: elsewhere.get(score.rule) ?? 0 })),
    ordinary: finds,
    password_source,
    ordinary_bytes: Object.values(texts).reduce((sum, text) => sum + text.length, 0),
  }
}

export function recallOf(scores: readonly Score[]): number {
  return total(scores, (score) => score.found) / total(scores, (score) => score.planted)
}

export function precisionOf(scores: readonly Score[]): number {
  const found = total(scores, (score) => score.found)
  return found / (found + total(scores, (score) => score.false_near + score.false_elsewhere))
}

function total(scores: readonly Score[], of: (score: Score) => number): number {
  return scores.reduce((sum, score) => sum + of(score), 0)
}

function engineOf(of: readonly Pack[]): MaskingEngine {
  const compiled = compile(rulesOf(of))
  if (!compiled.ok) throw new Error(`${compiled.rule}: ${compiled.reason}`)
  return MaskingEngine.load(compiled.ruleset)
}

type Span = Pick<MaskedSpan, 'raw_offset' | 'raw_length' | 'rule'>

function spansOf(engine: MaskingEngine, text: string): readonly Span[] {
  const stream = engine.open('length')
  const spans: Span[] = []
  // What is masked is borrowed until the next call; places and names are not.
  for (const { spans: some } of [stream.push(Buffer.from(text)), stream.flush('end')])
    for (const { raw_offset, raw_length, rule } of some)
      spans.push({ raw_offset, raw_length, rule })
  stream.close()
  return spans
}

function covered(value: Planted, spans: readonly Span[]): boolean {
  const [from, to] = placeOf(value)
  let at = from
  for (const { raw_offset, raw_length } of spans)
    if (raw_offset <= at) at = Math.max(at, raw_offset + raw_length)
  return at >= to
}

function beside(value: Planted, { raw_offset, raw_length }: Span): boolean {
  const [from, to] = placeOf(value)
  return raw_offset + raw_length <= from || raw_offset >= to
}

/** In bytes: the name before a value may be in any script. */
function placeOf({ text, start, end }: Planted): readonly [from: number, to: number] {
  const from = Buffer.byteLength(text.slice(0, start))
  return [from, from + Buffer.byteLength(text.slice(start, end))]
}

function shown({ raw_offset, raw_length }: Span, text: string): string {
  return JSON.stringify(text.slice(Math.max(0, raw_offset - 20), raw_offset + raw_length))
}
