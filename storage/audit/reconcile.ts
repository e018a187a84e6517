/**
 * Puts the logins of a target's own log beside the connections that the gateway made to it: each login has to have
 * one, and none counts twice.
 *
 * @module
 */
import type { Login } from './logins.ts'

/** The gateway logged in to the target: it dialled, or opened a terminal. */
export interface Arrival {
  readonly session: string
  /** UTC, microseconds. */
  readonly t_us: number
  /** Undefined where the gateway only passed through on the way to another target. */
  readonly account: string | undefined
}

export interface Reconciled {
  /** Logins that did not come through the gateway, in the order of time. */
  readonly strange: readonly Login[]
  /** Arrivals that the log has no login of, in the order of time. */
  readonly missing: readonly Arrival[]
  readonly matched: number
}

/**
 * A login and an arrival belong together when their times are within `slack_us` and the accounts are the same; of
 * several, those that are nearest.
 *
 * @param addresses of the gateway, as the target sees it; any when there are none
 */
export function reconcile(
  logins: readonly Login[],
  arrivals: readonly Arrival[],
  slack_us: number,
  addresses: readonly string[],
): Reconciled {
  const sorted = arrivals.toSorted((a, b) => a.t_us - b.t_us)
  const isFrom = ({ from }: Login): boolean =>
    addresses.length === 0 || addresses.includes(from.replace(/^::ffff:/, ''))
  const pairs = logins.flatMap((login, at) =>
    isFrom(login) ? nearby(sorted, login, slack_us).map((index) => ({ login, at, index })) : [],
  )
  const distance = ({ login, index }: (typeof pairs)[number]): number =>
    Math.abs((sorted[index]?.t_us ?? 0) - login.t_us)
  const [used, met] = [new Set<number>(), new Set<number>()]
  for (const { at, index } of pairs.toSorted((a, b) => distance(a) - distance(b))) {
    if (used.has(index) || met.has(at)) continue
    used.add(index)
    met.add(at)
  }
  return {
    strange: logins.filter((_, at) => !met.has(at)).toSorted((a, b) => a.t_us - b.t_us),
    missing: sorted.filter((_, index) => !used.has(index)),
    matched: met.size,
  }
}

/** Indexes of arrivals that may be this login. */
function nearby(sorted: readonly Arrival[], { t_us, account }: Login, slack_us: number): number[] {
  let lo = 0
  let hi = sorted.length
  while (lo < hi) {
    const middle = (lo + hi) >> 1
    if ((sorted[middle]?.t_us ?? 0) < t_us - slack_us) lo = middle + 1
    else hi = middle
  }
  const found: number[] = []
  for (let index = lo; index < sorted.length; index++) {
    const arrival = sorted[index]
    if (arrival === undefined || arrival.t_us > t_us + slack_us) break
    if (arrival.account === undefined || arrival.account === account) found.push(index)
  }
  return found
}
