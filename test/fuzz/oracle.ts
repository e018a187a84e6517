/**
 * What a masker must find, by the definition of a rule and nothing else: at each place each rule is tried anew, over the whole
 * stream. No state is shared between places or rules, nothing is filtered but by the two bytes that stand there.
 *
 * It shares no code with the compiler or the module. `oracle.test.ts` compares it with JavaScript's regular expressions.
 *
 * @module
 */
import { checks } from '../../masking-wasm/host/oracle-check.ts'
import type { Rule } from '../../masking-wasm/rules/rule.ts'
import { classOf, Matcher } from './expression.ts'

/** The longest match of a rule at one place. */
export interface Match {
  readonly start: number
  readonly end: number
  /** The rule's place in the list. */
  readonly order: number
}

interface OracleRule {
  readonly order: number
  readonly rule: Rule
  readonly before: Matcher | undefined
  readonly pattern: Matcher
  readonly left: Uint8Array | undefined
  readonly right: Uint8Array | undefined
  readonly next: Uint8Array | undefined
}

export class Oracle {
  readonly #rules: readonly OracleRule[]
  /** By two bytes: the rules that can begin with them, context included. */
  readonly #by_pair: readonly (readonly OracleRule[])[]

  constructor(rules: readonly Rule[]) {
    this.#rules = rules.map((rule, order) => oracleRule(rule, order))
    const by_pair: OracleRule[][] = Array.from({ length: 65_536 }, () => [])
    for (const rule of this.#rules) {
      const first = rule.before ?? rule.pattern
      for (let pair = 0; pair < 65_536; pair++) {
        const one = first.step(first.start, pair >> 8)
        if (one !== 0 && (first.accepts(one) || first.step(one, pair & 255) !== 0))
          by_pair[pair]?.push(rule)
      }
    }
    this.#by_pair = by_pair
  }

  /**
   * All of them, in no order. `bytes` is the whole stream. Before each of the places `seams` something was left out: what begins
   * there may stand behind the byte before or behind an escape, and what ends there before the next byte or before one.
   */
  matches(bytes: Uint8Array, seams: ReadonlySet<number> = none): readonly Match[] {
    const found: Match[] = []
    // Behind contexts: places by rule, so that two contexts that end together count once.
    const tried = new Set<number>()
    for (let at = 0; at < bytes.length; at++) {
      const pair = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
      for (const rule of this.#by_pair[pair] ?? []) {
        const left = at > 0 && rule.left?.[bytes[at - 1] ?? 0] === 1
        if (left && !(seams.has(at) && rule.left?.[escape] !== 1)) continue
        const { before } = rule
        if (before === undefined) {
          longest(rule, bytes, at, seams, found)
          continue
        }
        let state = before.start
        for (let to = at; to < bytes.length; ) {
          state = before.step(state, bytes[to++] ?? 0)
          if (state === 0) break
          if (!before.accepts(state)) continue
          const place = rule.order * 1_000_000 + to
          if (tried.has(place)) continue
          tried.add(place)
          longest(rule, bytes, to, seams, found)
        }
      }
    }
    return found
  }
}

const none: ReadonlySet<number> = new Set()
const escape = 0x1b

function longest(
  rule: OracleRule,
  bytes: Uint8Array,
  start: number,
  seams: ReadonlySet<number>,
  found: Match[],
): void {
  const { pattern } = rule
  const { check } = rule.rule
  let last = 0
  let ends: number[] | undefined
  let state = pattern.start
  for (let at = start; at < bytes.length; ) {
    state = pattern.step(state, bytes[at++] ?? 0)
    if (state === 0) break
    if (!pattern.accepts(state)) continue
    if (!mayEnd(rule, bytes[at]) && !(seams.has(at) && mayEnd(rule, escape))) continue
    if (check === undefined) last = at
    else (ends ??= []).push(at)
  }
  // The longest that the check takes.
  for (let end = ends?.pop(); check !== undefined && end !== undefined; end = ends?.pop()) {
    if (!checks(check, Buffer.from(bytes.subarray(start, end)).toString('latin1'))) continue
    last = end
    break
  }
  if (last !== 0) found.push({ start, end: last, order: rule.order })
}

/** Before that byte, or at the end of the stream. */
function mayEnd({ right, next }: OracleRule, byte: number | undefined): boolean {
  return byte === undefined ? next === undefined : right?.[byte] !== 1 && next?.[byte] !== 0
}

function oracleRule(rule: Rule, order: number): OracleRule {
  const fold = rule.ignore_case === true
  const set = (source: string | undefined): Uint8Array | undefined =>
    source === undefined ? undefined : classOf(source)
  return {
    order,
    rule,
    before: rule.before === undefined ? undefined : new Matcher(rule.before, fold),
    pattern: new Matcher(`(?:${rule.lead ?? ''})(?:${rule.pattern})`, fold),
    left: set(rule.left),
    right: set(rule.right),
    next: set(rule.next),
  }
}

export interface OracleSpan {
  readonly start: number
  readonly end: number
  readonly order: number
}

/** Maximal runs of overlapping matches, labelled by the leftmost, then longest, then first rule. */
export function spansOf(matches: readonly Match[]): readonly OracleSpan[] {
  const spans: { start: number; end: number; order: number }[] = []
  const sorted = [...matches].sort(
    (a, b) => a.start - b.start || b.end - a.end || a.order - b.order,
  )
  for (const match of sorted) {
    const last = spans.at(-1)
    if (last === undefined || match.start >= last.end) spans.push({ ...match })
    else last.end = Math.max(last.end, match.end)
  }
  return spans
}
