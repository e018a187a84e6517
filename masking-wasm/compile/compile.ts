/**
 * Rules in, tables out. Pure; no rule can make it throw or run long: what is too large is refused.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { type KnownSecret, known_label } from '../rules/known.ts'
import type { Check, Rule } from '../rules/rule.ts'
import { build, type Dfa, type Entry } from './dfa.ts'
import {
  type ByteSet,
  type Expression,
  heaviestRepetition,
  lengths,
  literalPrefix,
  parse,
  parseClass,
} from './expression.ts'
import { type KnownGroup, knownGroups } from './known.ts'
import { Nfa, NfaTooLarge } from './nfa.ts'
import { withoutRepeats } from './repeats.ts'
import { encode, type RuleFacts } from './tables.ts'

export type Compiled =
  | { readonly ok: true; readonly ruleset: Ruleset }
  | {
      readonly ok: false
      readonly rule: string
      readonly reason: string
      /** Offset in the expression that is wrong. */
      readonly position?: number
    }

export interface Ruleset {
  /** By rule number; the last is {@link crowded}. */
  readonly names: readonly string[]
  /** For the WASM module. */
  readonly tables: Uint8Array
  /** SHA-256, hex, of the rules and the tables; with known secrets, see {@link compileKnown}. */
  readonly hash: string
  /** Rules that cost speed: nothing fixed begins them, so each word is a candidate. */
  readonly slow: readonly string[]
}

/** Label of what is masked because more matches are under way at once than are followed. */
export const crowded = 'too-many-candidates'

/** Numbers known to `assembly/check.ts`, and from 5 on to `assembly/identity.ts`. */
const check_numbers: Readonly<Record<Check, number>> = {
  luhn: 1,
  mod97: 2,
  npi: 3,
  dea: 4,
  'luhn-plain': 5,
  'luhn-ten': 6,
  'uk-nhs': 7,
  'fr-nir': 8,
  'de-steuer-id': 9,
  'mod-11-10': 10,
  'es-dni': 11,
  'it-codice': 12,
  'nl-bsn': 13,
  'be-rrn': 14,
  'pl-pesel': 15,
  'no-fnr': 16,
  'fi-hetu': 17,
  'br-cpf': 18,
  'br-cnpj': 19,
  verhoeff: 20,
  'au-tfn': 21,
  'au-medicare': 22,
  'mod-11-2': 23,
  'tr-tckn': 24,
  'cl-rut': 25,
  'ar-cuit': 26,
  'mx-curp': 27,
  'pt-nif': 28,
  'ie-pps': 29,
  ean: 30,
  'ro-cnp': 31,
  'ee-isik': 32,
  'sg-nric': 33,
  'hk-id': 34,
  'ru-snils': 35,
  'jp-my-number': 36,
  'nz-ird': 37,
  mrz: 38,
  'de-kvnr': 39,
  'cz-rc': 40,
  'th-id': 41,
  'tw-id': 42,
  'bg-egn': 43,
}
/** A checked match must lie in the held bytes as a whole. */
const checked_bytes_max = 128
/** Rule numbers are 16 bits in the tables; a person wrote them, so far fewer. */
const rules_max = 1000
/** What a flush shows at most, and after an echo in addition to a literal prefix. */
const clear_bytes_max = 6

export function compile(rules: readonly Rule[]): Compiled {
  const assembled = assemble(rules, [])
  if (!assembled.ok) return assembled
  const hash = hashOf(digestOf(rules), assembled.parts.tables)
  return { ok: true, ruleset: { ...assembled.parts, hash } }
}

/** {@link Ruleset.hash} of rules with that digest. */
export function hashOf(digest: string, tables: Uint8Array): string {
  return createHash('sha256').update(digest).update(tables).digest('hex')
}

/**
 * The rules, and secrets of which the values are known. The hash stands in every manifest, and a password can
 * be searched for: with the tables in it, whoever reads one could try out values at leisure. So it is made
 * of the rules, and of how many secrets there are.
 */
export function compileKnown(rules: readonly Rule[], known: readonly KnownSecret[]): Compiled {
  const assembled = assemble(rules, knownGroups(known))
  if (!assembled.ok) {
    const alone = assemble(rules, [])
    const reason = `${known.length} values, passwords of accounts among them, are too many or too long to be masked`
    return alone.ok ? { ok: false, rule: known_label, reason } : alone
  }
  const hash = createHash('sha256')
    .update(JSON.stringify({ rules: digestOf(rules), known_secrets: known.length }))
    .digest('hex')
  return { ok: true, ruleset: { ...assembled.parts, hash } }
}

type Assembled =
  | { readonly ok: true; readonly parts: Omit<Ruleset, 'hash'> }
  | Extract<Compiled, { readonly ok: false }>

function assemble(rules: readonly Rule[], known: readonly KnownGroup[]): Assembled {
  if (rules.length > rules_max) return refused(rules[rules_max], `more than ${rules_max} rules`)
  const read: ReadRule[] = []
  for (const rule of rules) {
    const one = readRule(rule)
    if (!one.ok) return { ...one, rule: rule.name }
    read.push(one.rule)
  }

  // Where two fit alike, the first names the span: that a value is known says more than its form.
  const parts = [...known, ...read]
  const ruleAt = (index: number): Rule | undefined => rules[index - known.length]
  const nfa = new Nfa()
  const entries: Entry[] = []
  for (const [index, part] of parts.entries()) {
    try {
      entries.push(...('forms' in part ? addKnown(nfa, part, index) : addRule(nfa, part, index)))
    } catch (error) {
      if (error instanceof NfaTooLarge)
        return tooLarge(ruleAt(index), 'its repetitions are too large')
      throw error
    }
  }
  const built = build(nfa, entries, separators)
  if (!built.ok) return tooLarge(blamed(built.rules.map(ruleAt)), 'needs too many states')
  const inexact = inexactStart(nfa, built.dfa, parts)
  if (inexact !== undefined)
    return refused(ruleAt(inexact), 'a checked pattern must count its digits exactly')
  const facts = parts.map((part) => part.facts)
  const encoded = encode(nfa, entries, built.dfa, facts)
  if (!encoded.ok) return tooLarge(blamed(encoded.rules.map(ruleAt)), encoded.reason)
  return {
    ok: true,
    parts: {
      names: [...known.map(() => known_label), ...rules.map((rule) => rule.name), crowded],
      tables: encoded.tables,
      slow: rules.filter((_, index) => read[index]?.slow === true).map((rule) => rule.name),
    },
  }
}

interface ReadRule {
  readonly before: Expression | undefined
  readonly lead: Expression | undefined
  readonly pattern: Expression
  readonly left: ByteSet | undefined
  readonly checked: boolean
  readonly slow: boolean
  readonly facts: RuleFacts
}

type Read =
  | { readonly ok: true; readonly rule: ReadRule }
  | { readonly ok: false; readonly reason: string; readonly position?: number }

function readRule(rule: Rule): Read {
  const ignore_case = rule.ignore_case === true
  const pattern = parse(rule.pattern, ignore_case)
  if (!pattern.ok) return pattern
  const lead = rule.lead === undefined ? undefined : parse(rule.lead, ignore_case)
  if (lead?.ok === false) return lead
  const before = rule.before === undefined ? undefined : parse(rule.before, ignore_case)
  if (before?.ok === false) return before
  const left = rule.left === undefined ? undefined : parseClass(rule.left)
  const right = rule.right === undefined ? undefined : parseClass(rule.right)
  const next = rule.next === undefined ? undefined : parseClass(rule.next)
  if (rule.left !== undefined && left === undefined)
    return { ok: false, reason: 'left: not a class' }
  if (rule.right !== undefined && right === undefined)
    return { ok: false, reason: 'right: not a class' }
  if (rule.next !== undefined && next === undefined)
    return { ok: false, reason: 'next: not a class' }

  const own = lengths(pattern.expression)
  const shortest = own.min + (lead === undefined ? 0 : lengths(lead.expression).min)
  if (own.min === 0) return { ok: false, reason: 'matches the empty string' }
  if (before !== undefined && lengths(before.expression).min === 0)
    return { ok: false, reason: 'before: matches the empty string' }
  if (rule.check !== undefined && own.max > checked_bytes_max)
    return { ok: false, reason: `a checked match is at most ${checked_bytes_max} bytes` }

  const prefix = literalPrefix(pattern.expression)
  const usual = Math.min(clear_bytes_max, Math.floor(shortest / 4))
  const cap = rule.clear_bytes_max ?? Number.POSITIVE_INFINITY
  return {
    ok: true,
    rule: {
      before: before?.expression,
      lead: lead?.expression,
      pattern: pattern.expression,
      left,
      checked: rule.check !== undefined,
      slow:
        (before === undefined && (lead !== undefined || prefix === 0)) ||
        (before !== undefined && literalPrefix(before.expression) === 0),
      facts: {
        follow:
          right === undefined && next === undefined
            ? undefined
            : {
                set: Uint8Array.from({ length: 256 }, (_, byte) =>
                  right?.[byte] !== 1 && next?.[byte] !== 0 ? 1 : 0,
                ),
                at_end: next === undefined,
              },
        check: rule.check === undefined ? 0 : check_numbers[rule.check],
        idle: Math.min(usual, cap),
        echo: Math.min(prefix + clear_bytes_max, cap),
      },
    },
  }
}

function addRule(nfa: Nfa, rule: ReadRule, index: number): Entry[] {
  // Alternatives of a checked pattern are of different lengths and must not meet at their ends.
  const parts = rule.checked && rule.pattern.kind === 'either' ? rule.pattern.parts : [rule.pattern]
  const pattern = nfa.either(
    parts.map((part) => nfa.add(part, nfa.accept(index), index, 'pattern')),
  )
  const state =
    rule.lead === undefined
      ? pattern
      : nfa.add(rule.lead, nfa.retake(pattern, 'lead'), index, 'lead')
  if (rule.before === undefined) {
    const entry: Entry = { rule: index, state, kind: 'pattern', left: rule.left }
    return rule.checked ? [entry] : [...withoutRepeats(nfa, entry)]
  }
  const context = nfa.add(rule.before, nfa.contextEnd(index), index, 'context')
  return [
    { rule: index, state, kind: 'spawned', left: undefined },
    ...withoutRepeats(nfa, { rule: index, state: context, kind: 'context', left: rule.left }),
  ]
}

function addKnown(nfa: Nfa, { forms, role }: KnownGroup, index: number): Entry[] {
  const accept = nfa.accept(index)
  const state = nfa.either(forms.map((form) => nfa.add(form, accept, index, role)))
  return [{ rule: index, state, kind: 'pattern', left: undefined }]
}

/** What a person puts between groups of digits; a check skips them, and so does the count below. */
const separators: ByteSet = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === 0x20 || byte === 0x2d ? 1 : 0,
)

/**
 * Threads in the same state are merged to the earlier start, but a check needs the exact one. It is
 * safe when each state of a checked rule stands for one number of digits read: then the same state at
 * the same place means the same start. Returns a rule for which this does not hold.
 */
function inexactStart(
  nfa: Nfa,
  dfa: Dfa,
  rules: readonly { readonly checked: boolean }[],
): number | undefined {
  const weights = new Int32Array(dfa.members.length).fill(-1)
  const separator_class = Uint8Array.from({ length: dfa.classes })
  for (let byte = 0; byte < 256; byte++)
    if (separators[byte] === 1) separator_class[dfa.class_of[byte] ?? 0] = 1
  const checkedRule = (state: number): number | undefined => {
    for (const member of dfa.members[state] ?? []) {
      const of = nfa.states[member]
      if (of === undefined || of.kind === 'split' || of.kind === 'context_end') continue
      if (of.kind === 'set' && of.role === 'context') continue
      if (rules[of.rule]?.checked === true) return of.rule
    }
    return undefined
  }
  const pending = [...new Set([...dfa.pattern_start, ...dfa.spawn])].filter((state) => state !== 0)
  for (const state of pending) weights[state] = 0
  for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
    const weight = weights[state] ?? 0
    for (let of_class = 0; of_class < dfa.classes; of_class++) {
      const target = dfa.next[state * dfa.classes + of_class] ?? 0
      const rule = checkedRule(target)
      if (rule === undefined) continue
      const separator = separator_class[of_class] === 1
      const to = weight + (separator ? 0 : 1)
      if (weight === 0 && separator) return rule
      if (weights[target] === -1) {
        weights[target] = to
        pending.push(target)
      } else if (weights[target] !== to) return rule
    }
  }
  return undefined
}

/** SHA-256, hex, of what in the rules decides what is masked. */
export function digestOf(rules: readonly Rule[]): string {
  return createHash('sha256')
    .update(JSON.stringify(rules.map(essence)))
    .digest('hex')
}

function essence(rule: Rule): object {
  const {
    severity: _severity,
    source: _source,
    examples: _examples,
    counter_examples: _counter,
    ...rest
  } = rule
  return rest
}

/** Our own rules fit together; so it is the configuration's, if it has any. */
function blamed(by_share: readonly (Rule | undefined)[]): Rule | undefined {
  return by_share.find((rule) => rule?.pack === 'custom') ?? by_share[0]
}

/** With the place that costs most, which the expression's author can change. */
function tooLarge(
  rule: Rule | undefined,
  reason: string,
): Extract<Compiled, { readonly ok: false }> {
  const position = rule === undefined ? undefined : heaviestRepetition(rule.pattern)
  return { ...refused(rule, reason), ...(position === undefined ? {} : { position }) }
}

function refused(
  rule: Rule | undefined,
  reason: string,
): Extract<Compiled, { readonly ok: false }> {
  return { ok: false, rule: rule?.name ?? '', reason }
}
