/**
 * The filter that finds where a match may begin while none is under way: for each pair of neighbouring
 * bytes one bit per depth, "some thread reads this pair as its k-th and k+1-th byte". It may only be
 * too generous; the automaton decides.
 *
 * @module
 */
import type { Dfa } from './dfa.ts'
import { flag } from './tables.ts'

/** Pairs looked at: a candidate is a run of five bytes that fits. Known to `assembly/scan.ts`. */
export const filter_depth = 4

export function filterOf(dfa: Dfa, flags: Uint8Array): Uint8Array {
  const { classes } = dfa
  const pairs = new Uint8Array(classes * classes)
  let depth_states = new Set<number>([...dfa.pattern_start, ...dfa.context_start])
  depth_states.delete(0)
  for (let depth = 0; depth < filter_depth; depth++) {
    const bit = 1 << depth
    const following = new Set<number>()
    for (const state of depth_states) {
      for (let first = 0; first < classes; first++) {
        const middle = dfa.next[state * classes + first] ?? 0
        if (middle === 0) continue
        following.add(middle)
        const row = first * classes
        if (settles(dfa, flags, middle)) {
          // It has matched after one byte, so whatever comes next and later must not rule it out.
          for (let second = 0; second < classes; second++) pairs[row + second] = (pairs[row + second] ?? 0) | bit
          for (let later = depth + 1; later < filter_depth; later++)
            for (let pair = 0; pair < pairs.length; pair++) pairs[pair] = (pairs[pair] ?? 0) | (1 << later)
          continue
        }
        for (let second = 0; second < classes; second++)
          if (dfa.next[middle * classes + second] !== 0) pairs[row + second] = (pairs[row + second] ?? 0) | bit
      }
    }
    depth_states = following
  }
  const filter = new Uint8Array(65_536)
  for (let first = 0; first < 256; first++) {
    const row = (dfa.class_of[first] ?? 0) * classes
    // Indexed as the module loads it: two neighbouring bytes as one little-endian number.
    for (let second = 0; second < 256; second++)
      filter[first | (second << 8)] = pairs[row + (dfa.class_of[second] ?? 0)] ?? 0
  }
  return filter
}

function settles(dfa: Dfa, flags: Uint8Array, state: number): boolean {
  return ((flags[state] ?? 0) & (flag.now | flag.later)) !== 0 || dfa.spawn[state] !== 0
}
