/**
 * Legal holds as the log has them: when each began, and when it was lifted.
 *
 * @module
 */
import type { JsonObject } from '../evidence/bytes.ts'
import { type Hold, type HoldScope, readHold, readLift } from '../evidence/hold.ts'
import { hold_spread_ms } from './limits.ts'
import type { ReleaseBook } from './releases.ts'
import type { Findings } from './report.ts'

/** A place in a log. */
export interface HoldEntry {
  readonly entry: number
  readonly time_ms: number
}

export interface KnownHold extends Hold {
  readonly set: HoldEntry
  lifted: HoldEntry | undefined
}

export class HoldBook {
  readonly #holds = new Map<string, KnownHold>()

  /** `facts` of a document that is not there are undefined, which is said where all documents are read. */
  add(
    type: 'hold.set' | 'hold.lifted',
    facts: JsonObject | undefined,
    at: HoldEntry,
    findings: Findings,
    releases: ReleaseBook,
  ): void {
    if (facts === undefined || facts['type'] !== type) return
    const time = new Date(at.time_ms).toISOString()
    const { entry } = at
    if (type === 'hold.set') {
      const hold = readHold(facts)
      if (hold === undefined || this.#holds.has(hold.id)) {
        findings.fail('document_malformed', `Log entry ${entry} sets no legal hold.`, { entry })
        return
      }
      this.#holds.set(hold.id, { ...hold, set: at, lifted: undefined })
      return
    }
    const lift = readLift(facts)
    const hold = lift && this.#holds.get(lift.hold)
    if (lift === undefined || hold === undefined) {
      findings.fail('document_malformed', `Log entry ${entry} lifts no legal hold.`, { entry })
      return
    }
    hold.lifted ??= at
    const released = { change: 'lift_hold', of: lift.hold, by: lift.by } as const
    const approved = releases.check(facts, released, entry, findings)
    findings.notice(
      'hold_lifted',
      `Legal hold ${hold.id} (${scopeText(hold.scope)}) was lifted at ${time} by ${JSON.stringify(lift.by.subject)}${approved}: ${JSON.stringify(lift.reason)}.`,
      { entry },
    )
  }

  /** Those in force when an entry of the same log was made. */
  inForce(at: HoldEntry): readonly Hold[] {
    return [...this.#holds.values()].filter(
      ({ set, lifted }) => set.entry < at.entry && (lifted?.entry ?? Infinity) > at.entry,
    )
  }

  /** ... of another log of the same gateway, which is told of a hold within that time. */
  inForceElsewhere({ time_ms }: HoldEntry): readonly Hold[] {
    return [...this.#holds.values()].filter(
      ({ set, lifted }) =>
        set.time_ms + hold_spread_ms < time_ms &&
        (lifted?.time_ms ?? Infinity) > time_ms + hold_spread_ms,
    )
  }

  /** Those that there ever were. */
  get all(): readonly Hold[] {
    return [...this.#holds.values()]
  }

  /** Those that are in force now, in the order in which they were set. */
  get standing(): readonly KnownHold[] {
    return [...this.#holds.values()].filter(({ lifted }) => lifted === undefined)
  }

  say(findings: Findings): void {
    for (const { id, scope, set, by, reason } of this.standing)
      findings.notice(
        'hold_in_force',
        `Legal hold ${id} (${scopeText(scope)}) is in force since ${new Date(set.time_ms).toISOString()}, by ${JSON.stringify(by.subject)}: ${JSON.stringify(reason)}.`,
        { entry: set.entry },
      )
  }
}

function scopeText(scope: HoldScope): string {
  const parts = Object.entries(scope).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  return parts.length === 0 ? 'everything' : parts.join(', ')
}
