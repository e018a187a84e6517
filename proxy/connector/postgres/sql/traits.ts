/**
 * What a node says of its statement besides names.
 *
 * @module
 */
import type { StatementTrait } from '../../../core/statement.ts'
import { traitOfSetting } from './settings.ts'
import { as, constantText, isNode, listOf, type Node, textAt } from './tree.ts'

/** Of kinds alone. */
const by_type: Readonly<Record<string, readonly StatementTrait[]>> = {
  DropdbStmt: ['drop_database'],
  LoadStmt: ['program'],
  CreatePLangStmt: ['program'],
  DoStmt: ['code'],
  CallStmt: ['own_function'],
  CreateTrigStmt: ['code'],
  CreateEventTrigStmt: ['code'],
  CreateExtensionStmt: ['code'],
  AlterSystemStmt: ['server_config'],
  CreateTableSpaceStmt: ['server_config'],
  CreateSubscriptionStmt: ['replication'],
  AlterSubscriptionStmt: ['replication'],
  CreateForeignServerStmt: ['network'],
  AlterForeignServerStmt: ['network'],
  CreateForeignTableStmt: ['network'],
  CreateUserMappingStmt: ['network'],
  ImportForeignSchemaStmt: ['network'],
  ReassignOwnedStmt: ['lasting'],
  DropOwnedStmt: ['lasting', 'cascade'],
}

const changes_objects =
  /^(?:Create|Alter|Drop|Rename|Index|View|Rule|Define|Comment|SecLabel|CompositeType|Import)/
/** They make and change things of the session, or nothing that lasts. */
const passing = /^(?:CreateStmt|CreateTableAsStmt|ViewStmt|CreateSeqStmt|CreatedbStmt)$/

export function traitsOf(type: string, node: Node): readonly StatementTrait[] {
  const found: StatementTrait[] = [...(by_type[type] ?? [])]
  const add = (trait: StatementTrait | undefined): void => {
    if (trait !== undefined) found.push(trait)
  }
  if (isLasting(type, node)) found.push('lasting')
  if (textAt(node, 'behavior') === 'DROP_CASCADE') found.push('cascade')
  switch (type) {
    case 'CopyStmt':
      if (node['is_program'] === true) add('program')
      else if (textAt(node, 'filename') !== '') add('server_file')
      break
    case 'CreateFunctionStmt':
      add(isForeignCode(node) ? 'program' : 'code')
      add(optionsOf(node['options']).has('security') ? 'security_definer' : undefined)
      break
    case 'AlterFunctionStmt':
      add(optionsOf(node['actions']).has('security') ? 'security_definer' : undefined)
      break
    case 'CreateRoleStmt':
    case 'AlterRoleStmt':
      if ([...optionsOf(node['options'])].some((name) => powers.has(name))) add('superuser')
      break
    case 'AlterTableCmd':
      if (unguarding.test(textAt(node, 'subtype'))) add('unguarded')
      break
    // A rule of that view makes a setting of each row, whose names a text need not say.
    case 'UpdateStmt':
      if (isOwnView(node['relation'], 'pg_settings')) add('syntax')
      break
    case 'VariableSetStmt':
      for (const trait of settingTraits(node)) add(trait)
      break
    // Settings of other sessions to come, of a role or of a database.
    case 'AlterRoleSetStmt':
    case 'AlterDatabaseSetStmt': {
      const set = node['setstmt']
      const setting = as('VariableSetStmt', set) ?? (isNode(set) ? set : undefined)
      if (setting !== undefined) for (const trait of settingTraits(setting)) add(trait)
      break
    }
    default:
      break
  }
  return found
}

function isLasting(type: string, node: Node): boolean {
  if (type === 'SelectStmt')
    return isNode(node['intoClause']) && !isTemporary(node['intoClause']['rel'])
  if (!type.endsWith('Stmt') || !changes_objects.test(type)) return false
  if (!passing.test(type)) return true
  const into = node['into']
  return !isTemporary(
    node['relation'] ??
      node['view'] ??
      node['sequence'] ??
      (isNode(into) ? into['rel'] : undefined),
  )
}

const isTemporary = (relation: unknown): boolean =>
  isNode(relation) &&
  (textAt(relation, 'relpersistence') === 't' || textAt(relation, 'schemaname') === 'pg_temp')

const isOwnView = (relation: unknown, name: string): boolean =>
  isNode(relation) &&
  textAt(relation, 'relname') === name &&
  /^(?:pg_catalog)?$/.test(textAt(relation, 'schemaname'))

/** Names of options that are switched on. */
function optionsOf(list: unknown): ReadonlySet<string> {
  return new Set(
    listOf(list).flatMap((each) => {
      const option = as('DefElem', each)
      const value = as('Boolean', option?.['arg'])
      // A switch that is off has no `boolval`.
      const is_off = value !== undefined && value['boolval'] !== true
      return option === undefined || is_off ? [] : [textAt(option, 'defname')]
    }),
  )
}

const powers = new Set(['superuser', 'bypassrls', 'isreplication', 'createrole', 'createdb'])

/** `ALTER TABLE ... DISABLE TRIGGER`, and its like. */
const unguarding = /^AT_(?:DisableTrig|DisableRule|DisableRowSecurity|NoForceRowSecurity)/

/** Languages whose code is a program of the server, not SQL. */
function isForeignCode(node: Node): boolean {
  return listOf(node['options']).some((option) => {
    const element = as('DefElem', option)
    if (textAt(element, 'defname') !== 'language') return false
    return !/^(?:sql|plpgsql)$/i.test(textAt(as('String', element?.['arg']), 'sval'))
  })
}

function settingTraits(node: Node): readonly StatementTrait[] {
  const name = textAt(node, 'name').toLowerCase()
  if (name === 'role' || name === 'session_authorization') return ['role']
  const [first] = listOf(node['args'])
  const trait = traitOfSetting(name, constantText(first))
  return trait === undefined ? [] : [trait]
}
