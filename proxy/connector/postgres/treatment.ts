/**
 * How the columns of a result are treated: by where their values come from, and where they were computed by what the
 * statement says.
 *
 * @module
 */
import { type Analyser, computed_rule, type Plan } from './plan.ts'
import { type Column, type Treatment, treatmentOf } from './rows.ts'

export function treatmentsOf(
  columns: readonly Column[],
  { outputs: { computed } }: Plan,
  { column, strategy }: Pick<Analyser, 'column' | 'strategy'>,
  /** Whether tables that nobody knows are the session's own. */
  are_strangers_own: boolean,
): readonly Treatment[] {
  if (column === undefined) return columns.map(() => undefined)
  // Positions count only where the statement names as many columns as there are.
  const rules =
    typeof computed === 'string' || computed.length !== columns.length ? undefined : computed
  return columns.map(({ relation, attribute, type, is_binary }, index) => {
    const rule =
      relation === 0
        ? rules === undefined
          ? computed === 'none'
            ? undefined
            : computed_rule
          : rules[index]
        : column(relation, attribute, are_strangers_own)
    if (rule === undefined) return undefined
    // What was computed of a column may hold of it what is not at its ends.
    return treatmentOf(type, rule, strategy?.(relation, attribute), is_binary)
  })
}
