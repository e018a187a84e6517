/**
 * Objects that a text names, wherever in its tree they stand. A name that means a common table expression where it stands is
 * no object; that a table may be reached without its name (a view, a parent, a trigger) is not seen here.
 *
 * @module
 */
import { as, isNode, listOf, type Node, names, type Parsed, textAt } from './tree.ts'

/** Names that a WITH gives: those whose place in the list is below `limit` can be meant. */
interface Scope {
  readonly outer: Scope | undefined
  readonly names: ReadonlyMap<string, number>
  readonly limit: number
}

/** Their target is a table, whatever a WITH of theirs calls by its name. */
const changing: ReadonlySet<string> = new Set([
  ...['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'],
])

export function objectsIn({ statements }: Parsed): readonly string[] {
  const found = new Set<string>()
  const waiting: { type: string; value: unknown; scope: Scope | undefined }[] = statements.map(
    ({ type, node }) => ({ type, value: node, scope: undefined }),
  )
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { type, value, scope } = next
    if (Array.isArray(value)) {
      for (const each of value) waiting.push({ type, value: each, scope })
      continue
    }
    if (!isNode(value)) continue
    for (const object of named(type, value)) found.add(object)
    const relation = relationOf(value, scope)
    if (relation !== undefined) found.add(relation)
    const inner = scopeOf(value['withClause'], scope)
    for (const [member, child] of Object.entries(value)) {
      if (typeof child !== 'object' || child === null) continue
      if (member === 'withClause' && inner !== undefined)
        waiting.push(...expressionsOf(child as Node, inner)) // A WITH that has a scope is a node.
      else {
        const is_target = member === 'relation' && changing.has(type)
        waiting.push({
          type: member,
          value: child,
          scope: is_target ? undefined : (inner ?? scope),
        })
      }
    }
  }
  return [...found]
}

function scopeOf(clause: unknown, outer: Scope | undefined): Scope | undefined {
  if (!isNode(clause)) return undefined
  const given = listOf(clause['ctes']).map((each) => textAt(as('CommonTableExpr', each), 'ctename'))
  const all = new Map(given.map((name, index) => [name, index]))
  return { outer, names: all, limit: given.length }
}

/** Without RECURSIVE an expression sees those before it alone. */
function expressionsOf(
  clause: Node,
  scope: Scope,
): readonly { type: string; value: unknown; scope: Scope }[] {
  const is_recursive = clause['recursive'] === true
  return listOf(clause['ctes']).map((value, index) => ({
    type: 'CommonTableExpr',
    value,
    scope: is_recursive ? scope : { ...scope, limit: index },
  }))
}

function isGiven(name: string, scope: Scope | undefined): boolean {
  for (let at = scope; at !== undefined; at = at.outer) {
    const index = at.names.get(name)
    if (index !== undefined && index < at.limit) return true
  }
  return false
}

function relationOf(node: Node, scope: Scope | undefined): string | undefined {
  const name = textAt(node, 'relname')
  if (name === '') return undefined
  const schema = textAt(node, 'schemaname')
  if (schema !== '') return qualified(schema, name)
  // Where one is made for the session alone.
  if (textAt(node, 'relpersistence') === 't') return qualified('pg_temp', name)
  return isGiven(name, scope) ? undefined : quoted(name)
}

const all_of = (schema: string): string => `${quoted(schema)}.*`
const everything = ['*']

/** What is named by something else than a place in a FROM. */
function named(type: string, node: Node): readonly string[] {
  switch (type) {
    case 'DropStmt':
      return listOf(node['objects']).flatMap((each) => objectOf(textAt(node, 'removeType'), each))
    case 'CommentStmt':
    case 'SecLabelStmt':
      return objectOf(textAt(node, 'objtype'), node['object'])
    case 'AlterOwnerStmt':
    case 'AlterObjectSchemaStmt':
    case 'AlterObjectDependsStmt':
      return objectOf(textAt(node, 'objectType'), node['object'])
    case 'RenameStmt':
      return textAt(node, 'renameType') === 'OBJECT_SCHEMA' ? [all_of(textAt(node, 'subname'))] : []
    case 'GrantStmt': {
      if (textAt(node, 'targtype') === 'ACL_TARGET_DEFAULTS') return everything
      const is_schema = textAt(node, 'objtype') === 'OBJECT_SCHEMA'
      return is_schema || textAt(node, 'targtype') === 'ACL_TARGET_ALL_IN_SCHEMA'
        ? names(node['objects']).map(all_of)
        : []
    }
    case 'AlterDefaultPrivilegesStmt':
    case 'DropOwnedStmt':
    case 'ReassignOwnedStmt':
    case 'AlterTableMoveAllStmt':
    case 'DropdbStmt':
      return everything
    case 'CreatePublicationStmt':
    case 'AlterPublicationStmt':
      return node['for_all_tables'] === true ? everything : []
    case 'PublicationObjSpec':
      if (textAt(node, 'pubobjtype') === 'PUBLICATIONOBJ_TABLES_IN_SCHEMA')
        return [all_of(textAt(node, 'name'))]
      return textAt(node, 'pubobjtype').endsWith('CUR_SCHEMA') ? everything : []
    case 'VacuumStmt':
      return node['rels'] === undefined ? everything : []
    case 'ClusterStmt':
      return node['relation'] === undefined ? everything : []
    case 'ReindexStmt':
      if (node['relation'] !== undefined) return []
      return textAt(node, 'kind') === 'REINDEX_OBJECT_SCHEMA'
        ? [all_of(textAt(node, 'name'))]
        : everything
    case 'ImportForeignSchemaStmt':
      return [all_of(textAt(node, 'local_schema'))]
    default:
      return []
  }
}

const relations =
  /^OBJECT_(?:TABLE|VIEW|MATVIEW|SEQUENCE|INDEX|FOREIGN_TABLE|STATISTIC_EXT|TYPE|DOMAIN)$/
/** Of these the last name is their own, and those before are the table's. */
const of_relations = /^OBJECT_(?:COLUMN|TRIGGER|RULE|POLICY|TABCONSTRAINT|DOMCONSTRAINT)$/

function objectOf(type: string, object: unknown): readonly string[] {
  if (type === 'OBJECT_SCHEMA') {
    const name = textAt(as('String', object), 'sval')
    return name === '' ? [] : [all_of(name)]
  }
  const path = names(as('List', object)?.['items'] ?? as('TypeName', object)?.['names'])
  const own = of_relations.test(type) ? path.slice(0, -1) : relations.test(type) ? path : []
  const name = own.at(-1)
  if (name === undefined) return []
  const schema = own.at(-2)
  return [schema === undefined ? quoted(name) : qualified(schema, name)]
}

export const qualified = (schema: string, name: string): string =>
  `${quoted(schema)}.${quoted(name)}`

/** A dot or a quote in a name must not be taken for one between names; nor its star for all there is. */
const quoted = (name: string): string =>
  /[."*]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name
