/**
 * What a text asks for, by its whole tree: kinds, objects, functions and traits, wherever in it they stand.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import type { Statement, StatementTrait } from '../../../core/statement.ts'
import { functionTrait } from './functions.ts'
import { isStatement, kindOf } from './kinds.ts'
import { objectsIn } from './objects.ts'
import { pathOf } from './path.ts'
import { traitsOf } from './traits.ts'
import { listOf, type Node, names, type Parsed, walk } from './tree.ts'
import { saysWhich } from './where.ts'

export const unparsed: Statement = {
  kinds: ['unparsed'],
  operations: ['unparsed'],
  objects: [],
  functions: [],
  has_where: true,
  traits: ['unparsed'],
  path: 'unknown',
}

/** An EXECUTE, or a Bind, of a name that this session has not prepared. */
export const unknown_statement: Statement = {
  ...unparsed,
  kinds: ['execute'],
  operations: ['execute'],
  traits: ['unknown_statement'],
}

/** A record of a statement must not grow with a list of names that somebody made long. */
const listed_max = 200

/** Names of functions of PostgreSQL 15 that may be called, of its own schema. */
const postgres_functions: ReadonlySet<string> = new Set(
  readFileSync(new URL('postgres-functions.txt', import.meta.url), 'utf8').split('\n'),
)

export function classify(parsed: Parsed): Statement {
  const { statements } = parsed
  const functions = new Set<string>()
  const operations = new Set<string>()
  const traits = new Set<StatementTrait>()
  let has_where = true
  for (const { type: top, node: whole } of statements) {
    operations.add(kindOf(top, whole))
    for (const { type, node } of walk(whole, top)) {
      if (isStatement(type)) operations.add(kindOf(type, node))
      for (const trait of traitsOf(type, node)) traits.add(trait)
      if (isCall(type, node)) {
        const path = names(node['funcname'])
        const name = path.at(-1) ?? ''
        functions.add(name)
        if (!isOfPostgres(path)) traits.add('own_function')
        const trait = functionTrait(path, listOf(node['args']))
        if (trait !== undefined) traits.add(trait)
      }
      if (changesAll(type, node)) has_where = false
    }
  }
  if (!has_where) traits.add('without_where')
  const path = pathOf(parsed, traits)
  return {
    kinds: statements.map(({ type, node }) => kindOf(type, node)).slice(0, listed_max),
    operations: [...operations],
    objects: objectsIn(parsed),
    functions: [...functions],
    has_where,
    traits: [...traits],
    ...(path === undefined ? {} : { path }),
  }
}

/** A call, as an expression or as `CALL`, whose member has no type of its own. */
export const isCall = (type: string, node: Node): boolean =>
  type === 'FuncCall' || type === 'funccall' || (type === 'func' && node['funcname'] !== undefined)

function isOfPostgres(path: readonly string[]): boolean {
  const [schema] = path
  const is_there = path.length === 1 || (path.length === 2 && schema === 'pg_catalog')
  return is_there && postgres_functions.has(path.at(-1) ?? '')
}

function changesAll(type: string, node: Node): boolean {
  if (type === 'UpdateStmt' || type === 'DeleteStmt') return !saysWhich(node['whereClause'])
  if (type !== 'MergeStmt' || saysWhich(node['joinCondition'])) return false
  return listOf(node['mergeWhenClauses']).some((each) =>
    /CMD_(?:UPDATE|DELETE)/.test(JSON.stringify(each)),
  )
}
