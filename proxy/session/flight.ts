/**
 * How much may be in flight, either way: much for bulk alone, little while anybody types, because their echo
 * waits its turn behind it. One for all sessions of a process.
 *
 * @module
 */
import {
  in_flight_bytes_alone,
  in_flight_bytes_beside,
  in_flight_bytes_typing,
  typing_ms,
} from '../core/limits.ts'

export interface Flight {
  /** Somebody typed, in whichever session. */
  typed(): void
  /** Bytes of one of so many channels of a session: who sends them is paused above, and resumed below half. */
  bytes_max(channels: number): number
}

/** `now_ms`: monotonic milliseconds. */
export function createFlight(now_ms: () => number): Flight {
  let typed_ms = Number.NEGATIVE_INFINITY
  return {
    typed() {
      typed_ms = now_ms()
    },
    bytes_max(channels) {
      if (now_ms() - typed_ms < typing_ms) return in_flight_bytes_typing
      return channels > 1 ? in_flight_bytes_beside : in_flight_bytes_alone
    },
  }
}
