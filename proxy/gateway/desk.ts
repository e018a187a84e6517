/**
 * The desk of a process that speaks SSH: where its held commands wait, decided by its policy and noted in its log.
 *
 * @module
 */
import type { DeskChange } from '../core/approval.ts'
import { createClock } from '../core/clock.ts'
import { createDesk, type Desk } from '../policy/approval/desk.ts'
import type { StaticPolicy } from '../policy/policy.ts'
import type { RecorderClient } from '../recorder/client.ts'

export function openDesk(
  policy: StaticPolicy,
  recorder: RecorderClient,
  changed: (change: DeskChange) => void,
  public_url: () => string | undefined,
): Desk {
  const clock = createClock(Date.now, () => performance.now())
  return createDesk({
    now_us: clock.now_us,
    after(delay_ms, run) {
      const timer = setTimeout(run, delay_ms)
      return () => clearTimeout(timer)
    },
    mayApprove: (approver, { target, account, terms }) =>
      policy.approve(approver, target, account, terms),
    note: ({ type, facts }) => recorder.note(type, facts),
    mask: recorder.mask,
    page() {
      const url = public_url()
      return url === undefined ? undefined : `${url}/approvals`
    },
    changed,
  })
}
