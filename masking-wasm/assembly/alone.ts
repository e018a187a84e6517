/**
 * One thread alone, most often in what is long: a value, a number, or what someone repeats. It goes on by eight bytes that it has met before, by
 * four digits where it does not matter which, or by one, and tells of what ends as `matcher.ts` would.
 */
import { eventful, fulfills, plain, waits } from './abreast'
import { check_units, debtAfter, found_units, owesTooMuch, pay, repaying, setDebt } from './budget'
import { passes } from './check'
import { take } from './memory'
import { reach } from './scan'
import { addMatch } from './spans'
import { accept, class_of, classes, flags, later, lists, next, pending, rules, states } from './tables'
import { clearThreads, ripeUnits, setThread, state_mask, threads, threadStart, threadWord } from './threads'

/** By state: what follows whatever digit comes, and behind four of them, if nothing happens there but that matches wait; else 0. */
let by_digit: usize = 0
let by_four: usize = 0

/** Behind `initAbreast`. */
export function initAlone(): bool {
  by_digit = take(states * 2)
  by_four = take(states * 2)
  if (by_digit == 0 || by_four == 0) return false
  for (let state: u32 = 0; state < states; state++) store<u16>(by_digit + (state << 1), <u16>behindDigit(state))
  for (let state: u32 = 0; state < states; state++) {
    let to = state
    for (let i = 0; i < 4; i++) to = load<u16>(by_digit + (to << 1))
    store<u16>(by_four + (state << 1), <u16>to)
  }
  return true
}

function behindDigit(state: u32): u32 {
  const condition: u32 = load<u16>(waits + (state << 1))
  if (state == 0 || ((load<u8>(flags + state) & later) != 0 && condition == 0)) return 0
  const to: u32 = load<u16>(next + ((state * classes + load<u8>(class_of + digit_0)) << 1))
  for (let byte = digit_0; byte < digit_0 + 10; byte++) {
    if (load<u16>(next + ((state * classes + load<u8>(class_of + byte)) << 1)) != to) return 0
    if (condition != 0 && fulfills(condition, byte)) return 0
  }
  return (load<u8>(flags + to) & eventful) == 0 || load<u16>(waits + (to << 1)) != 0 ? to : 0
}

const digit_0: u32 = 48

/** How many digits stand from `p` on, up to sixteen. */
// @ts-ignore: decorator
@inline
function digitsAt(p: usize): usize {
  const digits = i8x16.lt_u(i8x16.sub(v128.load(p), i8x16.splat(<i8>digit_0)), i8x16.splat(10))
  return <usize>ctz<u32>(~i8x16.bitmask(digits))
}

/** Can the only thread there is go on in {@link stepAlone}, though it waits for the next byte? */
export function waitsAlone(): bool {
  return load<u16>(waits + ((threadWord(0) & state_mask) << 1)) != 0
}

/**
 * The only thread there is reads [p, end), where none begins. Returns where it died or a match ended that had waited for the next byte, which is
 * read, or what it has not read.
 */
export function stepAlone(from: usize, end: usize): usize {
  const word = threadWord(0)
  const start = threadStart(0)
  const table = next
  const width = classes << 1
  let state = word & state_mask
  let p = from
  let ended: usize = 0
  let rule: u32 = 0
  let condition: u32 = load<u16>(waits + (state << 1))
  // From where it counts it is charged for what it has cost.
  let ripe = word <= state_mask && p - start < reach ? start + reach : 0
  let paid = p
  // Not tried again where it came to nothing.
  let stride_from = p
  while (p < end) {
    if (ripe == 0 && load<u16>(by_digit + (state << 1)) != 0) {
      let digits = min(digitsAt(p), end - p)
      if (digits != 0) {
        for (; digits >= 4 && load<u16>(by_four + (state << 1)) != 0; digits -= 4, p += 4) state = load<u16>(by_four + (state << 1))
        for (; digits > 0 && load<u16>(by_digit + (state << 1)) != 0; digits--, p++) state = load<u16>(by_digit + (state << 1))
        condition = load<u16>(waits + (state << 1))
        if (p == end) break
      }
    }
    const byte: u32 = load<u8>(p)
    const is_end = condition != 0 && fulfills(condition, byte)
    let read: usize = 1
    let to: u32 = 0
    let following: u32 = 0
    let plainly: u32 = 0
    if (!is_end && p >= stride_from && p + stride_bytes <= end && (ripe == 0 || p + stride_bytes <= ripe)) {
      to = behindStride(state, p)
      if (to == dies) {
        clearThreads()
        p += stride_bytes
        break
      }
      if (to != 0) {
        read = stride_bytes
        following = load<u16>(waits + (to << 1))
      } else stride_from = p + stride_bytes
    }
    if (to == 0) {
      to = load<u16>(table + (<usize>load<u8>(class_of + byte) << 1) + state * width)
      if (to != 0 && (load<u8>(flags + to) & eventful) != 0) {
        plainly = load<u16>(plain + (to << 1))
        following = load<u16>(waits + (to << 1))
        if ((plainly | following) == 0) break
      }
      if (is_end) {
        if (p + 1 == ripe || plainly != 0) break
        if (ended != 0) addMatch(start, ended, rule)
        ended = 0
        pay(p - paid)
        paid = p
        if (!endBefore(p, byte, state, start)) break
        paid++
        p++
        if (to == 0) clearThreads()
        else state = to
        break
      }
      if (to == 0) {
        clearThreads()
        p++
        break
      }
    }
    if (p + read == ripe) {
      if ((load<u8>(flags + to) & pending) == 0) {
        const units = ripeUnits(to)
        pay(p - paid)
        paid = p
        // What the other bytes of a stride pay is little beside what may be owed.
        if (owesTooMuch(units)) break
        pay(read - 1)
        setDebt(debtAfter(units), repaying)
        paid += read
      }
      ripe = 0
    }
    if (plainly != 0) {
      // Of matches that begin together the longest covers the others, and gives the label.
      ended = p + 1
      rule = plainly - 1
    }
    condition = following
    state = to
    p += read
  }
  if (ended != 0) addMatch(start, ended, rule)
  if (threads != 0) setThread(0, state | (word & ~state_mask), start)
  pay(p - paid)
  return p
}

/**
 * The matches from `start` on that have waited in `state` for `byte` end before it, and it is paid for. False when that would be too much, and
 * then nothing is done.
 */
function endBefore(p: usize, byte: u32, state: u32, start: usize): bool {
  let units: u32 = 0
  let rule: u32 = rules
  let at = lists + (<usize>load<u16>(accept + (state << 1)) << 1)
  for (let count: u32 = load<u16>(at); count > 0; count--, at += 6) {
    if (!fulfills(load<u16>(at, 4), byte)) continue
    const check: u32 = load<u16>(at, 6)
    if (check != 0) {
      const is_match = passes(check, start, p)
      units += is_match ? found_units : check_units
      if (!is_match) continue
    }
    // The list is in the rules' order, and the first is what labels the match.
    rule = min(rule, load<u16>(at, 2))
  }
  if (owesTooMuch(units)) return false
  setDebt(debtAfter(units), repaying)
  if (rule != rules) addMatch(start, p, rule)
  return true
}

/** What is stepped over at once, where nothing happens. */
const stride_bytes: usize = 8
/** What eight bytes make of a state, for what is printed over and over: the bytes, u64 @0, the state @8 and what follows @12. By a hash of both. */
const strides: usize = memory.data(512 * 16, 16)
const strides_power: u32 = 9

/** It is dead by then, and nothing happened. */
export const dies: u32 = state_mask + 1

/** The state behind {@link stride_bytes} bytes, or {@link dies}; 0 when something happens within them but that a match waits. */
// @ts-ignore: decorator
@inline
export function behindStride(state: u32, p: usize): u32 {
  const bytes = load<u64>(p)
  const entry = strides + (<usize>(((bytes ^ <u64>state) * 0x9e3779b97f4a7c15) >>> (64 - strides_power)) << 4)
  if (load<u64>(entry) == bytes && load<u32>(entry, 8) == state) return load<u32>(entry, 12)
  return workOutStride(entry, state, p)
}

function workOutStride(entry: usize, from: u32, p: usize): u32 {
  const table = next
  const width = classes << 1
  // Where matches wait for different bytes each is to be asked.
  let state = (load<u8>(flags + from) & later) != 0 && load<u16>(waits + (from << 1)) == 0 ? 0 : from
  for (let at = p; at < p + stride_bytes && state != 0; at++) {
    const byte: u32 = load<u8>(at)
    const condition: u32 = load<u16>(waits + (state << 1))
    const to: u32 = load<u16>(table + (<usize>load<u8>(class_of + byte) << 1) + state * width)
    const happens = (load<u8>(flags + to) & eventful) != 0 && load<u16>(waits + (to << 1)) == 0
    if (happens || (condition != 0 && fulfills(condition, byte))) {
      state = 0
      break
    }
    state = to != 0 ? to : dies
    if (to == 0) break
  }
  store<u64>(entry, load<u64>(p))
  store<u32>(entry, from, 8)
  store<u32>(entry, state, 12)
  return state
}
