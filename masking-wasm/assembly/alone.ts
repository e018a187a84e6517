/**
 * One thread alone, most often in what is long: a value, a number, or what someone repeats. It goes on by eight bytes that it has met before, by
 * four digits where it does not matter which, or by one, and tells of what ends as `matcher.ts` would.
 */
import { eventful, fulfills, plain, waits } from './abreast'
import { context_units, debtAfter, first_bytes, owesTooMuch, pay, repaying, setDebt } from './budget'
import { end_units, ruleEnding } from './ends'
import { reach } from './scan'
import { addMatch } from './spans'
import { behindStride, by_digit, by_four, digitsAt, dies, stride_bytes } from './strides'
import { class_of, classes, final, flags, next, pending, rules, spawn, spawns } from './tables'
import { clearThreads, ripeUnits, setThread, spawned, state_mask, threads, threadStart, threadWord } from './threads'

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
  let start = threadStart(0)
  let tags = word & ~state_mask
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
        if ((plainly | following) == 0) {
          const pattern = ripe == 0 && !is_end && ended == 0 ? patternBehind(to) : 0
          if (pattern == 0) break
          // A context ends, and the pattern's thread is alone.
          const units = <u32>min(p + 1 - start, first_bytes) * context_units
          pay(p - paid)
          paid = p
          if (owesTooMuch(units)) break
          setDebt(debtAfter(units), repaying)
          paid++
          p++
          start = p
          tags = spawned
          state = pattern
          condition = 0
          continue
        }
      }
      if (is_end) {
        if (p + 1 == ripe || plainly != 0) break
        if (ended != 0) addMatch(start, ended, rule)
        ended = 0
        pay(p - paid)
        paid = p
        if (!endBefore(p, state, start)) break
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
  if (threads != 0) setThread(0, state | tags, start)
  pay(p - paid)
  return p
}

/** The state with which a pattern begins behind the context that ends in `state`, if nothing else happens there and nothing goes on; else 0. */
// @ts-ignore: decorator
@inline
function patternBehind(state: u32): u32 {
  if ((load<u8>(flags + state) & eventful) != (spawns | final)) return 0
  const pattern: u32 = load<u16>(spawn + (state << 1))
  return (load<u8>(flags + pattern) & (eventful | pending)) == 0 ? pattern : 0
}

/** The matches from `start` on that have waited in `state` end before `p`, and the byte there is paid for. False when that would be too much, and then nothing is done. */
function endBefore(p: usize, state: u32, start: usize): bool {
  const rule = ruleEnding(state, start, p)
  if (owesTooMuch(end_units)) return false
  setDebt(debtAfter(end_units), repaying)
  if (rule != rules) addMatch(start, p, rule)
  return true
}
