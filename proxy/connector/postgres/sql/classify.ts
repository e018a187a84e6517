/**
 * What a text asks for, by its whole tree: kinds, objects, functions and risks, wherever in it they stand.
 *
 * @module
 */
import type { Statement, StatementRisk } from '../../../core/statement.ts'
import { functionRisk } from './functions.ts'
import { riskOfSetting } from './settings.ts'
import { as, constantText, listOf, type Node, names, type Parsed, textAt, walk } from './tree.ts'

export const unparsed: Statement = {
  kinds: ['unparsed'],
  objects: [],
  functions: [],
  has_where: true,
  risks: ['unparsed'],
}

/** A record of a statement must not grow with a list of names that somebody made long. */
const listed_max = 200

export function classify({ statements }: Parsed): Statement {
  const objects = new Set<string>()
  const functions = new Set<string>()
  const risks = new Set<StatementRisk>()
  let has_where = true
  for (const { type: top, node: whole } of statements) {
    for (const { type, node } of walk(whole, top)) {
      const risk = riskOf(type, node)
      if (risk !== undefined) risks.add(risk)
      const relname = textAt(node, 'relname')
      if (relname !== '') objects.add(qualified(textAt(node, 'schemaname'), relname))
      if (isCall(type, node)) {
        const path = names(node['funcname'])
        functions.add(path.join('.'))
        const its_risk = functionRisk(path, listOf(node['args']))
        if (its_risk !== undefined) risks.add(its_risk)
      }
      const is_change = type === 'UpdateStmt' || type === 'DeleteStmt'
      if (is_change && node['whereClause'] === undefined) has_where = false
    }
  }
  return {
    kinds: statements.map(({ type, node }) => kindOf(type, node)).slice(0, listed_max),
    objects: [...objects].slice(0, listed_max),
    functions: [...functions].slice(0, listed_max),
    has_where,
    risks: [...risks],
  }
}

/** `SelectStmt` is `select`; a SELECT that makes a table is what it makes. */
function kindOf(type: string, node: Node): string {
  if (type === 'SelectStmt' && node['intoClause'] !== undefined) return 'create_table_as'
  if (type === 'TransactionStmt')
    return textAt(node, 'kind').replace('TRANS_STMT_', '').toLowerCase()
  return type
    .replace(/Stmt$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toLowerCase()
}

const qualified = (schema: string, name: string): string =>
  schema === '' ? name : `${schema}.${name}`

/** A call, as an expression or as `CALL`, whose member has no type of its own. */
export const isCall = (type: string, node: Node): boolean =>
  type === 'FuncCall' || type === 'funccall' || (type === 'func' && node['funcname'] !== undefined)

function riskOf(type: string, node: Node): StatementRisk | undefined {
  switch (type) {
    case 'DropdbStmt':
      return 'drop_database'
    case 'CopyStmt':
      if (node['is_program'] === true) return 'program'
      return textAt(node, 'filename') === '' ? undefined : 'server_file'
    case 'LoadStmt':
      return 'program'
    case 'CreateFunctionStmt':
      return isForeignCode(node) ? 'program' : 'code'
    case 'CreatePLangStmt':
      return 'program'
    case 'DoStmt':
    case 'CreateTrigStmt':
    case 'CreateEventTrigStmt':
      return 'code'
    case 'AlterSystemStmt':
    case 'CreateTableSpaceStmt':
      return 'server_config'
    case 'CreateSubscriptionStmt':
    case 'AlterSubscriptionStmt':
      return 'replication'
    case 'CreateForeignServerStmt':
    case 'CreateForeignTableStmt':
    case 'CreateUserMappingStmt':
    case 'ImportForeignSchemaStmt':
      return 'network'
    case 'CreateExtensionStmt':
      return 'code'
    case 'VariableSetStmt':
      return settingRisk(node)
    // Settings of other sessions to come, of a role or of a database.
    case 'AlterRoleSetStmt':
    case 'AlterDatabaseSetStmt': {
      const set = node['setstmt']
      return settingRisk(as('VariableSetStmt', set) ?? ((set ?? {}) as Node)) // A node or nothing.
    }
    default:
      return undefined
  }
}

/** Languages whose code is a program of the server, not SQL. */
function isForeignCode(node: Node): boolean {
  return listOf(node['options']).some((option) => {
    const element = as('DefElem', option)
    if (textAt(element, 'defname') !== 'language') return false
    return !/^(?:sql|plpgsql)$/i.test(textAt(as('String', element?.['arg']), 'sval'))
  })
}

function settingRisk(node: Node): StatementRisk | undefined {
  const name = textAt(node, 'name').toLowerCase()
  if (name === 'role' || name === 'session_authorization') return 'role'
  const [first] = listOf(node['args'])
  return riskOfSetting(name, constantText(first))
}
