/**
 * The spans found in the window, in order and without overlap. Matches end in the order in which they
 * are found, so a new one can only touch the last ones.
 */
import { take } from './memory'
import { rules } from './tables'

/** start, end, rule, and the match that gave the label: its start and end. All u32. */
const entry_bytes: usize = 20
/** A window that finds more ends early. */
export const found_max: u32 = 16384
/** Spans that may still grow, kept with the stream; past it the last two become one, and mask more. */
export const open_max: u32 = 128

let base: usize = 0
/** How many there are. */
export let found: u32 = 0
/** From here on they may still grow. */
export let open: u32 = 0
/** Bytes before it have left already; nothing can be masked there. */
export let released: usize = 0

/** Where the last span ends that cannot grow any more: what is found later begins there at the earliest. */
export let settled: usize = 0

export function initSpans(): bool {
  base = take((found_max + open_max + 8) * entry_bytes)
  return base != 0
}

export function resetSpans(released_: usize): void {
  found = 0
  open = 0
  released = released_
  settled = released_
}

export function setReleased(at: usize): void {
  released = at
}

// @ts-ignore: decorator
@inline
export function spanAt(index: u32): usize {
  return base + index * entry_bytes
}

export function spanStart(index: u32): usize {
  return load<u32>(spanAt(index))
}

export function spanEnd(index: u32): usize {
  return load<u32>(spanAt(index), 4)
}

export function spanRule(index: u32): u32 {
  return load<u32>(spanAt(index), 8)
}

/** Adds the match of `rule` over [start, end) to the union; `end` is never before that of another. */
export function addMatch(start_: usize, end: usize, rule: u32): void {
  // Released bytes are before those that are settled.
  const start = start_ < settled ? settled : start_
  if (start >= end) return
  let from = start
  let label = rule
  let label_start = start
  let label_end = end
  while (found > open) {
    const last = spanAt(found - 1)
    if (load<u32>(last, 4) <= start) break
    found--
    if (load<u32>(last) < from) from = load<u32>(last)
    // What masks more than matches says so; then leftmost, then longest, then the rule that stands first.
    const at: usize = load<u32>(last, 12)
    const to: usize = load<u32>(last, 16)
    const other = load<u32>(last, 8)
    if (other == rules || (label != rules && (at < label_start || (at == label_start && (to > label_end || (to == label_end && other < label)))))) {
      label = other
      label_start = at
      label_end = to
    }
  }
  push(from, end, label, label_start, label_end)
}

export function push(start: usize, end: usize, rule: u32, label_start: usize, label_end: usize): void {
  const at = spanAt(found++)
  store<u32>(at, start)
  store<u32>(at, end, 4)
  store<u32>(at, rule, 8)
  store<u32>(at, label_start, 12)
  store<u32>(at, label_end, 16)
}

/** Spans that end at or before `limit` cannot grow any more. Returns where what is open begins. */
export function settle(limit: usize): usize {
  while (open < found && spanEnd(open) <= limit) settled = spanEnd(open++)
  return open < found ? min(spanStart(open), limit) : limit
}

/** Bounds what is kept with the stream. Masks the gap between two spans: more than asked, never less. */
export function crowd(): void {
  while (found - open > open_max) {
    const end = spanEnd(--found)
    const at = spanAt(found - 1)
    store<u32>(at, end, 4)
    store<u32>(at, rules, 8)
  }
}

/** The label's match as it is kept with the stream. */
export function labelStart(index: u32): usize {
  return load<u32>(spanAt(index), 12)
}

export function labelEnd(index: u32): usize {
  return load<u32>(spanAt(index), 16)
}
