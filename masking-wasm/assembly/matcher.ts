/**
 * The matcher: a few threads of the automaton, stepped together byte by byte, so that nothing depends on
 * how the stream is cut. Positions are addresses in the window; `stream.ts` turns them into ages.
 */
import { passes } from './check'
import { take } from './memory'
import { beginScan, initScan, mayBegin, quietUntil, reach, skip } from './scan'
import { addMatch, crowd, found, found_max, open, open_max, released, settle, spanRule } from './spans'
import {
  accept, class_of, classes, context, context_start, crosses, echo, final, flags, follows, idle, label,
  later, lists, next, now, pattern_start, rules, spawn, spawns, states, stream_start, unlimited,
} from './tables'

/** Would-be matches older than this are masked, and so is what is held back longer. */
export const held_max: usize = 4096
/** Threads that end at the next line end at the latest; with more, everything is masked up to there. */
const ordinary_max: u32 = 64
/** And those that go over line ends, at most one for each such state (`compile/tables.ts`). */
const crossing_max: u32 = 192
/**
 * Threads younger than the filter's reach are not counted: those that it would have ruled out are there
 * or not depending on how far the window goes. One pattern and one context can begin at each byte.
 */
const young_max: u32 = 24
export const threads_max: u32 = ordinary_max + young_max + crossing_max

/** Set on a thread that was cut at {@link held_max}: it has no allowance left. */
export const spent: u32 = 0x10000
/** Set on a thread that began where a context ended: no filter was asked, so it counts at once. */
export const spawned: u32 = 0x20000
const state_mask: u32 = 0xffff

/** A thread is two u32: state and {@link spent}, start. Room for one step's worth more. */
const thread_bytes: usize = 8
let current: usize = 0
let other: usize = 0
export let threads: u32 = 0

/** Per state: which step saw it last, and where its thread is. */
let marks: usize = 0
let step_number: u32 = 0

/** Some thread may be at the end of a match, which the next byte decides. */
let waiting: bool = false

/** Start of what is masked until the line ends, 0 when nothing is. */
export let blackout: usize = 0
/** Switched off by the tests of the filter. */
let filtering: bool = true

export function initMatcher(): bool {
  current = take((threads_max * 2 + 8) * thread_bytes)
  other = take((threads_max * 2 + 8) * thread_bytes)
  marks = take(states * 8)
  if (marks != 0) memory.fill(marks, 0, states * 8)
  return current != 0 && other != 0 && marks != 0 && initScan()
}

export function setFilter(on: bool): void {
  filtering = on
}

export function resetMatcher(): void {
  threads = 0
  blackout = 0
  waiting = false
}

export function addThread(word: u32, start: usize): void {
  const at = current + threads++ * thread_bytes
  if ((load<u8>(flags + (word & state_mask)) & later) != 0) waiting = true
  store<u32>(at, word)
  store<u32>(at, start, 4)
}

export function threadWord(index: u32): u32 {
  return load<u32>(current + index * thread_bytes)
}

export function threadStart(index: u32): usize {
  return load<u32>(current + index * thread_bytes, 4)
}

export function isContext(word: u32): bool {
  return (load<u8>(flags + (word & state_mask)) & context) != 0
}

export function setBlackout(at: usize): void {
  blackout = at
}

/** Reads [from, end); `before` is the byte before, or {@link stream_start}. Returns where it stopped. */
export function run(from: usize, end: usize, before: u32): usize {
  let p = from
  let deadline = holdStart(p) + held_max
  beginScan(from, end, before)
  while (p < end) {
    if (threads == 0 && blackout == 0) {
      if (filtering) p = skip(p, end)
      if (p >= end) break
      deadline = p + held_max
    }
    if (threads == 1 && !waiting && blackout == 0 && filtering) {
      const quiet = min(quietUntil(p, end), deadline)
      if (p < quiet) {
        p = stepAlone(p, quiet)
        if (p >= deadline) deadline = bound(p)
        if (p == quiet || threads == 0) continue
      }
    }
    const byte: u32 = load<u8>(p)
    if (blackout != 0 && (byte == 10 || byte == 13)) {
      addMatch(blackout, p, rules)
      blackout = 0
    }
    step(byte, p, p == from ? before : load<u8>(p - 1), !filtering || mayBegin(p, end))
    p++
    if (p >= deadline) deadline = bound(p)
    if (found - open > open_max) {
      settle(oldest(p))
      crowd()
    }
    if (found >= found_max) break
  }
  return p
}

/** The states that {@link stepAlone} leaves to {@link step}. */
const eventful: u32 = now | later | final | spawns

/**
 * The only thread there is reads [p, end), where none begins: the same as {@link step} for each byte.
 * Returns where it died, or what it has not read.
 */
function stepAlone(from: usize, end: usize): usize {
  const word = threadWord(0)
  let state = word & state_mask
  let p = from
  for (; p < end; p++) {
    const of_class: u32 = load<u8>(class_of + <usize>load<u8>(p))
    const to: u32 = load<u16>(next + ((state * classes + of_class) << 1))
    if (to == 0) {
      threads = 0
      return p + 1
    }
    if ((load<u8>(flags + to) & eventful) != 0) break
    state = to
  }
  store<u32>(current, state | (word & ~state_mask))
  return p
}

/** Threads read `byte` at `p`, and new ones begin there if `beginning`; those that live on are then in `current`, at most one for a state. */
function step(byte: u32, p: usize, before: u32, beginning: bool): void {
  if (++step_number == 0) {
    memory.fill(marks, 0, states * 8)
    step_number = 1
  }
  const of_class: u32 = load<u8>(class_of + byte)
  const from = current
  const count = threads
  current = other
  other = from
  threads = 0
  // First what ends before this byte, then what ends with it: the union wants its matches in order.
  if (waiting) {
    waiting = false
    for (let i: u32 = 0; i < count; i++) {
      const at = from + i * thread_bytes
      const state = load<u32>(at) & state_mask
      if ((load<u8>(flags + state) & later) != 0) endLater(state, load<u32>(at, 4), p, byte)
    }
  }
  for (let i: u32 = 0; i < count; i++) {
    const at = from + i * thread_bytes
    const word = load<u32>(at)
    const state = word & state_mask
    const to: u32 = load<u16>(next + ((state * classes + of_class) << 1))
    if (to != 0) enter(to, word & ~state_mask, load<u32>(at, 4), p + 1)
  }
  if (beginning) {
    const pattern: u32 = load<u16>(pattern_start + (before << 1))
    const first: u32 = load<u16>(next + ((pattern * classes + of_class) << 1))
    if (first != 0) enter(first, 0, p, p + 1)
    const contexts: u32 = load<u16>(context_start + (before << 1))
    const second: u32 = load<u16>(next + ((contexts * classes + of_class) << 1))
    if (second != 0) enter(second, 0, p, p + 1)
  }
  if (threads > ordinary_max) overflow(p + 1)
}

/** A thread arrives in a state, `p` being the address of the byte that it would read next. */
// @ts-ignore: decorator
@inline
function enter(state: u32, tags: u32, start: usize, p: usize): void {
  const bits: u32 = load<u8>(flags + state)
  if (bits == 0) {
    if (blackout == 0) put(state, tags, start)
    return
  }
  enterMarked(state, bits, tags, start, p)
}

function enterMarked(state: u32, bits: u32, tags: u32, start: usize, p: usize): void {
  if ((bits & now) != 0) endNow(state, start, p)
  if ((bits & later) != 0) waiting = true
  if ((bits & context) != 0) {
    const pattern: u32 = load<u16>(spawn + (state << 1))
    if (pattern != 0 && (blackout == 0 || (load<u8>(flags + pattern) & crosses) != 0)) put(pattern, spawned, p)
  }
  // In a blackout everything up to the line's end is masked: only what goes past it matters.
  if ((bits & final) == 0 && (blackout == 0 || (bits & crosses) != 0)) put(state, tags, start)
}

/** Equal states have equal futures, and the earlier start covers the later one. */
// @ts-ignore: decorator
@inline
function put(state: u32, tags: u32, start: usize): void {
  const mark = marks + (state << 3)
  if (load<u32>(mark) != step_number) {
    store<u32>(mark, step_number)
    store<u32>(mark, threads, 4)
    const at = current + threads++ * thread_bytes
    store<u32>(at, state | tags)
    store<u32>(at, start, 4)
    return
  }
  const at = current + load<u32>(mark, 4) * thread_bytes
  store<u32>(at, load<u32>(at) | tags)
  if (start < load<u32>(at, 4)) store<u32>(at, start, 4)
}

/** Matches that end at `p` whatever follows. */
function endNow(state: u32, start: usize, p: usize): void {
  let at = lists + (<usize>load<u16>(accept + (state << 1)) << 1)
  for (let count: u32 = load<u16>(at); count > 0; count--, at += 6) {
    if (load<u16>(at, 4) == 0 && passes(load<u16>(at, 6), start, p)) addMatch(start, p, load<u16>(at, 2))
  }
}

/** Matches that end at `p` if `byte` may follow. */
function endLater(state: u32, start: usize, p: usize, byte: u32): void {
  let at = lists + (<usize>load<u16>(accept + (state << 1)) << 1)
  for (let count: u32 = load<u16>(at); count > 0; count--, at += 6) {
    const follow: usize = load<u16>(at, 4)
    if (follow == 0) continue
    const bits: u32 = load<u8>(follows + follow * 40 + (byte >> 3))
    if (((bits >> (byte & 7)) & 1) != 0 && passes(load<u16>(at, 6), start, p)) addMatch(start, p, load<u16>(at, 2))
  }
}

/** Too much is under way: mask from the oldest on, and follow only what can go past the line's end. */
function overflow(p: usize): void {
  let ordinary: u32 = 0
  for (let i: u32 = 0; i < threads; i++) {
    const word = threadWord(i)
    if ((load<u8>(flags + (word & state_mask)) & crosses) != 0) continue
    if ((word & (spent | spawned)) != 0 || p - threadStart(i) >= reach) ordinary++
  }
  if (ordinary <= ordinary_max) return
  blackout = oldest(p)
  const count = threads
  threads = 0
  for (let i: u32 = 0; i < count; i++) {
    const word = threadWord(i)
    if ((load<u8>(flags + (word & state_mask)) & crosses) != 0) addThread(word, threadStart(i))
  }
}

/** Start of the oldest would-be match, `p` when there is none. */
export function oldest(p: usize): usize {
  let start = blackout != 0 ? blackout : p
  for (let i: u32 = 0; i < threads; i++)
    if (!isContext(threadWord(i)) && threadStart(i) < start) start = threadStart(i)
  return start
}

/** First byte that cannot leave yet. */
export function holdStart(p: usize): usize {
  const start = settle(oldest(p))
  return start < released ? released : start
}

/** Masks what is held for {@link held_max} bytes, and lets it go. Returns when to look again. */
function bound(p: usize): usize {
  const start = holdStart(p)
  if (p - start < held_max) return start + held_max
  let rule = rules
  for (let i: u32 = 0; i < threads; i++) {
    const at = current + i * thread_bytes
    const word = load<u32>(at)
    if (isContext(word)) continue
    if (load<u32>(at, 4) <= <u32>start) rule = min(rule, <u32>load<u16>(label + ((word & state_mask) << 1)))
    store<u32>(at, word | spent)
    store<u32>(at, p, 4)
  }
  if (blackout != 0) blackout = p
  else if (rule == rules && open < found) rule = spanRule(open)
  addMatch(start, p, rule)
  settle(p)
  return p + held_max
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
}

export { stream_start }
