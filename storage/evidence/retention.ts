/**
 * How long evidence is kept: the first rule all of whose labels a session's target has. Logged with the
 * configuration, so that a verifier can tell an object that was kept for too short. Normative: FORMAT.md, section 3.6.
 *
 * @module
 */
import { isCount, isObject } from './bytes.ts'
import { retention_rules_max } from './limits.ts'

export interface RetentionRule {
  /** Empty: every session. */
  readonly labels: Readonly<Record<string, string>>
  readonly days: number
}

/** The days of a session with these labels; undefined when no rule is for it. */
export function daysFor(
  rules: readonly RetentionRule[],
  labels: Readonly<Record<string, string>>,
): number | undefined {
  return rules.find((rule) =>
    Object.entries(rule.labels).every(
      ([name, value]) => Object.hasOwn(labels, name) && labels[name] === value,
    ),
  )?.days
}

/** The log proves every session, so it is kept as long as any. */
export function daysOfLog(rules: readonly RetentionRule[]): number {
  return rules.reduce((days, rule) => Math.max(days, rule.days), 0)
}

/**
 * The days of a session under lock: by the rules of now, and no fewer than its start promised, so that whoever changes the rules
 * shortens nothing that has begun.
 */
export const daysLocked = (
  rules: readonly RetentionRule[],
  {
    labels,
    days = 0,
  }: { readonly labels: Readonly<Record<string, string>>; readonly days?: number },
): number => Math.max(daysFor(rules, labels) ?? daysOfLog(rules), days)

/** Undefined when it is not a list of rules. */
export function readRetention(value: unknown): readonly RetentionRule[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > retention_rules_max)
    return undefined
  const isRule = (rule: unknown): boolean =>
    isObject(rule) &&
    isCount(rule['days']) &&
    isObject(rule['labels']) &&
    Object.values(rule['labels']).every((text) => typeof text === 'string')
  return value.every(isRule) ? (value as readonly RetentionRule[]) : undefined // Each was checked.
}
