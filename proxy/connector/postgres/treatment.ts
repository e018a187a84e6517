/**
 * How the columns of a result are treated: by where their values come from, and where they were computed by what the
 * statement says.
 *
 * @module
 */
import { type Analyser, computed_rule, type Plan } from './plan.ts'
import { type Column, type Treatment, treatmentOf } from './rows.ts'

/** `protectedBy`: the rule of a column of a table; undefined where no columns are protected. */
export function treatmentsOf(
  columns: readonly Column[],
  { outputs: { computed } }: Plan,
  protectedBy: Analyser['column'],
  /** Whether tables that nobody knows are the session's own. */
  are_strangers_own: boolean,
): readonly Treatment[] {
  if (protectedBy === undefined) return columns.map(() => undefined)
  // Positions count only where the statement names as many columns as there are.
  const rules =
    typeof computed === 'string' || computed.length !== columns.length ? undefined : computed
  return columns.map(({ relation, attribute, type }, index) => {
    const rule =
      relation === 0
        ? rules === undefined
          ? computed === 'none'
            ? undefined
            : computed_rule
          : rules[index]
        : protectedBy(relation, attribute, are_strangers_own)
    return rule === undefined ? undefined : treatmentOf(type, rule)
  })
}
