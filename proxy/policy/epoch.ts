/**
 * When an answer of policy could be another one: with each policy, and with each hour, of which policy may speak.
 *
 * @module
 */

/** Of all policies of the process, so that none has the number of another. */
let epochs = 0

const hour_ms = 3_600_000

export function createEpochs(): { of(now_ms: number): number } {
  let hour = Number.NaN
  let epoch = 0
  return {
    of(now_ms) {
      const now = Math.floor(now_ms / hour_ms)
      if (now !== hour) {
        hour = now
        epoch = ++epochs
      }
      return epoch
    },
  }
}
