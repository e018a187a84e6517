/**
 * What is done to the gateway itself, and which roles bound it. Policy narrows that, and widens nothing.
 *
 * @module
 */

export const evidence_parts = ['facts', 'records', 'lines', 'cast'] as const
export type EvidencePart = (typeof evidence_parts)[number]

export const changes = [
  'reload',
  'revoke',
  'restore',
  'forget_passkey',
  'hold',
  'lift_hold',
  'apply_retention',
  'shred',
  'approve_release',
] as const
export type Change = (typeof changes)[number]

export type DutyRole = 'user' | 'approver' | 'auditor' | 'admin'

/** One of these is needed. */
export function changersOf(change: Change): readonly DutyRole[] {
  if (change === 'approve_release') return ['approver']
  return change === 'hold' || change === 'lift_hold' ? ['auditor', 'admin'] : ['admin']
}

/** Whose evidence somebody with these roles may read. */
export function readableBy(roles: readonly DutyRole[]): 'everyone' | 'own' | 'nothing' {
  if (roles.includes('auditor') || roles.includes('admin')) return 'everyone'
  return roles.includes('user') || roles.includes('approver') ? 'own' : 'nothing'
}
