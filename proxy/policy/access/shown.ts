/**
 * Grants and requests for them as people are shown them.
 *
 * @module
 */
import type { ApprovalRequest } from '../../core/approval.ts'
import { type GrantFile, grantOf, isWaiting } from './ledger.ts'

/** A grant, or a request for one, as those who may see it see it. */
export interface ShownGrant {
  readonly file: GrantFile
  readonly state: GrantFile['state'] | 'expired' | 'ended'
}

export function stateOf(file: GrantFile, now_us: number): ShownGrant['state'] {
  if (file.state === 'waiting') return isWaiting(file, now_us) ? 'waiting' : 'expired'
  if (file.state === 'given') return grantOf(file, now_us) === undefined ? 'ended' : 'given'
  return file.state
}

export function shownRequest(
  { request, given }: GrantFile,
  labels: Readonly<Record<string, string>>,
): ApprovalRequest {
  const minutes = Math.round(request.duration_us / 60_000_000)
  const what = request.scope.length === 0 ? '' : ` for ${request.scope.join(', ')}`
  return {
    ...{ id: request.id, digest: request.digest, session: '', channel: 0 },
    ...{ subject: request.subject, issuer: request.issuer, groups: request.groups },
    ...{ account: request.account, target: request.target, labels, source: '' },
    is_terminal: false,
    passkey: false,
    command: { text: `a grant of ${minutes} min${what}: ${request.reason}`, rules: [] },
    ...{ rule: request.rule, risk: 'low', findings: ['grant'], says: '', reason: request.says },
    approvals: request.approvals.map(({ group, quorum }) => ({
      group,
      quorum,
      given: given
        .filter(({ groups }) => groups.includes(group))
        .map(({ subject, issuer }) => ({ subject, issuer })),
    })),
    requested_us: request.requested_us,
    expires_us: request.expires_us,
  }
}
