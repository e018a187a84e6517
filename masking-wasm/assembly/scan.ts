/**
 * Where may a match begin? Only speed depends on it, never the result; what it lets through, the
 * automaton decides.
 *
 * `compile/filter.ts` has runs of pairs: bit k of a run in a pair's entry says that the pair may be the
 * run's k-th. They are followed by shift-and, two bytes a step, in four places at once, each in a lane of
 * a vector: one alone only waits for itself. What has come to a run's end is looked at row by row.
 */
import { addWords, findLandmarks } from './landmarks'
import { take } from './memory'
import { filter, stream_start } from './tables'

/** A beginning that is ruled out is ruled out by at most so many bytes. */
export const reach: usize = 9

/** Sections of the filter: four words of bits, then by bit the way back, then pairs, then rows. */
const back_at: usize = 32
const pairs_at: usize = 96
const rows_at: usize = pairs_at + 65536 * 8

/** What one of the four lanes follows at most. */
const lane_bytes_max: usize = 512
/** Fewer than this are soonest looked at one by one. */
const lane_bytes_min: usize = 4
const block_bytes: usize = 4 * lane_bytes_max
/** The first pair of a run is at most so far before the beginning, and the last so far behind. */
const ahead: usize = 2
const behind: usize = 8

/** Places that were looked at, [block, block_end), and where in it something may begin, a bit each. */
let block: usize = 0
let block_end: usize = 0
let places: usize = 0
const places_bytes: usize = (block_bytes + 64) / 8

/** Only what can go over the end of a line is asked for. */
let crossing_only: bool = false
/** Which bits end a run, and which groups of beginnings count. */
let last_bits: u64 = 0
let asked: u64 = 0

/** Where runs have come to their ends in a block: their bits, then the place. */
let arrived: usize = 0
const arrived_bytes: usize = 16

/** The filter's pairs and rows at an address that is known when the module is compiled: an addition less for each. */
const pair_words: usize = memory.data(65536 * 8, 16)
const row_words: usize = memory.data(10 * 2048, 16)

export function initScan(): bool {
  memory.copy(pair_words, filter + pairs_at, 65536 * 8)
  memory.copy(row_words, filter + rows_at, 10 * 2048)
  places = take(places_bytes)
  arrived = take((2 * (lane_bytes_max + ahead + behind) + 4) * arrived_bytes)
  return places != 0 && arrived != 0
}

/** What was looked at for another question is forgotten. */
export function askFor(crossing: bool): void {
  if (crossing == crossing_only) return
  crossing_only = crossing
  block_end = 0
}

/** Before the first question about the bytes from `from` on, which stand after `before`. */
export function beginScan(from: usize, end: usize, before: u32): void {
  // Of a stream that holds nothing, the byte before is not in memory.
  if (before != stream_start) store<u8>(from - 1, before)
  findLandmarks(from, end, before)
  if (from < end) look(from, end)
  // No byte is before it, and the rows know only bytes.
  if (before == stream_start && from < end) mark(from, true)
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
  last_bits = crossing_only ? load<u64>(filter, 16) : load<u64>(filter, 8)
  asked = crossing_only ? load<u64>(filter, 24) : ~0
  const known = end - p
  const marks = places + min(places_bytes, ((known >>> 6) << 3) + 16)
  for (let at = places; at < marks; at += 8) store<u64>(at, 0)
  // A run must not look at what is not there yet; and a step is two bytes.
  const lane = known > behind ? min(lane_bytes_max, ((known - behind) >>> 2) & ~1) : 0
  if (lane == lane_bytes_max) {
    block_end = p + block_bytes
    followLanes(p, lane_bytes_max)
    if (!crossing_only) addWords(places, p, block_bytes)
    return
  }
  block_end = end
  let rest = p
  if (lane >= lane_bytes_min) {
    followLanes(p, lane)
    rest = p + 4 * lane
  }
  for (; rest < end; rest++) mark(rest, fitsSoFar(rest, end))
  if (!crossing_only) addWords(places, p, end - p)
}

/** Looks at the four times `lane` places from `p` on; what may begin there is in the window by its {@link reach}. */
function followLanes(p: usize, lane: usize): void {
  const ends = follow(p, lane)
  for (let at = arrived; at < ends; at += arrived_bytes) {
    const q: usize = load<u32>(at, 8)
    let bits = load<u64>(at)
    // Nearly always it is one.
    do {
      const begin = q - load<u8>(filter + back_at + <usize>ctz<u64>(bits))
      if (begin - p < 4 * lane) mark(begin, fits(begin))
      bits &= bits - 1
    } while (bits != 0)
  }
}

/** Lists where runs have come to their ends; returns the list's end. */
function follow(p: usize, lane: usize): usize {
  const first_bits = load<u64>(filter)
  const ends = last_bits
  const last = p + lane + behind
  let at = arrived
  let run0: u64 = 0
  let run1: u64 = 0
  let run2: u64 = 0
  let run3: u64 = 0
  for (let q = p - ahead; q < last; q += 2) {
    run0 = ((run0 << 1) | first_bits) & load<u64>(pair_words + (<usize>load<u16>(q) << 3))
    run1 = ((run1 << 1) | first_bits) & load<u64>(pair_words + (<usize>load<u16>(q + lane) << 3))
    run2 = ((run2 << 1) | first_bits) & load<u64>(pair_words + (<usize>load<u16>(q + 2 * lane) << 3))
    run3 = ((run3 << 1) | first_bits) & load<u64>(pair_words + (<usize>load<u16>(q + 3 * lane) << 3))
    if (((run0 | run1 | run2 | run3) & ends) != 0) {
      // Which of the four it is cannot be guessed, so nothing here depends on a guess.
      at = arrive(at, run0 & ends, q)
      at = arrive(at, run1 & ends, q + lane)
      at = arrive(at, run2 & ends, q + 2 * lane)
      at = arrive(at, run3 & ends, q + 3 * lane)
    }
  }
  return at
}

// @ts-ignore: decorator
@inline
function arrive(at: usize, bits: u64, place: usize): usize {
  store<u64>(at, bits)
  store<u32>(at, place, 8)
  return at + (<usize>(bits != 0) << 4)
}

/**
 * Do the byte before `p` and those from `p` on fit some group of beginnings? All rows at once: to ask after
 * each costs a wrong guess of the processor nearly every time.
 */
function fits(p: usize): bool {
  const some = groupsOf(p, 0) & groupsOf(p, 1) & groupsOf(p, 2) & groupsOf(p, 3) & groupsOf(p, 4)
  const others = groupsOf(p, 5) & groupsOf(p, 6) & groupsOf(p, 7) & groupsOf(p, 8) & groupsOf(p, 9)
  return (some & others & asked) != 0
}

/** The same as far as they are there. Hardly anything gets past three rows. */
function fitsSoFar(p: usize, end: usize): bool {
  let groups = asked & groupsOf(p, 0) & groupsOf(p, 1)
  if (p + 2 > end) return groups != 0
  groups &= groupsOf(p, 2)
  for (let row: usize = 3; groups != 0 && p + row <= end && row <= reach; row++) groups &= groupsOf(p, row)
  return groups != 0
}

/** A bit for each group of beginnings that may have at `row` what stands there; row 0 is before `p`. */
// @ts-ignore: decorator
@inline
function groupsOf(p: usize, row: usize): u64 {
  return load<u64>(row_words + (row << 11) + (<usize>load<u8>(p + row - 1) << 3))
}

// @ts-ignore: decorator
@inline
function mark(p: usize, may_begin: bool): void {
  const word = places + ((p - block) >>> 3)
  store<u8>(word, <u32>load<u8>(word) | (<u32>may_begin << (<u32>(p - block) & 7)))
}
