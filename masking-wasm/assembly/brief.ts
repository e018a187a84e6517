/**
 * What is soon over. In small chunks most of what begins does so with the last letters, and dies of the first ones of the
 * next chunk. Until it counts nothing is charged for it and nothing else asks for it: so it is followed by itself, to the
 * window's end or to its own, and the matcher sees what is left.
 */
import { eventful } from './abreast'
import { boundary } from './boundary'
import { context_units, debt, debtPaid, first_bytes, isFarFromDebt, pay, setDebt } from './budget'
import { isKnownQuiet, reach, skip } from './scan'
import { class_of, classes, context, context_start, final, flags, later, next, now, pattern_start, spawn } from './tables'
import { clearThreads, keepThreads, put, setThread, stamp, state_mask, threads, threadStart, threadWord } from './threads'

/** More than a state: something happens on the way. */
const happens: u32 = state_mask + 1

/** The state behind [from, to), 0 when it dies, or {@link happens}. */
// @ts-ignore: decorator
@inline
function behind(from: u32, at: usize, to: usize): u32 {
  const table = next
  const width = classes << 1
  let state = from
  for (let p = at; p < to; p++) {
    state = load<u16>(table + (<usize>load<u8>(class_of + <usize>load<u8>(p)) << 1) + state * width)
    if (state == 0) return 0
    if ((load<u8>(flags + state) & eventful) != 0) return happens
  }
  return state
}

/** Forgets the threads that are too young to count and die in [from, end) before they do, if nothing happens by them. */
export function forgetBrief(from: usize, end: usize): void {
  const count = threads
  let left: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const word = threadWord(i)
    const start = threadStart(i)
    const ripe = start + reach
    if (word <= state_mask && ripe > from && (load<u8>(flags + word) & later) == 0 && behind(word, from, min(ripe, end)) == 0) continue
    if (left != i) setThread(left, word, start)
    left++
  }
  if (left != count) keepThreads(left)
}

/**
 * Where no thread is: what may begin in [from, end), which is not more than the reach, is followed to the window's end. False when there
 * is more to do, and then nothing is done. `before` stands before `from`.
 */
export function beginBrief(from: usize, end: usize, before: u32): bool {
  let byte_before = before
  stamp()
  for (let p = from; p < end; p = skip(p + 1, end)) {
    if (p > from) byte_before = load<u8>(p - 1)
    const pattern = behind(load<u16>(pattern_start + (byte_before << 1)), p, end)
    const context = behind(load<u16>(context_start + (byte_before << 1)), p, end)
    if (pattern == happens || context == happens) {
      clearThreads()
      return false
    }
    if (pattern != 0) put(pattern, 0, p)
    if (context != 0) put(context, 0, p)
  }
  pay(end - from)
  return true
}

/**
 * Where no thread is, and only a context begins at `begin` behind `before`, within whose reach something happens: mostly a word that may stand before a
 * number (`said`, `id`), and no number behind it. Returns where all of it is dead, if it is by its reach, and pays what it cost and the bytes from `p` on;
 * 0 when there is more to do, and then nothing is done. What begins there is spawned, so it counts, but is alone.
 */
export function passContext(p: usize, begin: usize, before: u32): usize {
  if (!isFarFromDebt() || begin + reach > boundary) return 0
  const table = next
  const width = classes << 1
  let owed = debtPaid(debt, begin - p)
  let context_state: u32 = load<u16>(context_start + (before << 1))
  let pattern_state: u32 = 0
  for (let at = begin; at < begin + reach; at++) {
    const of_class = table + (<usize>load<u8>(class_of + <usize>load<u8>(at)) << 1)
    let units: u32 = 0
    if (pattern_state != 0) {
      pattern_state = load<u16>(of_class + pattern_state * width)
      if ((load<u8>(flags + pattern_state) & eventful) != 0) return 0
    }
    if (context_state != 0) {
      context_state = load<u16>(of_class + context_state * width)
      const bits: u32 = load<u8>(flags + context_state)
      if ((bits & (now | later)) != 0) return 0
      const begun: u32 = (bits & context) != 0 ? load<u16>(spawn + (context_state << 1)) : 0
      if (begun != 0) {
        if ((pattern_state != 0 && pattern_state != begun) || (load<u8>(flags + begun) & eventful) != 0) return 0
        pattern_state = begun
        units = <u32>min(at + 1 - begin, first_bytes) * context_units
      }
      if ((bits & final) != 0) context_state = 0
    }
    owed = debtPaid(owed + (units << 2), 1)
    if ((context_state | pattern_state) == 0) {
      if (!isKnownQuiet(begin + 1, at + 1)) return 0
      setDebt(owed, false)
      return at + 1
    }
  }
  return 0
}
