/**
 * How often somebody may ask: each grant that is asked for stays in the log for ever, and is told to people.
 *
 * @module
 */
import { grant_requests_hour_max } from './limits.ts'

const hour_us = 3_600_000_000

/** Whether they may once more; asking counts. */
export function createPace(now_us: () => number): (subject: string) => boolean {
  const asked = new Map<string, number[]>()
  return (subject) => {
    const since = now_us() - hour_us
    for (const [who, times] of asked) if ((times.at(-1) ?? 0) <= since) asked.delete(who)
    const recent = (asked.get(subject) ?? []).filter((time) => time > since)
    if (recent.length >= grant_requests_hour_max) return false
    asked.set(subject, [...recent, now_us()])
    return true
  }
}
