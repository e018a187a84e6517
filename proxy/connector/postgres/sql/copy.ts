/**
 * `COPY ... TO STDOUT` of protected columns: in the text format their values are found by their place.
 *
 * @module
 */
import { type Plan, plain_plan } from '../plan.ts'
import { type Treatment, treatmentOf } from '../rows.ts'
import type { Catalog } from './catalog.ts'
import type { Planned } from './protect.ts'
import { as, isNode, listOf, type Node, names, textAt } from './tree.ts'

const refused = (reason: string): Planned => ({ ok: false, reason })

export function copyPlan(
  node: Node,
  catalog: Catalog,
  planOf: (query: unknown) => Planned,
  another_name: string,
): Planned {
  const query = node['query']
  if (query !== undefined) {
    const inner = planOf(query)
    if (!inner.ok) return inner
    const { computed, is_touched } = inner.plan.outputs
    if (!is_touched) return { ok: true, plan: plain_plan }
    // Rows of a COPY say nothing of where their values come from.
    const is_clean = typeof computed !== 'string' && computed.every((rule) => rule === undefined)
    if (!is_clean) return refused('protected columns are read by SELECT, not by COPY of a query')
    return { ok: true, plan: { outputs: { is_touched, computed: 'none' } } }
  }
  const relation = isNode(node['relation']) ? node['relation'] : {}
  const schema = textAt(relation, 'schemaname')
  const found = (catalog.by_name.get(textAt(relation, 'relname')) ?? []).filter(
    (each) => schema === '' || each.schema === schema,
  )
  if (found.every((each) => each.protected.size === 0)) return { ok: true, plan: plain_plan }
  const touched: Plan = { outputs: { is_touched: true, computed: 'none' } }
  if (node['is_from'] === true) return { ok: true, plan: touched }
  const [table] = found
  if (table === undefined || found.length > 1)
    return refused(
      'the table has protected columns and there are several of its name: say the schema',
    )
  if (node['whereClause'] !== undefined || !isPlainText(node['options']))
    return refused('a table with protected columns is copied in the text format, without options')
  const listed = names(node['attlist'])
  const columns =
    listed.length === 0 ? table.columns : listed.map((name) => table.by_name.get(name))
  const copied: Treatment[] = []
  for (const column of columns) {
    if (column === undefined) return refused(another_name)
    const rule = table.protected.get(column.attribute)
    copied.push(
      rule === undefined
        ? undefined
        : treatmentOf(column.type, rule, table.strategies.get(column.attribute)),
    )
  }
  return { ok: true, plan: { ...touched, copied } }
}

/** No options, or `FORMAT text`. */
function isPlainText(options: unknown): boolean {
  return listOf(options).every((option) => {
    const element = as('DefElem', option)
    const value = textAt(as('String', element?.['arg']), 'sval')
    return textAt(element, 'defname') === 'format' && value.toLowerCase() === 'text'
  })
}
