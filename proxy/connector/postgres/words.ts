/**
 * Errors and notices of a target: where their words stand, and which of them may repeat a value.
 *
 * @module
 */
import type { Field } from '../../core/connector.ts'
import { reportFields, sqlState } from './message.ts'
import { unknown_rule } from './plan.ts'

/** In these the target's words do not repeat values: connections, states, names that were written, resources. */
const wordless = /^(?:08|25|26|34|40|53|54|57)/
/**
 * ... nor in these, where they are about a place of the text: `ssn::regclass` is such an error of a value. A text whose
 * syntax is wrong has not come so far, so that one is of a value too.
 */
const wordless_in_text = /^(?:3F|42(?!601))/
/** Texts of an error that a person reads: M message, D detail, H hint, W where, q internal query. */
const spoken = new Set(['M', 'D', 'H', 'W', 'q'])

/**
 * All of its texts: also those that PostgreSQL has constants for are whatever the target writes, and clients print them.
 * Where a protected column plays a part, words that may repeat its values are covered.
 */
export function wordFields(
  bytes: Uint8Array,
  isTouched: () => boolean,
): readonly Field[] | undefined {
  const fields = reportFields(bytes)
  if (fields === undefined) return undefined
  const code = sqlState(bytes)
  const has = (name: string): boolean => fields.some(({ field }) => field === name)
  const is_placed = has('P') && !has('W')
  const is_wordless = wordless.test(code) || (is_placed && wordless_in_text.test(code))
  const is_covered = isTouched() && !is_wordless
  return fields.map(({ field, start, end }) =>
    is_covered && spoken.has(field) ? { start, end, rule: unknown_rule } : { start, end },
  )
}
