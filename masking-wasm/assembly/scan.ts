/**
 * Where may a match begin? Only speed depends on it, never the result; what it lets through, the
 * automaton decides.
 *
 * `compile/filter.ts` has runs of pairs: bit k of a run in a pair's entry says that the pair may be the
 * run's k-th. They are followed by shift-and, two bytes a step, in four places at once, each in a vector of
 * its own: one alone only waits for itself. What has come to a run's end is looked at row by row.
 */
import { addWords, findLandmarks } from './landmarks'
import { take } from './memory'
import { class_of, classes, filter, stream_start } from './tables'

/** A beginning that is ruled out is ruled out by at most so many bytes. */
export const reach: usize = 13
/** Of those so many are looked at at once, and the others where these fit. */
const near: usize = 9

/** Sections of the filter: five vectors of bits, then by classes of bytes pairs, then rows. */
const pairs_at: usize = 80
const rows: usize = 1 + reach

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
/** What is noted stands up to so many places before {@link block}, or behind what was looked at. */
const margin: usize = 16

/** Only what can go over the end of a line is asked for. */
let crossing_only: bool = false
/** Where the bits stand that end a run, and those of the groups of beginnings that count. */
let last_bits: usize = 0
let asked: usize = 0

/** Steps with which runs have come to their ends: what is followed in each lane, then the place in the first. */
let arrived: usize = 0
const arrived_power: usize = 7
const arrived_bytes: usize = 1 << arrived_power
/** With many such steps it is better not to guess which they are; with one in so many of the block before. */
const often_of: usize = 8
let is_often: bool = false

/**
 * The filter's pairs and rows by bytes, not classes, and at an address that is known when the module is compiled: two loads and an
 * addition less for each.
 */
const pair_words: usize = memory.data(65536 * 16, 16)
const row_words: usize = memory.data(14 * 4160, 16)

/** Not a power of two: the rows of one byte would share one set of the processor's cache. */
const row_bytes: usize = 4160

export function initScan(): bool {
  for (let second: usize = 0; second < 256; second++)
    for (let first: usize = 0; first < 256; first++) {
      const pair = <usize>load<u8>(class_of + first) * classes + load<u8>(class_of + second)
      v128.store(pair_words + ((first | (second << 8)) << 4), v128.load(filter + pairs_at + (pair << 4)))
    }
  const from = filter + pairs_at + ((<usize>classes * classes) << 4)
  for (let row: usize = 0; row < rows; row++)
    for (let byte: usize = 0; byte < 256; byte++) {
      const at = row * classes + load<u8>(class_of + byte)
      v128.store(row_words + row * row_bytes + (byte << 4), v128.load(from + (at << 4)))
    }
  places = take(places_bytes + margin) + margin
  arrived = take(((lane_bytes_max + ahead + behind) / 2 + 2) * arrived_bytes)
  return places != margin && arrived != 0
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
  const word = places + ((at >>> 6) << 3)
  const rest = load<u64>(word) >>> (at & 63)
  if (rest != 0) return min(end, p + <usize>ctz<u64>(rest))
  const quiet = p + 64 - (at & 63)
  return min(end, quiet < block_end ? quiet + <usize>ctz<u64>(load<u64>(word, 8)) : quiet)
}

/** Does nothing begin in [from, to), which are few? False also where nobody has looked yet. */
// @ts-ignore: decorator
@inline
export function isKnownQuiet(from: usize, to: usize): bool {
  if (to > block_end) return false
  const at = from - block
  const rest = load<u64>(places + (at >>> 3)) >>> (at & 7)
  return (rest & (((<u64>1) << (to - from)) - 1)) == 0
}

/** Looks at the places from `p` on. */
function look(p: usize, end: usize): void {
  block = p
  last_bits = filter + (crossing_only ? 32 : 16)
  asked = filter + (crossing_only ? 48 : 64)
  const known = end - p
  const marks = places + min(places_bytes, ((known >>> 6) << 3) + 16)
  for (let at = places - 8; at < marks; at += 8) store<u64>(at, 0)
  // A run must not look at what is not there yet; and a step is two bytes.
  const lane = known > behind ? min(lane_bytes_max, ((known - behind) >>> 2) & ~1) : 0
  if (lane == lane_bytes_max) {
    block_end = p + block_bytes
    followLanes(p, lane_bytes_max, end)
    if (!crossing_only) addWords(places, p, block_bytes)
    return
  }
  block_end = end
  let rest = p
  if (lane >= lane_bytes_min) {
    followLanes(p, lane, end)
    rest = p + 4 * lane
  }
  const groups = v128.load(asked)
  for (; rest + near <= end; rest++) mark(rest, fits(rest, end, groups))
  if (known >= last_places) markLast(end, groups)
  else for (; rest < end; rest++) mark(rest, fitsSoFar(rest, end))
  if (!crossing_only) addWords(places, p, end - p)
}

/** Looks at the four times `lane` places from `p` on; of what may begin there the {@link near} bytes are in the window. */
function followLanes(p: usize, lane: usize, end: usize): void {
  const ends = is_often && lane == lane_bytes_max ? follow(p, lane, true) : follow(p, lane, false)
  is_often = ((ends - arrived) >>> arrived_power) * often_of > lane >>> 1
  if (ends == arrived) return
  const last = v128.load(last_bits)
  const groups = v128.load(asked)
  // What is printed over and over is looked at once: the same bytes again have the same answer.
  let known = v128.load(p - 1)
  let known_fits = <u32>fits(p, end, groups)
  const far_end = end - reach
  for (let at = arrived; at < ends; at += arrived_bytes) {
    const first = load<u32>(at, 64) - <u32>behind
    // Nearly always it is one. To look at a place twice, if two runs come to their ends for it, costs less than to note it first.
    for (let begins = beginsOf(at, last); begins != 0; begins &= begins - 1) {
      const which = ctz<u32>(begins)
      const begin = <usize>(first + (which & 7)) + <usize>(which >>> 3) * lane
      const bit = begin + (margin << 3) - p
      const byte = places - margin + (bit >>> 3)
      const bytes = v128.load(begin - 1)
      if (begin > far_end || v128.any_true(v128.xor(bytes, known))) {
        known = bytes
        known_fits = <u32>fits(begin, end, groups)
      }
      store<u8>(byte, <u32>load<u8>(byte) | (known_fits << (<u32>bit & 7)))
    }
  }
  // Of the last places that were looked at, those behind them begin beyond.
  const past = places + ((4 * lane) >>> 3)
  store<u64>(past, load<u64>(past) & (((<u64>1) << ((4 * lane) & 7)) - 1))
}

/**
 * Where what has come to its end begins: eight bits for each lane, one for each place from {@link behind} before that end on. Sixteen bits of
 * what is followed are four runs, which end at bits 4, 9, 12 and 15 and begin 7, 6, 4 and 3 places before (`compile/filter.ts`).
 */
// @ts-ignore: decorator
@inline
function beginsOf(at: usize, last: v128): u32 {
  const run0 = v128.and(v128.load(at), last)
  const run1 = v128.and(v128.load(at, 16), last)
  const run2 = v128.and(v128.load(at, 32), last)
  const run3 = v128.and(v128.load(at, 48), last)
  // All parts of a lane one upon the other, until the lanes are 32 bits each.
  const low = v128.or(v128.shuffle<i64>(run0, run1, 0, 2), v128.shuffle<i64>(run0, run1, 1, 3))
  const high = v128.or(v128.shuffle<i64>(run2, run3, 0, 2), v128.shuffle<i64>(run2, run3, 1, 3))
  const both = v128.or(v128.shuffle<i32>(low, high, 0, 2, 4, 6), v128.shuffle<i32>(low, high, 1, 3, 5, 7))
  const runs = v128.or(both, i32x4.shr_u(both, 16))
  const begins = v128.or(
    v128.or(beginOf(runs, 3, 2), beginOf(runs, 7, 4)),
    v128.or(beginOf(runs, 8, 16), beginOf(runs, 10, 32)),
  )
  return i32x4.extract_lane(v128.shuffle<u8>(begins, begins, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12), 0)
}

// @ts-ignore: decorator
@inline
function beginOf(runs: v128, shift: i32, bit: i32): v128 {
  return v128.and(i32x4.shr_u(runs, shift), i32x4.splat(bit))
}

/** Lists the steps with which runs have come to their ends; returns the list's end. `often`: they cannot be guessed. */
// @ts-ignore: decorator
@inline
function follow(p: usize, lane: usize, often: bool): usize {
  const first_bits = v128.load(filter)
  const ends = v128.load(last_bits)
  const last = p + lane + behind
  let at = arrived
  let run0 = i64x2.splat(0)
  let run1 = run0
  let run2 = run0
  let run3 = run0
  for (let q = p - ahead; q < last; q += 2) {
    run0 = stepRuns(run0, first_bits, q)
    run1 = stepRuns(run1, first_bits, q + lane)
    run2 = stepRuns(run2, first_bits, q + 2 * lane)
    run3 = stepRuns(run3, first_bits, q + 3 * lane)
    const arrives = v128.any_true(v128.and(v128.or(v128.or(run0, run1), v128.or(run2, run3)), ends))
    if (often || arrives) {
      v128.store(at, run0)
      v128.store(at, run1, 16)
      v128.store(at, run2, 32)
      v128.store(at, run3, 48)
      store<u32>(at, q, 64)
      at += <usize>arrives << arrived_power
    }
  }
  return at
}

/** To add to itself is to shift by one, which takes the machine less. No run goes over the vector's middle. The table's address stands in the load. */
// @ts-ignore: decorator
@inline
function stepRuns(run: v128, first_bits: v128, q: usize): v128 {
  return v128.and(v128.or(i64x2.add(run, run), first_bits), v128.load(<usize>load<u16>(q) << 4, pair_words))
}

/**
 * Do the byte before `p` and those from `p` on fit some group of beginnings? All {@link near} rows at once: to ask after
 * each costs a wrong guess of the processor nearly every time. The others are asked where that is not enough, if they are in the window.
 */
// @ts-ignore: decorator
@inline
function fits(p: usize, end: usize, asked: v128): bool {
  // Written out, since then the addresses of the rows stand in the loads.
  const q = p - 1
  const row0 = v128.load(<usize>load<u8>(q) << 4, row_words)
  const row1 = v128.load(<usize>load<u8>(q, 1) << 4, row_words + row_bytes)
  const row2 = v128.load(<usize>load<u8>(q, 2) << 4, row_words + 2 * row_bytes)
  const row3 = v128.load(<usize>load<u8>(q, 3) << 4, row_words + 3 * row_bytes)
  const row4 = v128.load(<usize>load<u8>(q, 4) << 4, row_words + 4 * row_bytes)
  const row5 = v128.load(<usize>load<u8>(q, 5) << 4, row_words + 5 * row_bytes)
  const row6 = v128.load(<usize>load<u8>(q, 6) << 4, row_words + 6 * row_bytes)
  const row7 = v128.load(<usize>load<u8>(q, 7) << 4, row_words + 7 * row_bytes)
  const row8 = v128.load(<usize>load<u8>(q, 8) << 4, row_words + 8 * row_bytes)
  const row9 = v128.load(<usize>load<u8>(q, 9) << 4, row_words + 9 * row_bytes)
  const first = v128.and(v128.and(row0, row1), v128.and(row2, row3))
  const second = v128.and(v128.and(row4, row5), v128.and(row6, row7))
  const third = v128.and(v128.and(row8, row9), asked)
  const groups = v128.and(v128.and(first, second), third)
  return v128.any_true(groups) && (p + reach > end || fitsFar(p, groups))
}

function fitsFar(p: usize, groups: v128): bool {
  const far = v128.and(v128.and(groupsOf(p, 10), groupsOf(p, 11)), v128.and(groupsOf(p, 12), groupsOf(p, 13)))
  return v128.any_true(v128.and(groups, far))
}

/** The same as far as they are there. Hardly anything gets past three rows. */
function fitsSoFar(p: usize, end: usize): bool {
  let groups = v128.and(v128.load(asked), v128.and(groupsOf(p, 0), groupsOf(p, 1)))
  if (p + 2 > end) return v128.any_true(groups)
  groups = v128.and(groups, groupsOf(p, 2))
  for (let row: usize = 3; v128.any_true(groups) && p + row <= end && row <= near; row++) groups = v128.and(groups, groupsOf(p, row))
  return v128.any_true(groups)
}

/** Places that do not have all of their {@link near} bytes in the window. */
const last_places: usize = near - 1

/**
 * The last places of the window, of which so much is looked at as is known, four bytes at most: what is left is soon followed. Nothing is asked
 * before all are done, as no answer can be guessed.
 */
function markLast(end: usize, groups: v128): void {
  const p = end - last_places
  const bits =
    fitsIn(p, 4, groups) | (fitsIn(p + 1, 4, groups) << 1) | (fitsIn(p + 2, 4, groups) << 2) | (fitsIn(p + 3, 4, groups) << 3) |
    (fitsIn(p + 4, 4, groups) << 4) | (fitsIn(p + 5, 3, groups) << 5) | (fitsIn(p + 6, 2, groups) << 6) | (fitsIn(p + 7, 1, groups) << 7)
  const word = places + ((p - block) >>> 3)
  store<u16>(word, <u32>load<u16>(word) | (bits << (<u32>(p - block) & 7)))
}

/** {@link fits} of that many bytes. */
// @ts-ignore: decorator
@inline
function fitsIn(p: usize, bytes: i32, groups: v128): u32 {
  let all = v128.and(groups, v128.and(groupsOf(p, 0), groupsOf(p, 1)))
  if (bytes > 1) all = v128.and(all, groupsOf(p, 2))
  if (bytes > 2) all = v128.and(all, groupsOf(p, 3))
  if (bytes > 3) all = v128.and(all, groupsOf(p, 4))
  return <u32>v128.any_true(all)
}

/** A bit for each group of beginnings that may have at `row` what stands there; row 0 is before `p`. */
// @ts-ignore: decorator
@inline
function groupsOf(p: usize, row: usize): v128 {
  return v128.load(row_words + row * row_bytes + (<usize>load<u8>(p + row - 1) << 4))
}

// @ts-ignore: decorator
@inline
function mark(p: usize, may_begin: bool): void {
  const word = places + ((p - block) >>> 3)
  store<u8>(word, <u32>load<u8>(word) | (<u32>may_begin << (<u32>(p - block) & 7)))
}
