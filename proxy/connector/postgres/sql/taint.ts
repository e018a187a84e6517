/**
 * Whether an expression may show of a protected column. By names, over the whole statement, and never by scope: a name
 * that means a protected column anywhere in it means one everywhere. What cannot be told is taken for one.
 *
 * @module
 */
import { computed_rule } from '../plan.ts'
import type { Catalog, Relation } from './catalog.ts'
import { isCall } from './classify.ts'
import { as, isNode, listOf, type Node, names, textAt, typed, walk } from './tree.ts'

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
  /** What it gives is known by its call. */
  readonly is_function?: boolean
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
  const sources = nodes.flatMap(({ type: kind, node }) =>
    sourceOf(node, common, catalog).map((source) => ({
      ...source,
      is_function: kind === 'RangeFunction',
    })),
  )
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
  for (const { alias, is_function } of sources) if (!is_function) taint(alias)
  const given = nodes.flatMap(({ type: kind, node }) => givenBy(kind, node))
  const by_query = new Set(given.map(({ place }) => place))
  // Columns that were given other names by their place, and what is made of whole rows.
  const renamed = new Set(
    nodes.flatMap(({ type: kind, node }) => (by_query.has(node) ? [] : placed(kind, node))),
  )
  for (const name of renamed) taint(name)
  const targets = nodes.filter((each) => each.type === 'ResTarget').map(({ node }) => node)
  /** Names that stand nowhere may still be given by another target: they are looked at again. */
  let is_patient = true
  let has_unknown = false
  // An alias is as tainted as what it stands for, which may be another alias.
  for (let before = -1; is_patient || before !== tainted.size + plain.size; ) {
    if (before === tainted.size + plain.size) is_patient = false
    before = tainted.size + plain.size
    for (const target of targets) {
      const value = target['val']
      const name = textAt(target, 'name')
      const rule = looked(() => of(value))
      if (name !== '') settle(name, rule)
      else if (rule === undefined) for (const each of called(value)) settle(each, rule)
      else for (const each of implicit(value)) settle(each, rule)
    }
    for (const { names: all, query, source } of given) {
      const rules = looked(() => (query === undefined ? of(source) : outputs(query, source)))
      for (const [index, name] of all.entries()) {
        const is_clean = rules === undefined || (Array.isArray(rules) && index < rules.length)
        settle(name, is_clean ? rules?.[index] : computed_rule)
      }
    }
  }
  is_spread = nodes.some(
    ({ type: kind, node }) => row_makers.has(kind) && of({ [kind]: node }) !== undefined,
  )

  return { is_touched: true, is_strange, relations: guarded, of, outputs }

  function taint(name: string, rule: string = computed_rule): void {
    if (!tainted.has(name)) tainted.set(name, rule)
  }

  function looked<T>(look: () => T): T {
    has_unknown = false
    return look()
  }

  /** Something has that name, and shows what was looked at last. */
  function settle(name: string, rule: string | undefined): void {
    if (rule !== undefined) taint(name, rule)
    else if (!has_unknown) plain.add(name)
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
        if (column === undefined)
          return tainted.get(name) ?? (of_system.has(name) ? undefined : computed_rule)
        const rule = relation.protected.get(column.attribute)
        if (rule !== undefined) return rule
      }
      return undefined
    }
    const rule = tainted.get(name)
    if (rule !== undefined) return rule
    if (owner !== undefined && catalog.of_rows.has(name)) return computed_rule
    if (is_spread) return computed_rule
    if (plain.has(name) || (owner === undefined && of_system.has(name))) return undefined
    if (!is_patient) return computed_rule
    has_unknown = true
    return undefined
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

/** Columns of the system: where a row lies, and who wrote it. No table has others of these names. */
const of_system = new Set(['tableoid', 'ctid', 'xmin', 'xmax', 'cmin', 'cmax'])

/** Names that columns get by their place, from a query or a function that says what is in them. */
interface Given {
  /** The node that has the names. */
  readonly place: unknown
  readonly names: readonly string[]
  /** The type of the query; undefined for a function, whose columns may each show whatever is in it. */
  readonly query: string | undefined
  readonly source: Node
}

function givenBy(type: string, node: Node): readonly Given[] {
  const alias = isNode(node['alias']) ? node['alias'] : undefined
  const columns = names(alias?.['colnames'])
  switch (type) {
    case 'CommonTableExpr': {
      const [all, query] = [names(node['aliascolnames']), node['ctequery']]
      // What a recursive one begins with gives its names, before it is known what goes on with them.
      const first = as('SelectStmt', query)?.['larg']
      const begun = givenByQuery(node, all, isNode(first) ? { SelectStmt: first } : undefined)
      return [...begun, ...givenByQuery(node, all, query)]
    }
    case 'RangeSubselect':
      return givenByQuery(alias, columns, node['subquery'])
    case 'RangeFunction': {
      const { functions } = node
      // Where it gives one column, that has the name of the table, or of the function.
      const own = listOf(functions).flatMap((each) =>
        listOf(as('List', each)?.['items']).flatMap(called),
      )
      const all = alias === undefined ? own : [textAt(alias, 'aliasname'), ...columns]
      return [{ place: alias, names: all, query: undefined, source: { functions } }]
    }
    default:
      return []
  }
}

function givenByQuery(place: unknown, given: readonly string[], query: unknown): readonly Given[] {
  const found = typed(query)
  if (found === undefined || given.length === 0) return []
  return [{ place, names: given, query: found.type, source: found.node }]
}

/** Of a call of a function: its name. */
const called = (value: unknown): readonly string[] =>
  names(as('FuncCall', value)?.['funcname']).slice(-1)

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

/**
 * Names that columns get by their place, `AS t (a, b)`, `AS t (a int)`, and those of whole rows, or of what is made of them:
 * `USING (a) AS t`, `SEARCH ... SET a`, `CYCLE ... SET a USING b`, `RETURNING old`.
 */
function placed(type: string, node: Node): readonly string[] {
  switch (type) {
    case 'alias':
      return names(node['colnames'])
    case 'CommonTableExpr':
      return names(node['aliascolnames'])
    case 'ColumnDef':
    case 'RangeTableFuncCol':
      return [textAt(node, 'colname')]
    case 'JsonTableColumn':
      return [textAt(node, 'name')]
    case 'join_using_alias':
      return [textAt(node, 'aliasname'), ...names(node['colnames'])]
    case 'search_clause':
      return [textAt(node, 'search_seq_column')]
    case 'cycle_clause':
      return [textAt(node, 'cycle_mark_column'), textAt(node, 'cycle_path_column')]
    case 'ReturningOption':
      return [textAt(node, 'value')]
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt':
      return ['old', 'new', 'excluded']
    default:
      return []
  }
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
