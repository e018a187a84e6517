/**
 * How much output may be in flight: much for bulk alone, little while anybody types, because their echo
 * waits its turn behind it. One for all sessions of a process.
 *
 * @module
 */
import { in_flight_bytes_alone, in_flight_bytes_beside_typing, typing_ms } from '../core/limits.ts'

export interface Flight {
  /** Somebody typed, in whichever session. */
  typed(): void
  /** Bytes per session: the target is paused above, and resumed below half. */
  readonly bytes_max: number
}

/** `now_ms`: monotonic milliseconds. */
export function createFlight(now_ms: () => number): Flight {
  let typed_ms = Number.NEGATIVE_INFINITY
  return {
    typed() {
      typed_ms = now_ms()
    },
    get bytes_max() {
      return now_ms() - typed_ms < typing_ms ? in_flight_bytes_beside_typing : in_flight_bytes_alone
    },
  }
}
