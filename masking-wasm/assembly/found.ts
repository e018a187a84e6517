/**
 * What the readings found in bytes that have not left: spans as addresses, put in order and joined where they overlap. The one
 * that begins first gives the name, then the longest, then the first reading's.
 */
import { not_masked } from './fates'
import { take } from './memory'
import { held_bytes_max, piece_bytes_max } from './screen-limits'

/** start u32 @0, end @4, end of the match that gives the label @8, rule u16 @12, reading u16 @14. */
const found_bytes: usize = 16
/** Joined there are never more than bytes. */
const found_max: usize = 2 * (held_bytes_max + piece_bytes_max)
let found: usize = 0
let other: usize = 0
let first: usize = 0
let end: usize = 0
/** Up to here they are in order, and without overlap. */
let joined_end: usize = 0

export function initFound(): bool {
  found = take((found_max + 1) * found_bytes)
  other = take((found_max + 1) * found_bytes)
  return found != 0 && other != 0
}

export function clearFound(): void {
  first = found
  end = found
  joined_end = found
}

export function foundBytes(): usize {
  joinFound()
  return end - first
}

/** Addresses are kept as distances from `base`. */
export function saveFound(at: usize, base: usize): usize {
  let to = at
  for (let span = first; span < end; span += found_bytes, to += found_bytes) {
    for (let i: usize = 0; i < 12; i += 4) store<u32>(to + i, load<u32>(span + i) - <u32>base)
    store<u32>(to, load<u32>(span, 12), 12)
  }
  return to
}

export function loadFound(at: usize, bytes: usize, base: usize): usize {
  for (let span: usize = 0; span < bytes; span += found_bytes) {
    for (let i: usize = 0; i < 12; i += 4) store<u32>(found + span + i, load<u32>(at + span + i) + <u32>base)
    store<u32>(found + span, load<u32>(at + span, 12), 12)
  }
  first = found
  end = found + bytes
  joined_end = end
  return at + bytes
}

/** The reading of that number found `rule` in [from, to). */
export function pushFound(from: usize, to: usize, rule: u32, reading: u32): void {
  if (end == found + found_max * found_bytes) joinFound()
  store<u32>(end, <u32>from)
  store<u32>(end, <u32>to, 4)
  store<u32>(end, <u32>to, 8)
  store<u16>(end, <u16>rule, 12)
  store<u16>(end, <u16>reading, 14)
  end += found_bytes
}

/** The first one; its address, 0 when there is none that begins before `limit`. */
export function firstFound(limit: usize): usize {
  return first < end && load<u32>(first) < <u32>limit ? first : 0
}

export function dropFirstFound(): void {
  first += found_bytes
}

/** Where the one begins that `limit` is within, or `limit`. All are joined. */
export function openFound(limit: usize): usize {
  for (let span = first; span < end && load<u32>(span) < <u32>limit; span += found_bytes)
    if (load<u32>(span, 4) > <u32>limit) return load<u32>(span)
  return limit
}

/** The rule of what was found at `at`. Those are asked that are joined. */
export function ruleFoundAt(at: usize): u32 {
  for (let span = first; span < joined_end && load<u32>(span) <= <u32>at; span += found_bytes)
    if (<u32>at < load<u32>(span, 4)) return load<u16>(span, 12)
  return not_masked
}

/** Puts what was found in order, and makes one of what overlaps. */
export function joinFound(): void {
  if (joined_end == end) return
  sort()
  let last: usize = 0
  let to = found
  for (let span = first; span < end; span += found_bytes) {
    if (last != 0 && load<u32>(span) < load<u32>(last, 4)) {
      store<u32>(last, max(load<u32>(last, 4), load<u32>(span, 4)), 4)
      continue
    }
    last = to
    store<u64>(to, load<u64>(span))
    store<u64>(to, load<u64>(span, 8), 8)
    to += found_bytes
  }
  first = found
  end = to
  joined_end = to
}

/** Merges runs that are in order already: each reading's are, but for what a line that is read again has twice. */
function sort(): void {
  for (;;) {
    let from = first
    let to = other
    let runs = 0
    while (from < end) {
      const middle = runOf(from)
      const run_end = middle < end ? runOf(middle) : middle
      to = merge(from, middle, run_end, to)
      from = run_end
      runs++
    }
    const read = found
    found = other
    other = read
    first = found
    end = to
    if (runs <= 1) return
  }
}

/** Up to where they are in order. */
function runOf(from: usize): usize {
  let at = from + found_bytes
  while (at < end && !isBefore(at, at - found_bytes)) at += found_bytes
  return at
}

function merge(from: usize, middle: usize, run_end: usize, to_: usize): usize {
  let to = to_
  let left = from
  let right = middle
  while (left < middle || right < run_end) {
    const is_right = left == middle || (right < run_end && isBefore(right, left))
    const span = is_right ? right : left
    if (is_right) right += found_bytes
    else left += found_bytes
    store<u64>(to, load<u64>(span))
    store<u64>(to, load<u64>(span, 8), 8)
    to += found_bytes
  }
  return to
}

function isBefore(one: usize, two: usize): bool {
  if (load<u32>(one) != load<u32>(two)) return load<u32>(one) < load<u32>(two)
  if (load<u32>(one, 8) != load<u32>(two, 8)) return load<u32>(one, 8) > load<u32>(two, 8)
  return load<u16>(one, 14) < load<u16>(two, 14)
}
