/**
 * Where may a match begin? Only speed depends on it, never the result; what it lets through, the
 * automaton decides.
 *
 * `compile/filter.ts` has five groups of beginnings. Bit k of a group in a pair's entry says that the
 * pair may stand as bytes k and k+1; in the last two groups k counts from the byte before the beginning.
 * Runs of pairs are followed by shift-and, in four places at once: one alone only waits for itself.
 */
import { take } from './memory'
import { filter, stream_start } from './tables'

const first_bits: u32 = 0x01008109
const last_bits: u32 = 0x80804084
/** A beginning that is ruled out is ruled out by at most so many bytes. */
export const reach: usize = 9

/** What one of the four follows. */
const lane_bytes: usize = 128
const block_bytes: usize = 4 * lane_bytes
/** Pairs of a beginning that lie behind it. */
const behind: usize = reach - 1

/** Places that were looked at, [block, block_end), and where in it something may begin, a bit each. */
let block: usize = 0
let block_end: usize = 0
let places: usize = 0
const places_bytes: usize = (block_bytes + 64) / 8

export function initScan(): bool {
  places = take(places_bytes)
  return places != 0
}

/** Before the first question about the bytes from `from` on, which stand after `before`. */
export function beginScan(from: usize, end: usize, before: u32): void {
  // Of a stream that holds nothing, the byte before is not in memory.
  if (before != stream_start) store<u8>(from - 1, before)
  if (from < end) look(from, end)
  // No byte is before it, and the pairs know only bytes.
  if (before == stream_start) mark(from)
}

/** First position in [p, end) at which a match may begin, or `end`. Positions may only grow. */
export function skip(p_: usize, end: usize): usize {
  let p = p_
  while (p < end) {
    if (p >= block_end) look(p, end)
    const at = p - block
    const rest = load<u64>(places + ((at >>> 6) << 3)) >>> (at & 63)
    if (rest != 0) return p + <usize>ctz<u64>(rest)
    p += 64 - (at & 63)
  }
  return end
}

/** The same for one position: false only when what begins at `p` would end within the window. */
// @ts-ignore: decorator
@inline
export function mayBegin(p: usize, end: usize): bool {
  if (p >= block_end) look(p, end)
  const at = p - block
  return ((<u32>load<u8>(places + (at >>> 3)) >>> (<u32>at & 7)) & 1) != 0
}

/** A position in [p, end] such that nothing begins from `p` up to it. Not the last such, but found soon. */
// @ts-ignore: decorator
@inline
export function quietUntil(p: usize, end: usize): usize {
  if (p >= block_end) look(p, end)
  const at = p - block
  const rest = load<u64>(places + ((at >>> 6) << 3)) >>> (at & 63)
  return min(end, p + (rest != 0 ? <usize>ctz<u64>(rest) : 64 - (at & 63)))
}

/** Looks at the places from `p` on. */
function look(p: usize, end: usize): void {
  block = p
  memory.fill(places, 0, places_bytes)
  if (end - p >= block_bytes + reach) {
    block_end = p + block_bytes
    lookAtLanes(p)
  } else {
    block_end = end
    lookAtRest(p, end)
  }
}

function lookAtLanes(p: usize): void {
  let one: u32 = 0
  let two: u32 = 0
  let three: u32 = 0
  let four: u32 = 0
  const last = p + lane_bytes + behind - 1
  for (let q = p - 1; q < last; q++) {
    one = ((one << 1) | first_bits) & pair(q)
    two = ((two << 1) | first_bits) & pair(q + lane_bytes)
    three = ((three << 1) | first_bits) & pair(q + 2 * lane_bytes)
    four = ((four << 1) | first_bits) & pair(q + 3 * lane_bytes)
    if (((one | two | three | four) & last_bits) != 0) {
      markAll(one & last_bits, q)
      markAll(two & last_bits, q + lane_bytes)
      markAll(three & last_bits, q + 2 * lane_bytes)
      markAll(four & last_bits, q + 3 * lane_bytes)
    }
  }
}

/** Up to the window's end: what is still possible there may begin. */
function lookAtRest(p: usize, end: usize): void {
  let run: u32 = 0
  const last = end - 1
  for (let q = p - 1; q < last; q++) {
    run = ((run << 1) | first_bits) & pair(q)
    if ((run & last_bits) != 0) markAll(run & last_bits, q)
  }
  markAll(run, last - 1)
  // In no pair with what follows.
  mark(last)
}

// @ts-ignore: decorator
@inline
function pair(q: usize): u32 {
  return load<u32>(filter + (<usize>load<u16>(q) << 2))
}

/** Marks where that began of which these bits were reached with the pair at `q`. */
function markAll(bits: u32, q: usize): void {
  for (let rest = bits; rest != 0; rest &= rest - 1) {
    const bit = ctz<u32>(rest)
    // The bit of the pair of the first byte and the second.
    const first: u32 = bit < 3 ? 0 : bit < 8 ? 3 : bit < 15 ? 8 : bit < 24 ? 16 : 25
    mark(q - bit + first)
  }
}

/** A place may be marked that is in front of the block or behind it; it is asked for in another. */
function mark(p: usize): void {
  const at = p - block
  if (at >= block_bytes + 64) return
  const word = places + (at >>> 3)
  store<u8>(word, <u32>load<u8>(word) | (1 << (<u32>at & 7)))
}
