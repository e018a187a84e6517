/**
 * Several threads at once, for little more than the price of one: the company of their states is known (`companies.ts`), and
 * only their starts are kept by hand, and the spans told. No output depends on it.
 */
import { eventful } from './abreast'
import { affordable, context_units, debtAfter, first_bytes, owesTooMuch, payFor, repaying, setDebt } from './budget'
import {
  begun_shift, changed, companyBehind, context_shift, earned, end_shift, find, gone, initCompanies, leave, marks, matched, meeting_shift, met_shift,
  new_one, next_at, pending_at, rules_at, second_shift, seekState, seekNone, states_at, stride_bytes, together_max, visited, withBoth, workOut,
} from './companies'
import { end_units, ruleEnding } from './ends'
import { take } from './memory'
import { mayBegin, quietUntil, reach } from './scan'
import { addMatch, found, found_max, open, open_max, settled } from './spans'
import { class_of, classes, context_start, flags, next, pattern_start, pending, rules } from './tables'
import { currentList, otherList, replaceList, ripeUnits, spawned, state_mask, thread_bytes, threads } from './threads'

/** Start of each thread and its marks; u64. */
let starts: usize = 0
/** One thread is better followed alone where so long nothing begins, and left to that if it is for longer. */
export const alone_min: usize = 8
const leave_min: usize = 24

export function initTogether(): bool {
  starts = take((together_max + 4) * 8)
  return starts != 0 && initCompanies()
}

/** Does nothing begin for so long? */
export function isQuiet(p: usize, known_end: usize, least: usize): bool {
  if (p >= known_end) return true
  const quiet = quietUntil(p, known_end)
  return quiet == known_end || quiet - p >= least
}

/**
 * All threads, {@link together_max} at most, read [from, end), and new ones begin where the filter says so. Returns the byte
 * at which anything else happens, which is not read, or where one thread is left at most. `known_end`: the window's.
 */
export function stepTogether(from: usize, end: usize, known_end: usize): usize {
  comeIn()
  let company = find()
  if (company == 0) return from
  visited()
  let count = threads
  // Which of them count, a bit each, and where the next one will.
  let counted = countedAt(count, from, load<u32>(company, pending_at))
  let ripe = ripeAt(count, from)
  // The last plain match that was not told yet: those that begin with it or later and end no later are covered.
  let told_end: usize = 0
  let told_start: usize = 0
  let told_rule: u32 = 0
  let calm = true
  let p = from
  for (; p < end; p++) {
    // Not tried again at once where it came to nothing.
    if (calm) {
      // Up to where something begins or counts, while nothing happens but that a match grows.
      const alone = besideOne(counted)
      const until = min(min(end, quietUntil(p, known_end)), min(ripe - 1, p + affordable(alone)))
      const roomy = found - open < open_max && found < found_max - 2
      const began = p
      for (; p + stride_bytes <= until; p += stride_bytes) {
        const behind = companyBehind(company, p)
        if (behind == 0) break
        company = behind
      }
      for (; p < until; p++) {
        const entry = load<u32>(company + next_at + (<usize>load<u8>(class_of + <usize>load<u8>(p)) << 3))
        if ((entry & marks) != 0) {
          if ((entry & marks) != matched || !roomy) break
          const matching = load<u32>(entry - matched, 4)
          if ((matching & (matching - 1)) != 0) break
          const i = <usize>ctz<u32>(matching)
          const start = max(<usize>load<u32>(starts + (i << 3)), settled)
          if (told_end != 0 && start > told_start) break
          told_start = start
          told_end = p + 1
          told_rule = load<u16>(entry - matched + (i << 1), rules_at)
          company = entry - matched
        } else company = entry
      }
      payFor(p - began, alone)
      calm = p > began
      if (p >= end) break
    } else calm = true
    const of_class: usize = load<u8>(class_of + <usize>load<u8>(p))
    const place = company + next_at + (of_class << 3)
    let entry = load<u32>(place)
    if ((entry & 1) != 0) {
      if (entry == leave) break
      workOut(company, <u32>of_class)
      entry = load<u32>(place)
      if ((entry & 1) != 0) break
    }
    const how: u32 = load<u32>(place, 4)
    let to: usize = entry & ~marks
    let units: u32 = 0
    let counting = counted
    if (p + 1 == ripe) {
      if (((how >>> met_shift) & 15) != 0) break
      const ripening = ripeBits(count, p + 1) & ~load<u32>(company, pending_at)
      counting |= ripening
      for (let rest = ripening & ~(how & gone); rest != 0; rest &= rest - 1) {
        const state: usize = load<u16>(company + (<usize>ctz<u32>(rest) << 1), states_at)
        units += ripeUnits(load<u16>(next + ((state * classes + of_class) << 1)))
      }
    }
    let count_there = count
    if ((entry & changed) != 0) {
      const met = (how >>> met_shift) & 15
      if (met != 0) {
        const meeting = (how >>> meeting_shift) & 15
        counting |= (meeting == new_one ? 1 : (counting >>> meeting) & 1) << (met - 1)
      }
      counting = closedUp(counting, how & gone)
      count_there -= <u32>popcnt<u32>(how & gone)
      for (let fresh = (how >>> begun_shift) & 3; fresh > 0; fresh--) counting |= 1 << count_there++
    }
    const spawning = count_there
    if (mayBegin(p, known_end)) {
      // All die of the byte with which something may begin: that begins as where none is, behind what is looked at ahead.
      if (spawning == 0 && (how >>> context_shift) == 0) break
      const before: usize = load<u8>(p - 1)
      const first = <u32>load<u16>(next + ((load<u16>(pattern_start + (before << 1)) * classes + <u32>of_class) << 1))
      const second = <u32>load<u16>(next + ((load<u16>(context_start + (before << 1)) * classes + <u32>of_class) << 1))
      if ((first | second) != 0) {
        if (((load<u8>(flags + first) | load<u8>(flags + second)) & (eventful | pending)) != 0) break
        to = withBoth(to, first, second)
        if (to == 0) break
        count_there = load<u32>(to)
      }
    }
    const beside = besideOne(counting)
    units += beside
    if ((how >>> context_shift) != 0) units += contextUnits((how >>> context_shift) & 15, p + 1) + contextUnits((how >>> second_shift) & 15, p + 1)
    const ending = how >>> end_shift
    let end_rule: u32 = rules
    let end_start: usize = 0
    if (ending != 0) {
      if (found - open >= open_max || found >= found_max - 2) break
      end_start = load<u32>(starts + ((ending - 1) << 3))
      end_rule = ruleEnding(load<u16>(company + ((ending - 1) << 1), states_at), end_start, p)
      units += end_units
    }
    if (owesTooMuch(units)) break
    if (end_rule != rules) {
      if (told_end != 0) addMatch(told_start, told_end, told_rule)
      told_end = 0
      addMatch(end_start, p, end_rule)
    }
    // From here on the byte is read.
    setDebt(debtAfter(units), repaying)
    if ((entry & changed) != 0) change(how, count, p + 1)
    for (let i = spawning; i < count_there; i++) {
      store<u64>(starts + (i << 3), p)
      ripe = min(ripe, p + reach)
    }
    counted = counting
    company = to
    count = count_there
    if (p + 1 == ripe) ripe = ripeAt(count, p + 1)
    const matching = load<u32>(company, 4)
    if (matching != 0) {
      // Of those that end here the oldest covers the others, and gives the label.
      let start: usize = ~0
      let rule: u32 = 0
      for (let rest = matching; rest != 0; rest &= rest - 1) {
        const i = <usize>ctz<u32>(rest)
        // Where it has left already nothing can be masked, and so all that began before began there.
        const of_thread = max(<usize>load<u32>(starts + (i << 3)), settled)
        const of_rule: u32 = load<u16>(company + (i << 1), rules_at)
        if (of_thread > start || (of_thread == start && of_rule > rule)) continue
        start = of_thread
        rule = of_rule
      }
      if (told_end != 0 && start > told_start) addMatch(told_start, told_end, told_rule)
      told_start = start
      told_end = p + 1
      told_rule = rule
      if (found - open >= open_max || found >= found_max - 2) {
        p++
        break
      }
    }
    // A number that was found is soon over, and the next one by itself.
    if (count <= 1 && (count == 0 || ending != 0 || (load<u32>(company, 8) == 0 && isQuiet(p + 1, known_end, leave_min)))) {
      p++
      break
    }
  }
  if (told_end != 0) addMatch(told_start, told_end, told_rule)
  earned(p - from)
  goOut(company, count)
  return p
}

// @ts-ignore: decorator
@inline
function besideOne(counted: u32): u32 {
  const count = <u32>popcnt<u32>(counted)
  return count > 1 ? count - 1 : 0
}

/** The bits without those that are gone. */
// @ts-ignore: decorator
@inline
function closedUp(all: u32, without: u32): u32 {
  let left = all
  for (let going = without; going != 0; going = (going & (going - 1)) >>> 1) {
    const below = (going & (0 - going)) - 1
    left = (left & below) | ((left >>> 1) & ~below)
  }
  return left
}

/** What it costs that the context of the thread, less one, ends before `p`. */
// @ts-ignore: decorator
@inline
function contextUnits(thread: u32, p: usize): u32 {
  return thread == 0 ? 0 : <u32>min(p - <usize>load<u32>(starts + ((thread - 1) << 3)), first_bytes) * context_units
}

/** Takes the threads over. */
function comeIn(): void {
  const list = currentList()
  seekNone()
  for (let i: u32 = 0; i < threads; i++) {
    const word = load<u32>(list + i * <u32>thread_bytes)
    store<u64>(starts + (i << 3), <u64>load<u32>(list + i * <u32>thread_bytes, 4) | (<u64>(word & ~state_mask) << 32))
    seekState(word & state_mask)
  }
}

function goOut(company: usize, count: u32): void {
  const list = otherList()
  for (let i: u32 = 0; i < count; i++) {
    const at = list + i * <u32>thread_bytes
    store<u32>(at, <u32>load<u16>(company + (i << 1), states_at) | load<u32>(starts + (i << 3), 4))
    store<u32>(at, load<u32>(starts + (i << 3)), 4)
  }
  replaceList(list, count)
}

/** Threads go, and some may begin at `p`. */
function change(how: u32, count: u32, p: usize): void {
  const met = (how >>> met_shift) & 15
  const fresh = <u64>p | (<u64>spawned << 32)
  if (met != 0) {
    // The earlier start covers the later one.
    const meeting = (how >>> meeting_shift) & 15
    const at = starts + ((met - 1) << 3)
    const one = load<u64>(at)
    const other = meeting == new_one ? fresh : load<u64>(starts + (meeting << 3))
    store<u64>(at, <u64>min(<u32>one, <u32>other) | ((one | other) & 0xffffffff00000000))
  }
  let left = count
  if ((how & gone) != 0) {
    left = ctz<u32>(how)
    for (let i = left + 1; i < count; i++)
      if (((how >>> i) & 1) == 0) store<u64>(starts + (left++ << 3), load<u64>(starts + (i << 3)))
  }
  for (let begun = (how >>> begun_shift) & 3; begun > 0; begun--) store<u64>(starts + (left++ << 3), fresh)
}

/** The same that `threads.ts` tells of its list. `words`: those that have not come to their landmarks. */
function countedAt(count: u32, p: usize, words: u32): u32 {
  let counted: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const start = load<u64>(starts + (i << 3))
    counted |= <u32>(start > 0xffffffff || (p - <usize>start >= reach && ((words >>> i) & 1) == 0)) << i
  }
  return counted
}

function ripeAt(count: u32, p: usize): usize {
  let ripe: usize = ~0
  for (let i: u32 = 0; i < count; i++) {
    const start: usize = load<u32>(starts + (i << 3))
    if (p - start < reach) ripe = min(ripe, start + reach)
  }
  return ripe
}

function ripeBits(count: u32, p: usize): u32 {
  let ripening: u32 = 0
  for (let i: u32 = 0; i < count; i++) ripening |= <u32>(load<u64>(starts + (i << 3)) == <u64>(p - reach)) << i
  return ripening
}
