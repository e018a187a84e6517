/**
 * Sessions that end with what they rest on: the credential that began them, a grant.
 *
 * @module
 */
import type { TimedGrant } from '../core/access.ts'
import type { Session } from './session.ts'

/**
 * The clock is looked at this often: a timer of the runtime counts another time than the wall's, which may jump, and
 * not more than 24 days of it.
 */
const look_ms_max = 10_000

/** Before the end of a grant, which its user did not choose to the minute: time to save what is open. */
const warning_us = 60_000_000

/** `ends_us` and `now_us`: UTC in microseconds. */
export function endWhenExpired(session: Session, ends_us: number, now_us: () => number): void {
  at(session, ends_us, now_us, () =>
    session.end('expired', 'your sign-in has ended, and this session with it: connect again'),
  )
}

/** ... with a warning. */
export function endWithGrant(
  session: Session,
  { id, ends_us }: TimedGrant,
  now_us: () => number,
): void {
  at(session, ends_us - warning_us, now_us, () => {
    const left_s = Math.round((ends_us - now_us()) / 1_000_000)
    if (left_s > 0) session.say(`grant ${id} ends in ${left_s} s, and this session with it`)
  })
  at(session, ends_us, now_us, () =>
    session.end('expired', `grant ${id} has ended, and this session with it`),
  )
}

/** Not when the session is over before. */
function at(session: Session, when_us: number, now_us: () => number, act: () => void): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const look = (): void => {
    const left_ms = (when_us - now_us()) / 1000
    if (left_ms > 0) timer = setTimeout(look, Math.min(left_ms, look_ms_max))
    else act()
  }
  look()
  const stop = (): void => clearTimeout(timer)
  session.ended.then(stop, stop)
}
