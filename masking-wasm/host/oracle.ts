/**
 * The rules read by JavaScript's own regular expressions over the whole stream, each at each place: slow,
 * and independent of the compiler and of the module. The tests compare.
 *
 * @module
 */
import type { Check, Rule } from '../rules/rule.ts'
import { checks } from './oracle-check.ts'

export interface OracleSpan {
  readonly start: number
  readonly end: number
  readonly rule: string
}

/** Union of all matches in `text` (a character for each byte), which is the whole stream. */
export class Oracle {
  readonly #rules: readonly OracleRule[]

  constructor(rules: readonly Rule[]) {
    this.#rules = rules.map(oracleRule)
  }

  spans(text: string): readonly OracleSpan[] {
    const matches = this.matches(text)
    const merged: { start: number; end: number; label: Match }[] = []
    for (const match of [...matches].sort((a, b) => a.start - b.start || b.end - a.end)) {
      const last = merged.at(-1)
      if (last === undefined || match.start >= last.end)
        merged.push({ start: match.start, end: match.end, label: match })
      else {
        last.end = Math.max(last.end, match.end)
        if (better(match, last.label)) last.label = match
      }
    }
    return merged.map(({ start, end, label }) => ({ start, end, rule: label.name }))
  }

  /** The longest match of each rule at each place. */
  matches(text: string): readonly Match[] {
    const found: Match[] = []
    for (const [order, rule] of this.#rules.entries()) {
      rule.start.lastIndex = 0
      for (let at = rule.start.exec(text); at !== null; at = rule.start.exec(text)) {
        const start = at.index
        // The next place, which this match may cover.
        rule.start.lastIndex = start + 1
        const end = longest(rule, text, start)
        if (end !== undefined) found.push({ start, end, order, name: rule.name })
      }
    }
    return found
  }
}

export interface Match {
  readonly start: number
  readonly end: number
  readonly order: number
  readonly name: string
}

interface OracleRule {
  readonly name: string
  /** Context before, and some match. */
  readonly start: RegExp
  readonly whole: RegExp
  readonly after: RegExp
  readonly check: Check | undefined
}

function oracleRule(rule: Rule): OracleRule {
  const flags = rule.ignore_case === true ? 'i' : ''
  const pattern = bytewise(`(?:${rule.lead ?? ''})(?:${rule.pattern})`)
  const left = rule.left === undefined ? '' : `(?<!${rule.left})`
  const before = rule.before === undefined ? left : `(?<=${left}(?:${bytewise(rule.before)}))`
  const right = rule.right === undefined ? '' : `(?!${rule.right})`
  const next = rule.next === undefined ? '' : `(?=${rule.next})`
  return {
    name: rule.name,
    start: new RegExp(`${before}${pattern}`, `g${flags}`),
    whole: new RegExp(`^${pattern}$`, flags),
    after: new RegExp(`${right}${next}`, 'y'),
    check: rule.check,
  }
}

/** A character beyond ASCII stands for its UTF-8 bytes, each a character here. */
function bytewise(expression: string): string {
  return expression.replaceAll(/[^\x00-\x7f]+/g, (text) => Buffer.from(text).toString('latin1'))
}

function longest(rule: OracleRule, text: string, start: number): number | undefined {
  for (let end = text.length; end > start; end--) {
    rule.after.lastIndex = end
    if (!rule.after.test(text)) continue
    const match = text.slice(start, end)
    if (rule.whole.test(match) && (rule.check === undefined || checks(rule.check, match)))
      return end
  }
  return undefined
}

function better(a: Match, b: Match): boolean {
  return a.start !== b.start
    ? a.start < b.start
    : a.end !== b.end
      ? a.end > b.end
      : a.order < b.order
}
