/**
 * What is kept and what is let go, as the API asks for it: holds of the whole gateway, and the sessions of all its processes.
 *
 * @module
 */
import type { AskedRelease, Release } from '../../storage/evidence/release.ts'
import type { DueView, HoldResult, KeepingPort, ShredResult } from '../api/ports.ts'
import type { Config } from '../config.ts'
import type { Evidence } from './evidence.ts'
import type { Holds } from './holds.ts'
import { openReleases, type ReleaseParts } from './open-releases.ts'
import type { Performed, Releases } from './releases.ts'
import { planRetention, type RetentionOptions } from './retention.ts'
import { whyNotShredded } from './shredding.ts'

export interface KeepingParts extends Omit<ReleaseParts, 'gateway' | 'terms' | 'perform'> {
  readonly holds: Holds
  readonly config: Config
  /** Of all processes. */
  readonly reader: RetentionOptions['reader'] & Pick<Evidence['store'], 'session'>
  /** Lets go what is due in this process, and tells the others to. */
  apply(): Promise<number>
  /** In whichever process has it. */
  readonly shred: Evidence['shred']
}

/** Rejects with a `StoreError`. */
export async function openKeeping({
  holds,
  config,
  reader,
  now_us,
  ...parts
}: KeepingParts): Promise<KeepingPort & { readonly releases: Releases }> {
  const { retention: rules, release: terms } = config.evidence
  const planned = { rules, reader, holds: holds.standing, sure_us: now_us }
  const perform = (
    { change, of, by, reason }: AskedRelease,
    release: Release,
  ): Promise<Performed> =>
    change === 'lift_hold'
      ? holds.lift(of, by, reason, release)
      : parts.shred(of, by, reason, release)
  const releases = await openReleases({
    ...{ ...parts, now_us, perform, terms, gateway: config.gateway.name },
  })
  return {
    releases,
    apply: parts.apply,
    holds: {
      ...holds,
      async lift(id, by, reason): Promise<HoldResult> {
        if (terms.quorum === 0) return holds.lift(id, by, reason)
        if (!holds.standing().some((hold) => hold.id === id))
          return { ok: false, code: 'unknown', message: 'no such legal hold' }
        const asked = await releases.ask('lift_hold', id, by, reason)
        return asked.ok ? { ...asked, id } : asked
      },
    },
    async shred(id, by, reason): Promise<ShredResult> {
      if (terms.quorum === 0) return parts.shred(id, by, reason)
      const session = await reader.session(id)
      if (session === undefined) return { ok: false, code: 'unknown', message: 'no such session' }
      // Looked at again when it is approved; nobody is asked for what cannot be done.
      const why = whyNotShredded(session, holds.standing())
      if (why !== undefined) return { ok: false, code: 'refused', message: why }
      return releases.ask('shred', id, by, reason)
    },
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
