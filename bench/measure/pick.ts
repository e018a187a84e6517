/**
 * Seeded choices: the same in every run, and enough to vary a text.
 *
 * @module
 */

/** One of 0 to `bound` - 1. */
export type Pick = (bound: number) => number

/** xorshift32; `state` is not 0. */
export function picker(state: number): Pick {
  let now = state
  return (bound) => {
    now ^= now << 13
    now ^= now >>> 17
    now ^= now << 5
    now >>>= 0
    return now % bound
  }
}

/** By a small number, as 0 and 1 are far from each other so. */
export const seededPicker = (seed: number): Pick => picker((seed * 2_654_435_761 + 12_345) >>> 0)
