/**
 * Of two verdicts about one run the stricter one: both have to allow it, and what both want approved needs both.
 *
 * @module
 */
import type { HoldTerms, Verdict } from '../../core/verdict.ts'

export function stricter(one: Verdict, other: Verdict): Verdict {
  if (other.allowed) return one
  if (one.allowed) return other
  if (one.hold === undefined) return one
  if (other.hold === undefined) return other
  return { ...one, hold: both(one.hold, other.hold) }
}

function both(one: HoldTerms, other: HoldTerms): HoldTerms {
  const groups = new Map(one.approvals.map(({ group, quorum }) => [group, quorum]))
  for (const { group, quorum } of other.approvals)
    groups.set(group, Math.max(quorum, groups.get(group) ?? 0))
  return {
    ...one,
    approvals: [...groups].map(([group, quorum]) => ({ group, quorum })),
    expires_ms: Math.min(one.expires_ms, other.expires_ms),
    ...(other.passkey === true ? { passkey: true } : {}),
    findings: [...new Set([...one.findings, ...other.findings])],
  }
}
