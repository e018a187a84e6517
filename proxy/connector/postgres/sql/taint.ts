/**
 * Whether an expression may show of a protected column. By names, over the whole statement, and never by scope: a name
 * that means a protected column anywhere in it means one everywhere. What cannot be told is taken for one.
 *
 * @module
 */
import { computed_rule } from '../plan.ts'
import type { Catalog, Relation } from './catalog.ts'
import { isCall } from './classify.ts'
import { as, isNode, listOf, type Node, names, textAt, walk } from './tree.ts'

export interface Taint {
  /** Whether anything protected, or anything unknown that may lead to it, is in reach. */
  readonly is_touched: boolean
  /** Whether a function is called of which nobody knows what it reads. */
  readonly is_strange: boolean
  /** Names a table or a view with protected columns. */
  readonly relations: readonly Relation[]
  /** The rule by which an expression may show of one; undefined for one that cannot. */
  of(expression: unknown): string | undefined
  /** ... of each column that a query gives; `all` where they cannot be told apart. */
  outputs(type: string, query: Node): readonly (string | undefined)[] | 'all'
}

interface Source {
  readonly alias: string
  /** Tables of that name; none for what is not one. */
  readonly relations: readonly Relation[]
}

const clean: Taint = {
  is_touched: false,
  is_strange: false,
  relations: [],
  of: () => undefined,
  outputs: () => [],
}

export function taintOf(type: string, statement: Node, catalog: Catalog): Taint {
  const nodes = [...walk(statement, type)]
  const common = new Set(
    nodes
      .filter((each) => each.type === 'CommonTableExpr')
      .map(({ node }) => textAt(node, 'ctename')),
  )
  const sources = nodes.flatMap(({ node }) => sourceOf(node, common, catalog))
  const relations = [...new Set(sources.flatMap((source) => source.relations))]
  const guarded = relations.filter((relation) => relation.protected.size > 0)
  const is_strange = nodes.some(
    (each) => isCall(each.type, each.node) && !isBuiltin(each.node, catalog),
  )
  if (guarded.length === 0 && !is_strange) return clean

  /** Rows that are made of a protected value have columns whose names stand nowhere. */
  let is_spread = false
  /** Names of columns that show what is protected, with the rule. */
  const tainted = new Map<string, string>()
  for (const relation of guarded)
    for (const { name, attribute } of relation.columns) {
      const rule = relation.protected.get(attribute)
      if (rule !== undefined) tainted.set(name, rule)
    }
  const plain = new Set(relations.flatMap(({ columns }) => columns.map(({ name }) => name)))
  // A table's own name is a row of it, wherever it stands as a value.
  for (const { alias } of sources) tainted.set(alias, tainted.get(alias) ?? computed_rule)
  // Columns that were given other names by their place.
  const renamed = new Set(nodes.flatMap(({ type: kind, node }) => placed(kind, node)))
  for (const name of renamed) taint(name)
  const targets = nodes.filter((each) => each.type === 'ResTarget').map(({ node }) => node)
  // An alias is as tainted as what it stands for, which may be another alias.
  for (let before = -1; before !== tainted.size; ) {
    before = tainted.size
    for (const target of targets) {
      const rule = of(target['val'])
      const name = textAt(target, 'name')
      if (name !== '' && rule === undefined) plain.add(name)
      if (rule === undefined) continue
      if (name !== '') tainted.set(name, tainted.get(name) ?? rule)
      else for (const given of implicit(target['val'])) taint(given)
    }
  }
  is_spread = nodes.some(
    ({ type: kind, node }) => row_makers.has(kind) && of({ [kind]: node }) !== undefined,
  )

  return { is_touched: true, is_strange, relations: guarded, of, outputs }

  function taint(name: string): void {
    if (!tainted.has(name)) tainted.set(name, computed_rule)
  }

  function of(expression: unknown): string | undefined {
    if (expression === undefined) return undefined
    const counted = as('FuncCall', expression)
    // How many there are says nothing of any.
    if (counted !== undefined && isCount(counted, catalog)) return undefined
    for (const { type: kind, node } of walk(expression)) {
      if (isCall(kind, node) && !isBuiltin(node, catalog)) return computed_rule
      if (kind === 'ColumnRef') {
        const rule = ofColumn(listOf(node['fields']))
        if (rule !== undefined) return rule
      }
    }
    return undefined
  }

  function ofColumn(fields: readonly unknown[]): string | undefined {
    if (as('A_Star', fields.at(-1)) !== undefined) return computed_rule
    const path = names(fields)
    const name = path.at(-1) ?? ''
    if (renamed.has(name)) return tainted.get(name)
    const owner = path.at(-2)
    const owners = owner === undefined ? [] : sources.filter(({ alias }) => alias === owner)
    const known = owners.flatMap((source) => source.relations)
    // Of tables that are known, the column itself decides: another one may have the same name.
    if (known.length > 0 && owners.every((source) => source.relations.length > 0)) {
      for (const relation of known) {
        const column = relation.by_name.get(name)
        // `people.row_to_json` is a call of that function.
        if (column === undefined) return tainted.get(name) ?? computed_rule
        const rule = relation.protected.get(column.attribute)
        if (rule !== undefined) return rule
      }
      return undefined
    }
    const rule = tainted.get(name)
    if (rule !== undefined) return rule
    if (owner !== undefined && catalog.of_rows.has(name)) return computed_rule
    return plain.has(name) && !is_spread ? undefined : computed_rule
  }

  function outputs(kind: string, query: Node): readonly (string | undefined)[] | 'all' {
    const returned = as('ReturningClause', query['returningClause']) ?? query['returningClause']
    if (kind !== 'SelectStmt') {
      const list = isNode(returned) ? returned['exprs'] : query['returningList']
      return ofTargets(listOf(list))
    }
    const [left, right] = [query['larg'], query['rarg']]
    if (isNode(left) && isNode(right)) {
      const [one, other] = [outputs(kind, left), outputs(kind, right)]
      if (one === 'all' || other === 'all' || one.length !== other.length) return 'all'
      return one.map((rule, index) => rule ?? other[index])
    }
    const rows = listOf(query['valuesLists'])
    if (rows.length === 0) return ofTargets(listOf(query['targetList']))
    const lists = rows.map((row) => listOf(as('List', row)?.['items']))
    return (lists[0] ?? []).map((_, index) =>
      lists.map((items) => of(items[index])).find((rule) => rule !== undefined),
    )
  }

  function ofTargets(list: readonly unknown[]): readonly (string | undefined)[] | 'all' {
    const rules: (string | undefined)[] = []
    for (const each of list) {
      const value = as('ResTarget', each)?.['val']
      const fields = listOf(as('ColumnRef', value)?.['fields'])
      const indirection = listOf(as('A_Indirection', value)?.['indirection'])
      // More columns than can be counted here.
      if ([fields.at(-1), indirection.at(-1)].some((last) => as('A_Star', last) !== undefined))
        return 'all'
      rules.push(of(value))
    }
    return rules
  }
}

/** What stands in a FROM and makes rows of values. */
const row_makers = new Set(['RangeFunction', 'RangeTableFunc', 'JsonTable'])

/** A table in a FROM, or the one that is changed; a common table expression has no table of its own. */
function sourceOf(node: Node, common: ReadonlySet<string>, catalog: Catalog): readonly Source[] {
  const alias = textAt(isNode(node['alias']) ? node['alias'] : undefined, 'aliasname')
  const name = textAt(node, 'relname')
  if (name === '') return alias === '' ? [] : [{ alias, relations: [] }]
  const schema = textAt(node, 'schemaname')
  const is_common = schema === '' && common.has(name)
  const found = (catalog.by_name.get(name) ?? []).filter(
    (relation) => schema === '' || relation.schema === schema,
  )
  // One of the same name may be meant where the expression is not in reach.
  const guarded = found.filter((relation) => relation.protected.size > 0)
  const relations = is_common ? guarded : found
  // A common table expression under a protected table's name hides what it has: nothing is known of its columns.
  return is_common
    ? [
        { alias: alias === '' ? name : alias, relations: [] },
        { alias: '', relations },
      ]
    : [{ alias: alias === '' ? name : alias, relations }]
}

/** Names that columns get by their place: `AS t (a, b)`, `WITH t (a, b)`, `AS t (a int)`. */
function placed(type: string, node: Node): readonly string[] {
  if (type === 'alias') return names(node['colnames'])
  if (type === 'CommonTableExpr') return names(node['aliascolnames'])
  if (type === 'ColumnDef' || type === 'RangeTableFuncCol') return [textAt(node, 'colname')]
  if (type === 'JsonTableColumn') return [textAt(node, 'name')]
  return []
}

/** Names that PostgreSQL may give to a column without one (FigureColname): of functions, types and constructs. */
function implicit(expression: unknown): readonly string[] {
  const found = [
    '?column?',
    'array',
    'case',
    'coalesce',
    'exists',
    'greatest',
    'least',
    'nullif',
    'row',
  ]
  for (const { type, node } of walk(expression)) {
    if (isCall(type, node)) found.push(names(node['funcname']).at(-1) ?? '')
    if (type === 'TypeName' || type === 'typeName') found.push(names(node['names']).at(-1) ?? '')
    if (type === 'String') found.push(textAt(node, 'sval'))
    if (/^(?:Xml|Json|SQLValueFunction)/.test(type))
      found.push(textAt(node, 'op').replace(/^IS_/, '').toLowerCase(), type.toLowerCase())
  }
  return found
}

/** Whichever schema is said: no other function has the name of one that only computes. */
const isBuiltin = (call: Node, catalog: Catalog): boolean =>
  catalog.builtins.has(names(call['funcname']).at(-1) ?? '')

const isCount = (call: Node, catalog: Catalog): boolean =>
  names(call['funcname']).at(-1) === 'count' && isBuiltin(call, catalog)
