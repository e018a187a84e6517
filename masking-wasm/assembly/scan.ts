/**
 * While nothing is under way: where may a match begin? Only speed depends on it, never the result; what
 * it lets through, the automaton decides.
 */
import { filter } from './tables'

/** `compile/filter.ts`'s depth: bit k of a pair's entry says that it may be read as bytes k and k+1. */
const depth: usize = 4
/** Bytes that decide whether a match may begin. */
export const reach: usize = depth + 1
const fits: u32 = 1 << (<u32>depth - 1)

/**
 * First position in [p, end) at which a match may begin, `end` when there is none. A run of pairs is
 * followed by shift-and. The last positions of the window have too few bytes after them, so they fit.
 */
export function skip(p: usize, end: usize): usize {
  if (end - p <= depth) return p
  let run: u32 = 0
  const last = end - 1
  for (let q = p; q < last; q++) {
    run = ((run << 1) | 1) & load<u8>(filter + load<u16>(q))
    if ((run & fits) != 0) return q - (depth - 1)
  }
  return end - depth
}

/** The same question for one position: false only when a thread that began at `p` would die in the window. */
// @ts-ignore: decorator
@inline
export function mayBegin(p: usize, end: usize): bool {
  if (p + reach > end) return true
  if ((load<u8>(filter + load<u16>(p)) & 1) == 0) return false
  return (
    (load<u8>(filter + load<u16>(p, 1)) & 2) != 0 &&
    (load<u8>(filter + load<u16>(p, 2)) & 4) != 0 &&
    (load<u8>(filter + load<u16>(p, 3)) & 8) != 0
  )
}
