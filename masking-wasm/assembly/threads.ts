/**
 * What is under way: for each would-be match and each context a state and a start, at most one for a state. Two
 * lists, that which a byte reads and that which it makes, take turns.
 */
import { first_bytes, token_units } from './budget'
import { take } from './memory'
import { isBeforeWindow } from './landmarks'
import { reach } from './scan'
import { checked, context, crosses, flags, pending, states } from './tables'

/** Threads that end at the next line end at the latest; with more, everything is masked up to there. */
export const ordinary_max: u32 = 64
/** And those that go over line ends, at most one for each such state (`compile/tables.ts`). */
const crossing_max: u32 = 192
/**
 * Threads younger than the filter's reach are not counted: those that it would have ruled out are there
 * or not depending on how far the window goes. One pattern and one context can begin at each byte.
 */
const young_max: u32 = 32
const threads_max: u32 = ordinary_max + young_max + crossing_max

/** Set on a thread that was cut at `held_max`: it has no allowance left. */
export const spent: u32 = 0x10000
/** Set on a thread that began where a context ended: no filter was asked, so it counts at once. */
export const spawned: u32 = 0x20000
export const state_mask: u32 = 0xffff

/** A thread is two u32: state and {@link spent}, start. Room for one step's worth more. */
export const thread_bytes: usize = 8
let current: usize = 0
let other: usize = 0
export let threads: u32 = 0

/** Per state: which step saw it last, and where its thread is. */
export let marks: usize = 0
let step_number: u32 = 0

export function initThreads(): bool {
  current = take((threads_max * 2 + 8) * thread_bytes)
  other = take((threads_max * 2 + 8) * thread_bytes)
  marks = take(states * 8)
  if (current == 0 || other == 0 || marks == 0) return false
  memory.fill(marks, 0, states * 8)
  return true
}

export function clearThreads(): void {
  threads = 0
}

/** The first `count` of them. */
export function keepThreads(count: u32): void {
  threads = count
}

export function addThread(word: u32, start: usize): void {
  setThread(threads++, word, start)
}

// @ts-ignore: decorator
@inline
export function setThread(index: u32, word: u32, start: usize): void {
  const at = current + index * thread_bytes
  store<u32>(at, word)
  store<u32>(at, start, 4)
}

// @ts-ignore: decorator
@inline
export function threadWord(index: u32): u32 {
  return load<u32>(current + index * thread_bytes)
}

// @ts-ignore: decorator
@inline
export function threadStart(index: u32): usize {
  return load<u32>(current + index * thread_bytes, 4)
}

/** For the next byte's {@link marks}. */
// @ts-ignore: decorator
@inline
export function stamp(): u32 {
  if (++step_number == 0) {
    memory.fill(marks, 0, states * 8)
    step_number = 1
  }
  return step_number
}

export function currentList(): usize {
  return current
}

export function otherList(): usize {
  return other
}

/** `list` is one of both, and has `count` threads. */
export function replaceList(list: usize, count: u32): void {
  if (list != current) {
    other = current
    current = list
  }
  threads = count
}

/** Begins the list that the next byte makes; returns where that stands which it reads. */
export function turn(): usize {
  stamp()
  const from = current
  current = other
  other = from
  threads = 0
  return from
}

/** Equal states have equal futures, and the earlier start covers the later one. */
// @ts-ignore: decorator
@inline
export function put(state: u32, tags: u32, start: usize): void {
  const mark = marks + (state << 3)
  if (load<u32>(mark) != step_number) {
    store<u32>(mark, step_number)
    store<u32>(mark, threads, 4)
    addThread(state | tags, start)
    return
  }
  const at = current + load<u32>(mark, 4) * thread_bytes
  store<u32>(at, load<u32>(at) | tags)
  if (start < load<u32>(at, 4)) store<u32>(at, start, 4)
}

export function isContext(word: u32): bool {
  return (load<u8>(flags + (word & state_mask)) & context) != 0
}

export function isCrossing(word: u32): bool {
  return (load<u8>(flags + (word & state_mask)) & crosses) != 0
}

/**
 * Is it there in every split? A thread that the filter would have ruled out is not, and dies within its reach; nor is one
 * that has not come to its landmark.
 */
// @ts-ignore: decorator
@inline
function countsAt(at: usize, p: usize): bool {
  const word = load<u32>(at)
  if (word > state_mask) return true
  return p - <usize>load<u32>(at, 4) >= reach && (load<u8>(flags + word) & pending) == 0
}

// @ts-ignore: decorator
@inline
export function counts(index: u32, p: usize): bool {
  return countsAt(current + index * thread_bytes, p)
}

/** How many count of the threads in [from, to). */
export function countedOf(from: usize, to: usize, p: usize): u32 {
  let count: u32 = 0
  for (let at = from; at < to; at += thread_bytes) count += <u32>countsAt(at, p)
  return count
}

/** Not 0 when some has not come to its landmark. */
export function pendingOf(from: usize, to: usize): u32 {
  let bits: u32 = 0
  for (let at = from; at < to; at += thread_bytes) bits |= load<u8>(flags + (load<u32>(at) & state_mask))
  return bits & pending
}

/** Where the next of them will count. */
export function ripeAt(from: usize, to: usize, p: usize): usize {
  let ripe: usize = ~0
  for (let at = from; at < to; at += thread_bytes)
    if (p - <usize>load<u32>(at, 4) < reach) ripe = min(ripe, <usize>load<u32>(at, 4) + reach)
  return ripe
}

/** What a thread has cost that comes to this state and counts from now on. */
// @ts-ignore: decorator
@inline
export function ripeUnits(state: u32): u32 {
  return <u32>first_bytes * ((load<u8>(flags + state) & (checked | crosses)) != 0 ? 1 : token_units)
}

/** What those have cost that count from now on. */
export function ripened(from: usize, to: usize, p: usize): u32 {
  let units: u32 = 0
  for (let at = from; at < to; at += thread_bytes)
    if (p - load<u32>(at, 4) == reach && load<u32>(at) <= state_mask && countsAt(at, p)) units += ripeUnits(load<u32>(at))
  return units
}

/** What the threads cost that count: a unit each besides one, and what each has cost before it counted. */
export function unitsOfThreads(p: usize): u32 {
  const end = current + threads * thread_bytes
  const count = countedOf(current, end, p)
  return (count > 1 ? count - 1 : 0) + ripened(current, end, p)
}

export function countedOrdinary(p: usize): u32 {
  let count: u32 = 0
  for (let i: u32 = 0; i < threads; i++) if (counts(i, p) && !isCrossing(threadWord(i))) count++
  return count
}

/** Start of the oldest would-be match, `p` when there is none. */
export function oldestThread(p: usize): usize {
  let start = p
  for (let i: u32 = 0; i < threads; i++)
    if (!isContext(threadWord(i)) && threadStart(i) < start) start = threadStart(i)
  return start
}

/** The same of those that count. */
export function oldestCounted(p: usize): usize {
  let start = p
  for (let i: u32 = 0; i < threads; i++)
    if (counts(i, p) && !isContext(threadWord(i)) && threadStart(i) < start) start = threadStart(i)
  return start
}

/** The same of all but those that have not come to their landmarks, unless they began before the window. */
export function oldestBesideWords(p: usize): usize {
  let start = p
  for (let i: u32 = 0; i < threads; i++) {
    const word = threadWord(i)
    const from = threadStart(i)
    if (from >= start || isContext(word)) continue
    if ((load<u8>(flags + (word & state_mask)) & pending) == 0 || isBeforeWindow(from)) start = from
  }
  return start
}

export function keepCrossing(): void {
  const count = threads
  threads = 0
  for (let i: u32 = 0; i < count; i++) if (isCrossing(threadWord(i))) addThread(threadWord(i), threadStart(i))
}
