/**
 * Whether a condition says which rows: one that looks at none of their columns is true for all of them or for none.
 *
 * @module
 */
import { as, isNode, listOf, textAt, walk } from './tree.ts'

/** Deeper conditions are taken as they look. */
const depth_max = 64

export function saysWhich(condition: unknown, depth = 0): boolean {
  if (condition === undefined) return false
  const joined = as('BoolExpr', condition)
  if (joined !== undefined && depth < depth_max) {
    const args = listOf(joined['args'])
    const says = (each: unknown): boolean => saysWhich(each, depth + 1)
    return textAt(joined, 'boolop') === 'OR_EXPR' ? args.every(says) : args.some(says)
  }
  const compared = as('A_Expr', condition)
  if (compared !== undefined && isSame(compared['lexpr'], compared['rexpr'])) return false
  for (const { type } of walk(condition))
    if (type === 'ColumnRef' || type === 'CurrentOfExpr') return true
  return false
}

/** `id = id` is true for every row that has one. */
function isSame(one: unknown, other: unknown): boolean {
  const [left, right] = [as('ColumnRef', one), as('ColumnRef', other)]
  return left !== undefined && right !== undefined && shape(left) === shape(right)
}

const shape = (node: unknown): string =>
  JSON.stringify(node, (member, value: unknown) =>
    member === 'location' && !isNode(value) ? undefined : value,
  )
