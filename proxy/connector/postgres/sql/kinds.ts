/**
 * Names of kinds of statements, as policy and records have them.
 *
 * @module
 */
import { type Node, textAt } from './tree.ts'

const own: Readonly<Record<string, string>> = {
  CreateStmt: 'create_table',
  IndexStmt: 'create_index',
  ViewStmt: 'create_view',
  RuleStmt: 'create_rule',
  CreateTrigStmt: 'create_trigger',
  CreateEventTrigStmt: 'create_event_trigger',
  CreateSeqStmt: 'create_sequence',
  AlterSeqStmt: 'alter_sequence',
  CreatedbStmt: 'create_database',
  DropdbStmt: 'drop_database',
  VariableSetStmt: 'set',
  VariableShowStmt: 'show',
  AlterObjectSchemaStmt: 'alter_schema',
  AlterOwnerStmt: 'alter_owner',
  RenameStmt: 'rename',
  DeclareCursorStmt: 'declare',
  ClosePortalStmt: 'close',
  RefreshMatViewStmt: 'refresh',
  CompositeTypeStmt: 'create_type',
  CreateEnumStmt: 'create_type',
  CreateRangeStmt: 'create_type',
  DefineStmt: 'define',
  CheckPointStmt: 'checkpoint',
}

/** `SelectStmt` is `select`; a SELECT that makes a table is what it makes. */
export function kindOf(type: string, node: Node): string {
  const known = own[type]
  if (known !== undefined) return known
  switch (type) {
    case 'SelectStmt':
      return node['intoClause'] === undefined ? 'select' : 'create_table_as'
    case 'TransactionStmt':
      return textAt(node, 'kind').replace('TRANS_STMT_', '').toLowerCase()
    case 'CopyStmt':
      return node['is_from'] === true ? 'copy_from' : 'copy_to'
    case 'DropStmt':
      return `drop_${textAt(node, 'removeType').replace('OBJECT_', '').toLowerCase()}`
    case 'GrantStmt':
    case 'GrantRoleStmt': {
      const verb = node['is_grant'] === true ? 'grant' : 'revoke'
      return type === 'GrantStmt' ? verb : `${verb}_role`
    }
    default:
      return type
        .replace(/Stmt$/, '')
        .replace(/(?<=[a-z])(?=[A-Z])/g, '_')
        .toLowerCase()
  }
}

/** Statements that are in the tree of another one. */
export const isStatement = (type: string): boolean => /^[A-Z]\w*Stmt$/.test(type)
