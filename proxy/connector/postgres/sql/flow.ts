/**
 * Whether a statement would write a protected value where it is not protected.
 *
 * @module
 */
import type { Catalog, Relation } from './catalog.ts'
import { isCall } from './classify.ts'
import type { Taint } from './taint.ts'
import { as, isNode, listOf, type Node, names, textAt, typed, walk } from './tree.ts'

/** Functions that keep or send what they are given: also as a number, a place, or the seed of what comes next. */
const keepers =
  /^(?:pg_notify|set_config|setval|setseed|lo_(?:from_bytea|put|create|open|lseek(?:64)?|truncate(?:64)?)|lowrite|pg_logical_emit_message|pg_(?:try_)?advisory_\w+|pg_replication_origin_\w+|pg_create_\w+)$/

/** Whether it is a call of such a function. */
export const keeps = (type: string, node: Node): boolean =>
  isCall(type, node) && keepers.test(names(node['funcname']).at(-1) ?? '')

export function flowRefusal(
  type: string,
  statement: Node,
  taint: Taint,
  catalog: Catalog,
): boolean {
  for (const { type: kind, node } of walk(statement, type)) {
    if (node['intoClause'] !== undefined && isTainted(taint, kind, node)) return true
    if (keeps(kind, node)) {
      if (listOf(node['args']).some((argument) => taint.of(argument) !== undefined)) return true
    }
    if (kind === 'InsertStmt' && insertFlows(node, taint, catalog)) return true
    if (kind === 'UpdateStmt' && assigns(node['targetList'], node, taint, catalog)) return true
    if (kind === 'MergeWhenClause' && mergeFlows(node, taint)) return true
  }
  return false
}

const isTainted = (taint: Taint, kind: string, query: Node): boolean => {
  const outputs = taint.outputs(kind === 'SelectStmt' ? kind : 'SelectStmt', query)
  return outputs === 'all' || outputs.some((rule) => rule !== undefined)
}

function insertFlows(node: Node, taint: Taint, catalog: Catalog): boolean {
  const conflict = node['onConflictClause']
  if (isNode(conflict) && assigns(conflict['targetList'], node, taint, catalog)) return true
  const source = typed(node['selectStmt'])
  if (source === undefined) return false
  const outputs = taint.outputs(source.type, source.node)
  if (outputs === 'all') return true
  const into = targetsOf(node, catalog)
  const columns = listOf(node['cols']).map((each) => textAt(as('ResTarget', each), 'name'))
  return outputs.some((rule, index) => {
    if (rule === undefined) return false
    const name = columns.length > 0 ? columns[index] : into[0]?.columns[index]?.name
    return !isProtected(into, name)
  })
}

/** `SET a = b`, of an UPDATE or after a conflict. */
function assigns(list: unknown, node: Node, taint: Taint, catalog: Catalog): boolean {
  const into = targetsOf(node, catalog)
  return listOf(list).some((each) => {
    const target = as('ResTarget', each)
    return taint.of(target?.['val']) !== undefined && !isProtected(into, textAt(target, 'name'))
  })
}

/** Which of its columns gets which value is not looked at: none may get a protected one. */
function mergeFlows(node: Node, taint: Taint): boolean {
  const values = [...listOf(node['targetList']), ...listOf(node['values'])]
  return values.some((each) => taint.of(as('ResTarget', each)?.['val'] ?? each) !== undefined)
}

/** Every table that may be meant. */
function targetsOf(node: Node, catalog: Catalog): readonly Relation[] {
  const relation = isNode(node['relation']) ? node['relation'] : {}
  const schema = textAt(relation, 'schemaname')
  const found = catalog.by_name.get(textAt(relation, 'relname')) ?? []
  return found.filter((each) => schema === '' || each.schema === schema)
}

function isProtected(into: readonly Relation[], name: string | undefined): boolean {
  if (into.length === 0 || name === undefined) return false
  return into.every((relation) => {
    const column = relation.by_name.get(name)
    if (column === undefined || !relation.protected.has(column.attribute)) return false
    // What somebody puts at the ends of a value would be shown there.
    const { kind = 'mask' } = relation.strategies.get(column.attribute) ?? {}
    return kind === 'mask' || kind === 'null'
  })
}
