/**
 * Statements about names of the session: prepared statements and cursors.
 *
 * @module
 */
import type { Effect, Plan } from '../plan.ts'
import { type Node, textAt } from './tree.ts'

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

const one = (kind: 'deallocate' | 'close', name: string): Effect =>
  name === '' ? { kind } : { kind, name }
