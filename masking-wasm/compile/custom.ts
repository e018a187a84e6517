/**
 * Patterns from the configuration as rules, or the reason why not.
 *
 * @module
 */
import { known_label } from '../rules/known.ts'
import type { Rule } from '../rules/rule.ts'
import { crowded } from './compile.ts'

export interface CustomPattern {
  readonly name: string
  /** A JavaScript regular expression, see {@link Rule}; `\b`, `(?<![...])` and `(?![...])` at its ends. */
  readonly pattern: string
}

export type CustomRules =
  | { readonly ok: true; readonly rules: readonly Rule[] }
  | {
      readonly ok: false
      /** Index in the list. */
      readonly index: number
      readonly rule: string
      readonly reason: string
    }

/** Shown beside each masked span, and recorded with it. */
const name_form = /^[a-z0-9][a-z0-9-]{0,62}$/

/** Only the form is judged here; the expression itself is, by `compile`. `taken`: names in use. */
export function customRules(
  patterns: readonly CustomPattern[],
  taken: readonly string[] = [],
): CustomRules {
  const names = new Set([...taken, crowded, known_label])
  const rules: Rule[] = []
  for (const [index, { name, pattern }] of patterns.entries()) {
    if (!name_form.test(name))
      return {
        ok: false,
        index,
        rule: name,
        reason: 'a name is lower-case letters, digits and dashes',
      }
    if (names.has(name)) return { ok: false, index, rule: name, reason: 'the name is taken' }
    names.add(name)
    rules.push({
      name,
      pack: 'custom',
      // What it finds is known to its author alone.
      severity: 'high',
      ...ends(pattern),
      source: '',
      examples: [],
      counter_examples: [],
    })
  }
  return { ok: true, rules }
}

/** Where in a pattern of the configuration that is which stands there in the expression that was made of it. */
export function positionIn(pattern: string, position: number): number {
  return (left_end.exec(pattern)?.[0].length ?? 0) + position
}

const left_end = /^(?:\\b|\(\?<!(\\[dsw]|\[(?:[^\]\\]|\\.)+\])\))/
const right_end = /(?:\\b|\(\?!(\\[dsw]|\[(?:[^\]\\]|\\.)+\])\))$/

/** Assertions at the ends become conditions on the neighbours; `\b` presumes a word character inside. */
function ends(pattern: string): Pick<Rule, 'pattern' | 'left' | 'right'> {
  const left = left_end.exec(pattern)
  const rest = left === null ? pattern : pattern.slice(left[0].length)
  // In `\\b` the backslash is a literal one, and the b a letter.
  const right = /\\\\b$/.test(rest) ? null : right_end.exec(rest)
  return {
    pattern: right === null ? rest : rest.slice(0, right.index),
    ...(left === null ? {} : { left: left[1] ?? '\\w' }),
    ...(right === null ? {} : { right: right[1] ?? '\\w' }),
  }
}
