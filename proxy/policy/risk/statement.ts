/**
 * How risky a statement of a database is, by the catalogue; and how surely it is known what runs.
 *
 * @module
 */
import type { Statement, StatementTrait } from '../../core/statement.ts'
import type { Risk } from '../../core/verdict.ts'
import { type Finding, isAbove } from './assess.ts'
import { statement_entries } from './statement-entries.ts'

/** What makes a statement risky, as data. */
export interface StatementEntry {
  /** Kebab-case, unique; a policy and a record name it. */
  readonly id: string
  /** As those of commands. */
  readonly risk: Exclude<Risk, 'low'>
  /** What it does, for the person who is asked. */
  readonly says: string
  /** A statement is risky when it has one of these forms. */
  readonly shapes: readonly StatementShape[]
  /** Texts that have it, and texts that look like it and have not. Tested. */
  readonly examples: readonly string[]
  readonly counter_examples: readonly string[]
}

/** All that is given must hold. */
export interface StatementShape {
  /** One of these kinds is in it; a `*` at the end stands for any rest. */
  readonly operations?: readonly string[]
  readonly traits?: readonly StatementTrait[]
  readonly without?: StatementTrait
  readonly functions?: RegExp
  /** Without the schema. */
  readonly objects?: RegExp
}

export interface StatementAssessment {
  readonly risk: Risk
  /** The worst first. */
  readonly findings: readonly Finding[]
  /** `exact`: all that runs stands in the text. `partial`: it calls what the database has, which nobody has read. */
  readonly confidence: 'exact' | 'partial'
  /** Code runs, or a statement, that cannot be read. */
  readonly is_opaque: boolean
}

const opaque: readonly StatementTrait[] = ['code', 'unknown_statement']

export function assessStatement(statement: Statement): StatementAssessment {
  const findings = statement_entries
    .filter(({ shapes }) => shapes.some((shape) => fits(shape, statement)))
    .map(({ id, risk, says }) => ({ id, risk, says }))
    .toSorted((a, b) => (a.risk === b.risk ? 0 : isAbove(a.risk, b.risk) ? -1 : 1))
  const is_opaque = opaque.some((trait) => statement.traits.includes(trait))
  return {
    risk: findings[0]?.risk ?? 'low',
    findings,
    confidence: is_opaque || statement.traits.includes('own_function') ? 'partial' : 'exact',
    is_opaque,
  }
}

function fits(shape: StatementShape, statement: Statement): boolean {
  const { operations, traits = [], without, functions, objects } = shape
  if (operations !== undefined && !operations.some((wanted) => has(statement.operations, wanted)))
    return false
  if (without !== undefined && statement.traits.includes(without)) return false
  if (!traits.every((trait) => statement.traits.includes(trait))) return false
  if (functions !== undefined && !statement.functions.some((name) => functions.test(name)))
    return false
  return objects === undefined || statement.objects.some((name) => objects.test(lastOf(name)))
}

function has(operations: readonly string[], wanted: string): boolean {
  return wanted.endsWith('*')
    ? operations.some((each) => each.startsWith(wanted.slice(0, -1)))
    : operations.includes(wanted)
}

/** The last name of `SCHEMA.NAME`. */
export const lastOf = (name: string): string => splitName(name).at(-1) ?? ''

/** Names of an object: one with a dot in it stands in quotes. */
export function splitName(name: string): readonly string[] {
  return (name.match(/"(?:[^"]|"")*"|[^."]+/g) ?? []).map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part,
  )
}

export const quotedName = (name: string): string =>
  /[."*]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name
