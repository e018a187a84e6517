/**
 * The matcher: a few threads of the automaton, stepped together byte by byte, so that nothing depends on
 * how the stream is cut. Positions are addresses in the window; `stream.ts` turns them into ages.
 */
import { abreast_max, initAbreast, stepAbreast } from './abreast'
import { ahead_bytes, as_context, as_pattern, beginAhead, beginAlone, initAhead, livesOn } from './ahead'
import { stepAlone, waitsAlone } from './alone'
import { boundary, escape, passBoundary } from './boundary'
import { beginBrief, forgetBrief, passContext } from './brief'
import { charge, check_units, context_units, debt, first_bytes, found_units, pay, repaying, setDebt } from './budget'
import { passes } from './check'
import { earn, helps, together_max } from './companies'
import { skipDark } from './dark'
import { oldestWord } from './landmarks'
import { forgetNumber, passNumber } from './number'
import { askFor, beginScan, initScan, mayBegin, quietUntil, reach, skip } from './scan'
import { addMatch, crowd, found, found_max, open, open_max, settle, settled, spanRule } from './spans'
import { initStrides } from './strides'
import {
  accept, checked, class_of, classes, context, context_start, crosses, echo, final, flags, follows, idle, label,
  later, lists, next, now, pattern_start, pending, rules, spawn, stream_start, unlimited,
} from './tables'
import {
  clearThreads, countedOrdinary, counts, initThreads, isContext, keepCrossing, oldestBesideWords, oldestCounted, oldestThread,
  ordinary_max, put, setThread, spawned, spent, state_mask, thread_bytes, threads, threadStart, threadWord, turn,
  unitsOfThreads,
} from './threads'
import { alone_min, initTogether, isQuiet, stepTogether } from './together'

/** Would-be matches older than this are masked, and so is what is held back longer. */
export const held_max: usize = 4096

/** Some thread may be at the end of a match, which the next byte decides. */
let waiting: bool = false

/** Start of what is masked until the line ends, 0 when nothing is. */
export let blackout: usize = 0
/** From here on the blackout needs no threads but those that go over line ends; 0 when that is so already. */
export let dark_at: usize = 0
let dark: bool = false
/** What the byte being read has cost up to now, besides the threads that live on (`budget.ts`). */
let units: u32 = 0
/** Switched off by the tests of the filter. */
let filtering: bool = true

export function initMatcher(): bool {
  initAhead()
  return initAbreast() && initStrides() && initTogether() && initThreads() && initScan()
}

export function setFilter(on: bool): void {
  filtering = on
}

export function resetMatcher(): void {
  clearThreads()
  setBlackout(0, 0)
}

export function setBlackout(at: usize, dark_at_: usize): void {
  blackout = at
  dark_at = dark_at_
  dark = at != 0 && dark_at_ == 0
  askFor(dark)
}

/** Reads [from, end); `before` is the byte before, or {@link stream_start}. Returns where it stopped. */
export function run(from: usize, end: usize, before: u32): usize {
  let p = from
  if (threads != 0 && blackout == 0 && filtering) forgetBrief(from, end)
  let deadline = holdStart(p) + held_max
  waiting = someWaits()
  earn(end - from)
  beginScan(from, end, before)
  while (p < end) {
    if (threads == 0 && blackout == 0) {
      if (filtering) {
        let begin = skipToBoundary(p, end)
        let living: u32 = 0
        for (; begin != boundary && begin + reach <= end; begin = skipToBoundary(begin + 1, end)) {
          living = livesOn(begin, begin == from ? before : load<u8>(begin - 1))
          if (living == as_context && ahead_bytes < reach) {
            const past = passContext(p, begin, begin == from ? before : load<u8>(begin - 1))
            if (past != 0) {
              p = past
              begin = past - 1
              living = 0
              continue
            }
          }
          if (living == as_pattern) {
            const past = passNumber(p, begin, end)
            if (past != 0) {
              p = past
              begin = past - 1
              living = 0
              if (found - open > open_max) limitOpen(p)
              if (found >= found_max) return p
              continue
            }
          }
          if (living != 0) break
        }
        pay(begin - p)
        p = begin
        if (living == 0 && p < end && boundary >= end && beginBrief(p, end, p == from ? before : load<u8>(p - 1))) {
          p = end
          break
        }
        if (living != 0 && beginAhead(p)) {
          deadline = p + held_max
          p += ahead_bytes
          continue
        }
        if (p < end && beginAlone(p, p == from ? before : load<u8>(p - 1), living)) {
          deadline = p + held_max
          p++
          continue
        }
      }
      if (p >= end) break
      deadline = p + held_max
    }
    const until = min(min(end, deadline), boundary)
    if (filtering && p < until && (blackout == 0 || dark)) {
      if (threads == 1 && !waiting && blackout == 0 && mayBegin(p, end) && diesAt(p)) {
        clearThreads()
        continue
      }
      const stopped = quickly(p, until, end)
      if (stopped > p) {
        p = stopped
        waiting = threads != 0 && someWaits()
        if (p >= deadline) deadline = bound(p)
        if (found - open > open_max) limitOpen(p)
        if (found >= found_max) break
        if (threads == 1 && blackout == 0) {
          forgetNumber(p, deadline, end)
          if (threads == 0) waiting = false
        }
        if (p == end || (threads <= 1 && !waiting)) continue
      }
    }
    const byte: u32 = load<u8>(p)
    if (blackout != 0 && (byte == 10 || byte == 13) && !(repaying && debt != 0)) {
      addMatch(blackout, p, rules)
      setBlackout(0, 0)
      setDebt(debt, false)
    }
    step(byte, p, p == from ? before : load<u8>(p - 1), !filtering || mayBegin(p, end))
    if (p == boundary) passBoundary()
    p++
    if (p == dark_at) darken(p)
    if (p >= deadline) deadline = bound(p)
    if (found - open > open_max) limitOpen(p)
    if (found >= found_max) break
    if (threads == 1 && blackout == 0 && filtering) {
      forgetNumber(p, deadline, end)
      if (threads == 0) waiting = false
    }
  }
  return p
}

/** Does the only thread there is, which does not wait, die of this byte? Then what begins with it may begin as where none is. */
// @ts-ignore: decorator
@inline
function diesAt(p: usize): bool {
  return load<u16>(next + (((threadWord(0) & state_mask) * classes + load<u8>(class_of + <usize>load<u8>(p))) << 1)) == 0
}

function limitOpen(p: usize): void {
  settle(oldest(p))
  crowd()
}

function someWaits(): bool {
  for (let i: u32 = 0; i < threads; i++) if ((load<u8>(flags + (threadWord(i) & state_mask)) & later) != 0) return true
  return false
}

/** {@link skip}, but not past the boundary: what may begin there is still to be asked. */
function skipToBoundary(from: usize, end: usize): usize {
  if (boundary >= end) return skip(from, end)
  let p = from
  while (p < boundary) {
    const quiet = quietUntil(p, end)
    if (quiet == p) break
    p = min(quiet, boundary)
  }
  return p
}

/** Goes on to `until` at most as long as nothing happens; returns what is not read. */
// @ts-ignore: decorator
@inline
function quickly(p: usize, until: usize, end: usize): usize {
  if (threads == 0) return dark ? skipDark(p, until, end) : p
  const kept = !dark && threads <= together_max && helps()
  if (threads == 1 && !dark && (waiting ? waitsAlone() : !kept || isQuiet(p, end, alone_min))) {
    const quiet = min(quietUntil(p, end), until)
    if (p < quiet) return stepAlone(p, quiet)
  }
  if (kept) return stepTogether(p, until, end)
  if (waiting || threads > abreast_max) return p
  return stepAbreast(p, until, end, dark)
}

/** Threads read `byte` at `p`, and new ones begin there if `beginning`; those that live on are then in `current`, at most one for a state. */
function step(byte: u32, p: usize, before: u32, beginning: bool): void {
  const of_class: u32 = load<u8>(class_of + byte)
  const count = threads
  const from = turn()
  units = 0
  // First what ends before this byte, then what ends with it: the union wants its matches in order.
  if (waiting) {
    waiting = false
    for (let i: u32 = 0; i < count; i++) {
      const at = from + i * thread_bytes
      const state = load<u32>(at) & state_mask
      if ((load<u8>(flags + state) & later) == 0) continue
      endLater(state, load<u32>(at, 4), p, byte)
      if (p == boundary) endLater(state, load<u32>(at, 4), p, escape)
    }
  }
  for (let i: u32 = 0; i < count; i++) {
    const at = from + i * thread_bytes
    const word = load<u32>(at)
    const state = word & state_mask
    const to: u32 = load<u16>(next + ((state * classes + of_class) << 1))
    if (to != 0) enter(to, word & ~state_mask, load<u32>(at, 4), p + 1)
  }
  if (beginning) begin(before, of_class, p)
  if (p == boundary) begin(escape, of_class, p)
  if (threads > ordinary_max && countedOrdinary(p + 1) > ordinary_max) darken(p + 1)
  if (threads > 0) units += unitsOfThreads(p + 1)
  if (charge(units) && blackout == 0) giveUp(p + 1)
}

/** What may begin behind `before` with a byte of this class at `p` does. */
// @ts-ignore: decorator
@inline
function begin(before: u32, of_class: u32, p: usize): void {
  const pattern: u32 = load<u16>(pattern_start + (before << 1))
  const first: u32 = load<u16>(next + ((pattern * classes + of_class) << 1))
  if (first != 0) enter(first, 0, p, p + 1)
  const contexts: u32 = load<u16>(context_start + (before << 1))
  const second: u32 = load<u16>(next + ((contexts * classes + of_class) << 1))
  if (second != 0) enter(second, 0, p, p + 1)
}

/** A thread arrives in a state, `p` being the address of the byte that it would read next. */
// @ts-ignore: decorator
@inline
function enter(state: u32, tags: u32, start: usize, p: usize): void {
  const bits: u32 = load<u8>(flags + state)
  if ((bits & ~(pending | checked)) == 0) {
    if (!dark) put(state, tags, start)
    return
  }
  enterMarked(state, bits, tags, start, p)
}

function enterMarked(state: u32, bits: u32, tags: u32, start: usize, p: usize): void {
  if ((bits & now) != 0) endNow(state, start, p)
  if ((bits & later) != 0) waiting = true
  if ((bits & context) != 0) {
    const pattern: u32 = load<u16>(spawn + (state << 1))
    if (pattern != 0) units += <u32>min(p - start, first_bytes) * context_units
    if (pattern != 0 && (!dark || (load<u8>(flags + pattern) & crosses) != 0)) put(pattern, spawned, p)
  }
  // In a blackout everything up to the line's end is masked: only what goes past it matters.
  if ((bits & final) == 0 && (!dark || (bits & crosses) != 0)) put(state, tags, start)
}

/** Matches that end at `p` whatever follows. */
function endNow(state: u32, start: usize, p: usize): void {
  let at = lists + (<usize>load<u16>(accept + (state << 1)) << 1)
  for (let count: u32 = load<u16>(at); count > 0; count--, at += 6) {
    if (load<u16>(at, 4) == 0 && passesCheck(load<u16>(at, 6), start, p)) addMatch(start, p, load<u16>(at, 2))
  }
}

// @ts-ignore: decorator
@inline
function passesCheck(check: u32, start: usize, p: usize): bool {
  if (check == 0) return true
  const is_match = passes(check, start, p)
  units += is_match ? found_units : check_units
  return is_match
}

/** Matches that end at `p` if `byte` may follow. */
function endLater(state: u32, start: usize, p: usize, byte: u32): void {
  let at = lists + (<usize>load<u16>(accept + (state << 1)) << 1)
  for (let count: u32 = load<u16>(at); count > 0; count--, at += 6) {
    const follow: usize = load<u16>(at, 4)
    if (follow == 0) continue
    const bits: u32 = load<u8>(follows + follow * 40 + (byte >> 3))
    if (((bits >> (byte & 7)) & 1) != 0 && passesCheck(load<u16>(at, 6), start, p)) addMatch(start, p, load<u16>(at, 2))
  }
}

/** Too much is owed: mask from here on, and from the oldest would-be match that is there in every split. */
function giveUp(p: usize): void {
  // Of the younger threads it will be known then which are there; until then all are followed, and hold.
  setBlackout(oldestCounted(p), p + reach)
  setDebt(debt, true)
}

/** Follows from now on only what can go past the line's end; all else is masked, from the oldest on. */
function darken(p: usize): void {
  // A word may have its thread or not, depending on the window; its bytes say where it begins.
  setBlackout(min(oldestBesideWords(blackout != 0 ? blackout : p), oldestWord(p)), 0)
  keepCrossing()
}

/** Start of the oldest would-be match, or of a blackout that is older; `p` when there is none. */
export function oldest(p: usize): usize {
  return oldestThread(blackout != 0 ? blackout : p)
}

/** First byte that cannot leave yet. */
export function holdStart(p: usize): usize {
  return max(settle(oldest(p)), settled)
}

/**
 * Masks what is held for {@link held_max} bytes, and lets it go. Returns when to look again. Only what is there in every split
 * decides; what else may be there is young, holds little, and stays as it is.
 */
function bound(p: usize): usize {
  const held = holdStart(p)
  if (p - held < held_max) return held + held_max
  const start = max(settle(oldestCounted(blackout != 0 ? blackout : p)), settled)
  if (p - start < held_max) return min(start, oldestThread(p)) + held_max
  cut(start, p, true)
  return oldestThread(p) + held_max
}

/**
 * The same sooner, at the window's end: less than {@link held_max} is held here, but what was taken out of it is held as well.
 * What the filter rules out is dead by then, so all that is there is there in every split.
 */
export function cutHeld(p: usize): void {
  const start = holdStart(p)
  if (start < p) cut(start, p, false)
}

function cut(start: usize, p: usize, only_counted: bool): void {
  let rule = rules
  for (let i: u32 = 0; i < threads; i++) {
    const word = threadWord(i)
    if (isContext(word) || (only_counted && !counts(i, p))) continue
    if (threadStart(i) <= start) rule = min(rule, <u32>load<u16>(label + ((word & state_mask) << 1)))
    setThread(i, word | spent, p)
  }
  if (blackout != 0) blackout = p
  else if (rule == rules && open < found) rule = spanRule(open)
  addMatch(start, p, rule)
  settle(p)
}

/** What a flush makes of the threads: the part beyond their allowance is masked. */
export function flushThreads(p: usize, echoed: bool): void {
  const allowances = echoed ? echo : idle
  for (let i: u32 = 0; i < threads; i++) {
    const word = threadWord(i)
    if (isContext(word)) continue
    const state = word & state_mask
    const allowance: u32 = load<u16>(allowances + (state << 1))
    if (allowance == unlimited) continue
    const from = threadStart(i) + ((word & spent) != 0 ? 0 : allowance)
    addMatch(from, p, load<u16>(label + (state << 1)))
  }
  if (blackout != 0) addMatch(blackout, p, rules)
}

/** The end of the stream: matches that waited for the next byte get none. */
export function endThreads(p: usize): void {
  for (let i: u32 = 0; i < threads; i++) {
    const state = threadWord(i) & state_mask
    if ((load<u8>(flags + state) & later) == 0) continue
    let at = lists + (<usize>load<u16>(accept + (state << 1)) << 1)
    for (let count: u32 = load<u16>(at); count > 0; count--, at += 6) {
      const follow: usize = load<u16>(at, 4)
      if (follow == 0 || load<u8>(follows + follow * 40 + 32) == 0) continue
      if (passes(load<u16>(at, 6), threadStart(i), p)) addMatch(threadStart(i), p, load<u16>(at, 2))
    }
  }
  if (blackout != 0) addMatch(blackout, p, rules)
  resetMatcher()
  setDebt(0, false)
}

export { stream_start }
