/**
 * The rules read by JavaScript's own regular expressions over the whole stream, each at each place: slow,
 * and independent of the compiler and of the module. The tests compare.
 *
 * @module
 */
import type { Check, Rule } from '../rules/rule.ts'

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
  const pattern = `(?:${rule.lead ?? ''})(?:${rule.pattern})`
  const left = rule.left === undefined ? '' : `(?<!${rule.left})`
  const before = rule.before === undefined ? left : `(?<=${left}(?:${rule.before}))`
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

function longest(rule: OracleRule, text: string, start: number): number | undefined {
  for (let end = text.length; end > start; end--) {
    rule.after.lastIndex = end
    if (!rule.after.test(text)) continue
    const match = text.slice(start, end)
    if (rule.whole.test(match) && checks(rule.check, match)) return end
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

function checks(check: Check | undefined, match: string): boolean {
  const digits = match.replaceAll(/[^0-9]/g, '')
  switch (check) {
    case undefined:
      return true
    case 'luhn':
      return (
        /^\d{3,}([ -]\d{3,})*([ -]\d+)?$/.test(match) &&
        issuers.some((issuer) => issuer.test(digits)) &&
        luhn(digits)
      )
    case 'npi':
      return luhn(`80840${digits}`)
    case 'mod97':
      return iban(match.replaceAll(' ', ''))
    case 'dea': {
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, last = 0] = [...match.slice(2)].map(Number)
      return (a + c + e + 2 * (b + d + f)) % 10 === last
    }
  }
}

function luhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, char, index) => {
    const digit = Number(char) * (index % 2 === 1 ? 2 : 1)
    return total + (digit > 9 ? digit - 9 : digit)
  }, 0)
  return sum % 10 === 0
}

const issuers: readonly RegExp[] = [
  /^4(\d{12}|\d{15}|\d{18})$/,
  /^3[47]\d{13}$/,
  /^5[1-5]\d{14}$/,
  /^(222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}$/,
  /^35(2[89]|[3-8]\d)\d{12,15}$/,
  /^(30[0-5]|36\d|38\d|39\d)\d{11,16}$/,
  /^(6011|65\d\d|64[4-9]\d)\d{12,15}$/,
  /^62\d{14,17}$/,
  /^(?!6011|65|64[4-9]|62)(50|5[6-9]|6\d)\d{11,17}$/,
]

const iban_lengths: Readonly<Record<string, number>> = {
  DE: 22,
  GB: 22,
  NO: 15,
  FR: 27,
  MT: 31,
  BE: 16,
}

function iban(text: string): boolean {
  if (iban_lengths[text.slice(0, 2)] !== text.length) return false
  const moved = text.slice(4) + text.slice(0, 4)
  const number = moved.replaceAll(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55))
  return BigInt(number) % 97n === 1n
}
