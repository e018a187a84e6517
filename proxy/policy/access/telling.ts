/**
 * Tells those who watch of grants that are asked for, and of what becomes of each, as a desk tells of commands that wait.
 *
 * @module
 */
import type { ApprovalRequest, DeskChange, HoldOutcome } from '../../core/approval.ts'
import type { GrantFile } from './ledger.ts'
import { shownRequest } from './shown.ts'

export interface Telling {
  /** It is new, or has one approval more. */
  waiting(file: GrantFile): void
  /** Nothing for one that was not told of. */
  ended(id: string, outcome: HoldOutcome): void
  /** Nobody has decided in time. */
  lapse(now_us: number): void
}

export function createTelling(
  told: (change: DeskChange) => void,
  labels: (target: string) => Readonly<Record<string, string>>,
): Telling {
  const open = new Map<string, ApprovalRequest>()
  const ended: Telling['ended'] = (id, outcome) => {
    const request = open.get(id)
    if (request === undefined) return
    open.delete(id)
    told({ kind: 'ended', request, outcome })
  }
  return {
    waiting(file) {
      const request = shownRequest(file, labels(file.request.target))
      open.set(request.id, request)
      told({ kind: 'waiting', request })
    },
    ended,
    lapse(now_us) {
      const late = [...open.values()].filter(({ expires_us }) => expires_us <= now_us)
      for (const { id } of late) ended(id, { kind: 'expired' })
    },
  }
}
