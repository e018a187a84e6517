/**
 * What is kept and what is let go, as the API asks for it: holds of the whole gateway, and the sessions of all its processes.
 *
 * @module
 */
import type { Hold } from '../../storage/evidence/hold.ts'
import type { RetentionRule } from '../../storage/evidence/retention.ts'
import type { DueView, HoldsPort, KeepingPort } from '../api/ports.ts'
import { planRetention, type RetentionOptions } from './retention.ts'

export interface KeepingParts {
  readonly holds: HoldsPort & { standing(): readonly Hold[] }
  readonly rules: readonly RetentionRule[] | undefined
  /** Of all processes. */
  readonly reader: RetentionOptions['reader']
  readonly now_us: () => number
  /** Lets go what is due in this process, and tells the others to. */
  apply(): Promise<number>
  /** In whichever process has it. */
  readonly shred: KeepingPort['shred']
}

export function openKeeping({ holds, rules, reader, now_us, ...parts }: KeepingParts): KeepingPort {
  const planned = { rules, reader, holds: holds.standing, sure_us: now_us }
  return {
    holds,
    apply: parts.apply,
    shred: parts.shred,
    plan: async (count_max) => ({
      rules: rules ?? [],
      sessions: (await planRetention(planned, count_max)).map(viewOf),
    }),
  }
}

function viewOf({ session, fate }: Awaited<ReturnType<typeof planRetention>>[number]): DueView {
  const { id, subject, target, closed_us, days } = session
  return {
    ...{ session: id, subject, target, days, ended: timeOf(closed_us), fate: fate.kind },
    ...(fate.kind === 'held' ? { hold: fate.hold } : {}),
    ...(fate.kind === 'kept' ? { until: timeOf(fate.until_us) } : {}),
  }
}

const timeOf = (t_us: number): string => new Date(Math.floor(t_us / 1000)).toISOString()
