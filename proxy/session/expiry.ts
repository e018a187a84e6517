/**
 * Sessions that end with the credential that began them.
 *
 * @module
 */
import type { Session } from './session.ts'

/**
 * The clock is looked at this often: a timer of the runtime counts another time than the wall's, which may jump, and
 * not more than 24 days of it.
 */
const look_ms_max = 10_000

/** `ends_us` and `now_us`: UTC in microseconds. */
export function endWhenExpired(session: Session, ends_us: number, now_us: () => number): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const look = (): void => {
    const left_ms = (ends_us - now_us()) / 1000
    if (left_ms > 0) timer = setTimeout(look, Math.min(left_ms, look_ms_max))
    else session.end('expired', 'your sign-in has ended, and this session with it: connect again')
  }
  look()
  const stop = (): void => clearTimeout(timer)
  session.ended.then(stop, stop)
}
