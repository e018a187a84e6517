/**
 * The port for time. Days and hours pass by it in tests; only a composition root makes a real one.
 *
 * @module
 */

export interface Clock {
  /** UTC in microseconds; never goes back while the process lives. */
  now_us(): number
  /** Wall clock minus {@link now_us}, in microseconds: how far the machine's clock was stepped back. */
  skew_us(): number
}

/**
 * Wall time corrected by a monotonic one: a step forward is followed at once, a step back never,
 * so that a record is never dated before the one that it follows.
 *
 * @param wall_ms UTC in milliseconds
 * @param monotonic_ms milliseconds since any fixed moment
 */
export function createClock(wall_ms: () => number, monotonic_ms: () => number): Clock {
  let base_us = Math.round((wall_ms() - monotonic_ms()) * 1000)
  const monotonic_us = (): number => base_us + Math.round(monotonic_ms() * 1000)
  return {
    now_us(): number {
      const wall_us = Math.round(wall_ms() * 1000)
      const ahead_us = wall_us - monotonic_us()
      // A millisecond clock lags its own truth by up to 1,000 us: only a real step counts.
      if (ahead_us > 2_000) base_us += ahead_us
      return monotonic_us()
    },
    skew_us: () => Math.round(wall_ms() * 1000) - monotonic_us(),
  }
}
