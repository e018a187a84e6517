/**
 * While nothing is under way: where may a match begin? Only speed depends on it, never the result; what
 * it lets through, the automaton decides.
 *
 * `compile/filter.ts` has three groups of beginnings, with 3, 5 and 8 bits. Bit k of a group in a pair's
 * entry says that the pair may stand as bytes k and k+1; runs of pairs are followed by shift-and.
 */
import { filter } from './tables'

const first_bits: u32 = 0x0109
const last_bits: u32 = 0x8084
/** A beginning that is ruled out is ruled out by at most so many bytes. */
export const reach: usize = 9

/** First position in [p, end) at which a match may begin. */
export function skip(p: usize, end: usize): usize {
  let run: u32 = 0
  const last = end - 1
  for (let q = p; q < last; q++) {
    run = ((run << 1) | first_bits) & pair(q)
    if ((run & last_bits) != 0) return q - deepest(run)
  }
  // What is still possible began before the last pair; and the last byte is in no pair.
  return run != 0 ? last - 1 - deepest(run) : last
}

/** The same for one position: false only when what begins at `p` would end within the window. */
// @ts-ignore: decorator
@inline
export function mayBegin(p: usize, end: usize): bool {
  if (p + 1 == end) return true
  const run = pair(p) & first_bits
  return run != 0 && mayGoOn(run, p + 1, end)
}

function mayGoOn(run_: u32, p: usize, end: usize): bool {
  let run = run_
  for (let q = p; q + 1 < end; q++) {
    run = (run << 1) & pair(q)
    if (run == 0) return false
    if ((run & last_bits) != 0) return true
  }
  return true
}

// @ts-ignore: decorator
@inline
function pair(q: usize): u32 {
  return load<u16>(filter + (<usize>load<u16>(q) << 1))
}

/** How many pairs ago the oldest run in `run` began. */
function deepest(run: u32): usize {
  const short = run & 0x0007
  const middle = (run >>> 3) & 0x001f
  const long = run >>> 8
  // The highest bit of any group is the highest of all three laid over each other.
  return 31 - clz<u32>(short | middle | long)
}
