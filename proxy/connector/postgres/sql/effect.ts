/**
 * Statements about names of the session: prepared statements and cursors.
 *
 * @module
 */
import type { Effect, Plan } from '../plan.ts'
import { isNode, type Node, textAt } from './tree.ts'

/** `inner`: of the statement that is prepared or declared. */
export function effectOf(type: string, node: Node, inner: Plan): Effect | undefined {
  switch (type) {
    case 'PrepareStmt':
      return { kind: 'prepare', name: textAt(node, 'name'), plan: inner }
    case 'DeclareCursorStmt':
      return { kind: 'declare', name: textAt(node, 'portalname'), plan: inner }
    case 'DeallocateStmt':
      return one('deallocate', textAt(node, 'name'))
    case 'ClosePortalStmt':
      return one('close', textAt(node, 'portalname'))
    case 'CreateStmt':
      return created(node['relation'])
    case 'CreateTableAsStmt':
      return created(isNode(node['into']) ? node['into']['rel'] : undefined)
    case 'SelectStmt':
      return created(isNode(node['intoClause']) ? node['intoClause']['rel'] : undefined)
    case 'ViewStmt':
      return created(node['view'])
    case 'CreateSeqStmt':
      return created(node['sequence'])
    case 'DiscardStmt':
      return textAt(node, 'target') === 'DISCARD_ALL' ? { kind: 'discard' } : undefined
    default:
      return undefined
  }
}

export function showsOf(type: string, node: Node): Plan['shows'] {
  if (type === 'ExecuteStmt') return { kind: 'prepared', name: textAt(node, 'name') }
  if (type === 'FetchStmt') return { kind: 'portal', name: textAt(node, 'portalname') }
  return undefined
}

function created(relation: unknown): Effect | undefined {
  const name = textAt(isNode(relation) ? relation : undefined, 'relname')
  return name === '' ? undefined : { kind: 'create', name }
}

const one = (kind: 'deallocate' | 'close', name: string): Effect =>
  name === '' ? { kind } : { kind, name }
