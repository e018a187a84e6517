/**
 * Several threads at once, for little more than the price of one. What a byte does to a list of states depends on nothing
 * else, so it is worked out once and kept: a *company* is such a list, and knows for each class of bytes the company that
 * follows and which of its threads do not live on. Only starts are kept by hand. At what cannot be kept (a check, a condition
 * that is fulfilled) the matcher takes over for a byte.
 *
 * It is a cache: when it is full it is emptied, and while too little is found in it, it is left alone. No output depends on it.
 */
import { eventful, plain } from './abreast'
import { affordable, debtAfter, owesTooMuch, payFor, repaying, setDebt } from './budget'
import { take } from './memory'
import { mayBegin, quietUntil, reach } from './scan'
import { addMatch, found, found_max, open, open_max, settled } from './spans'
import {
  accept, class_of, classes, context_start, final, flags, follows, later, lists, next, now, pattern_start, pending, spawn,
  spawns,
} from './tables'
import { currentList, otherList, replaceList, spawned, state_mask, thread_bytes, threads } from './threads'

/** In a company. */
export const together_max: u32 = 8
/** Kept at once; a kilobyte each. */
const companies_max: u32 = 512

/**
 * A company: threads u32 @0, which of them end a plain match, a bit each, @4, whether some wait for the next byte @8, states
 * u16 @16, rules of the plain matches u16 @32. From @64 on for each class what follows, u32, and how, u32.
 */
const states_at: usize = 16
const rules_at: usize = 32
const next_at: usize = 64
let company_bytes: usize = 0
let companies: usize = 0
let companies_kept: u32 = 0

/** What follows is at a multiple of 64. Or, odd: nobody knows yet, as each byte is {@link unknown}; or the matcher knows. */
const unknown: u8 = 1
const leave: u32 = 1
/** Threads come or go. */
const changed: u32 = 2
/** A match ends there. */
const matched: u32 = 4
const marks: u32 = 63

/**
 * How: the threads that go, a bit each; then by four bits: at which one, less one, a context ends; into which one, less one,
 * which other goes; how many begin behind contexts; at which one, less one, another context ends.
 */
const gone: u32 = 255
const context_shift: u32 = 8
const met_shift: u32 = 12
const meeting_shift: u32 = 16
const begun_shift: u32 = 20
const second_shift: u32 = 24
/** For the other one: it is one that would begin. */
const new_one: u32 = 8

/** By a hash of the states. */
const slots: u32 = 2048
let table: usize = 0
/** Companies with what begins beside them: company, the two states, what they are together. */
const pairs: u32 = 256
const pair_bytes: usize = 16
let joined: usize = 0
/** Start of each thread and its marks; u64. */
let starts: usize = 0
/** States that are put together. */
let sought: usize = 0
let sought_count: u32 = 0

/** Bytes that went well, less what was worked out; at 0 the cache is no help. */
let credit: i32 = 0
const credit_max: i32 = 1024
const miss_costs: i32 = 64
const visit_costs: i32 = 48
/** One thread is better followed alone where so long nothing begins. */
const quiet_min: usize = 24

export function initTogether(): bool {
  company_bytes = (next_at + classes * 8 + 63) & ~63
  companies = (take(companies_max * company_bytes + 64) + 63) & ~63
  table = take(slots * 4)
  joined = take(pairs * pair_bytes)
  starts = take((together_max + 4) * 8)
  sought = take(32)
  credit = credit_max
  return companies >= 64 && table != 0 && joined != 0 && starts != 0 && sought != 0
}

function forget(): void {
  companies_kept = 0
  memory.fill(table, 0, slots * 4)
  memory.fill(joined, 0, pairs * pair_bytes)
}

/** Is it worth to ask? */
export function helps(): bool {
  return credit > 0
}

/** A window of so many bytes came; what did not help may help now. */
export function earn(bytes: usize): void {
  credit = min(credit + max(1, <i32>(bytes >>> 8)), credit_max)
}

/** Does nothing begin for so long that one thread is better followed alone? */
export function isQuiet(p: usize, known_end: usize): bool {
  return p >= known_end || quietUntil(p, known_end) - p >= quiet_min
}

/**
 * All threads, {@link together_max} at most, read [from, end), and new ones begin where the filter says so. Returns the byte
 * at which anything else happens, which is not read, or where one thread is left at most. `known_end`: the window's.
 */
export function stepTogether(from: usize, end: usize, known_end: usize): usize {
  if (!comeIn()) return from
  let company = find()
  if (company == 0) return from
  credit -= visit_costs
  let count = threads
  // Which of them count, a bit each, and where the next one will.
  let counted = countedAt(count, from)
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
      const ripening = ripeBits(count, p + 1)
      counting |= ripening
      units = <u32>popcnt<u32>(ripening & ~(how & gone)) * <u32>reach
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
    // What young threads have cost counts only beside another.
    units = beside == 0 ? 0 : units + beside
    if ((how >>> context_shift) != 0) units += contextUnits((how >>> context_shift) & 15, p + 1) + contextUnits(how >>> second_shift, p + 1)
    if (owesTooMuch(units)) break
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
    if (count <= 1 && (count == 0 || (load<u32>(company, 8) == 0 && isQuiet(p + 1, known_end)))) {
      p++
      break
    }
  }
  if (told_end != 0) addMatch(told_start, told_end, told_rule)
  credit = min(credit + <i32>(p - from), credit_max)
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
  return thread == 0 ? 0 : <u32>min(p - <usize>load<u32>(starts + ((thread - 1) << 3)), reach)
}

/** Takes the threads over. False when one has not come to its landmark. */
function comeIn(): bool {
  const list = currentList()
  sought_count = threads
  let flagged: u32 = 0
  for (let i: u32 = 0; i < threads; i++) {
    const word = load<u32>(list + i * <u32>thread_bytes)
    flagged |= load<u8>(flags + (word & state_mask))
    store<u64>(starts + (i << 3), <u64>load<u32>(list + i * <u32>thread_bytes, 4) | (<u64>(word & ~state_mask) << 32))
    store<u16>(sought + (i << 1), <u16>(word & state_mask))
  }
  return (flagged & pending) == 0
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

/** The same that `threads.ts` tells of its list. */
function countedAt(count: u32, p: usize): u32 {
  let counted: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const start = load<u64>(starts + (i << 3))
    counted |= <u32>(start > 0xffffffff || p - <usize>start >= reach) << i
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

/** What a byte of the class makes of a company. */
function workOut(company: usize, of_class: u32): void {
  const place = company + next_at + (of_class << 3)
  const count = load<u32>(company)
  let how: u32 = 0
  let first: u32 = 0
  let second: u32 = 0
  sought_count = 0
  for (let i: u32 = 0; i < count; i++) {
    const state: u32 = load<u16>(company + (i << 1), states_at)
    const to: u32 = load<u16>(next + ((state * classes + of_class) << 1))
    const flagged: u32 = load<u8>(flags + to)
    if (mayEnd(state, of_class) || (flagged & pending) != 0) return leaveIt(place)
    let lives = to != 0
    if ((flagged & eventful) != 0 && load<u16>(plain + (to << 1)) == 0) {
      if ((flagged & now) != 0) return leaveIt(place)
      if ((flagged & spawns) != 0) {
        const pattern: u32 = load<u16>(spawn + (to << 1))
        if (second != 0) return leaveIt(place)
        if (first == 0) first = pattern
        else second = pattern
        how |= (i + 1) << (second == 0 ? context_shift : second_shift)
      }
      lives = (flagged & final) == 0
    }
    const known = <i32>sought_count
    const at = lives ? seek(to) : known
    if (lives && at == known) continue
    how |= <u32>1 << i
    if (!lives) continue
    if (((how >>> met_shift) & 15) != 0) return leaveIt(place)
    how |= ((unclosed(how, <u32>at) + 1) << met_shift) | (i << meeting_shift)
  }
  const old_ones = sought_count
  for (; first != 0; first = second, second = 0) {
    const known = <i32>sought_count
    const at = seek(first)
    if (at < 0) return leaveIt(place)
    if (at == known) how += 1 << begun_shift
    else if (<u32>at >= old_ones) continue
    else if (((how >>> met_shift) & 15) != 0) return leaveIt(place)
    else how |= ((unclosed(how, <u32>at) + 1) << met_shift) | (new_one << meeting_shift)
  }
  const follows_it = find()
  // Emptied meanwhile: this company is gone as well.
  if (follows_it == 0) return
  store<u32>(place, <u32>follows_it | (how != 0 ? changed : 0) | (load<u32>(follows_it, 4) != 0 ? matched : 0))
  store<u32>(place, how, 4)
}

/** Which thread it was that is now the `at`-th. */
function unclosed(how: u32, at_: u32): u32 {
  let at = at_
  let i: u32 = 0
  for (; at > 0 || ((how >>> i) & 1) != 0; i++) if (((how >>> i) & 1) == 0) at--
  return i
}

function leaveIt(place: usize): void {
  store<u32>(place, leave)
}

/** Which of those it is that are {@link sought}, the next one if it was not among them; below 0 when there are too many. */
function seek(state: u32): i32 {
  for (let i: u32 = 0; i < sought_count; i++) if (load<u16>(sought + (i << 1)) == state) return i
  if (sought_count == together_max) return -1
  store<u16>(sought + (sought_count << 1), <u16>state)
  sought_count++
  return <i32>sought_count - 1
}

/** Can a match that waits in `state` for the next byte end before a byte of the class? */
function mayEnd(state: u32, of_class: u32): bool {
  if ((load<u8>(flags + state) & later) == 0) return false
  let at = lists + (<usize>load<u16>(accept + (state << 1)) << 1)
  for (let rest: u32 = load<u16>(at); rest > 0; rest--, at += 6) {
    const follow: usize = load<u16>(at, 4)
    if (follow == 0) continue
    for (let byte: u32 = 0; byte < 256; byte++)
      if (load<u8>(class_of + byte) == of_class && ((load<u8>(follows + follow * 40 + (byte >>> 3)) >>> (byte & 7)) & 1) != 0)
        return true
  }
  return false
}

/** The company with one or two more. 0 when that is too many, or all was forgotten. */
function withBoth(company: usize, first: u32, second: u32): usize {
  const key = first | (second << 16)
  const hash = (<u32>company >>> 6) ^ ((key * 0x9e3779b1) >>> 16)
  const at = joined + (hash & (pairs - 1)) * <u32>pair_bytes
  if (load<u32>(at) == <u32>company && load<u32>(at, 4) == key) return load<u32>(at, 8)
  sought_count = load<u32>(company)
  memory.copy(sought, company + states_at, 16)
  // What is there already began earlier, and stays as it is.
  if ((first != 0 && seek(first) < 0) || (second != 0 && seek(second) < 0)) return 0
  const both = find()
  if (both == 0) return 0
  store<u32>(at, <u32>company)
  store<u32>(at, key, 4)
  store<u32>(at, <u32>both, 8)
  return both
}

/** The company of those that are {@link sought}, made if there is none. 0 when all had to be forgotten first. */
function find(): usize {
  let hash: u32 = sought_count
  for (let i: u32 = 0; i < sought_count; i++) hash = (hash ^ load<u16>(sought + (i << 1))) * 0x9e3779b1
  let slot = hash >>> 21
  for (; ; slot = (slot + 1) & (slots - 1)) {
    const company: usize = load<u32>(table + (slot << 2))
    if (company == 0) break
    if (load<u32>(company) != sought_count) continue
    let same = true
    for (let i: u32 = 0; i < sought_count; i++)
      if (load<u16>(company + (i << 1), states_at) != load<u16>(sought + (i << 1))) same = false
    if (same) return company
  }
  credit -= miss_costs
  if (companies_kept == companies_max) {
    forget()
    return 0
  }
  const company = companies + companies_kept++ * <u32>company_bytes
  store<u32>(table + (slot << 2), <u32>company)
  memory.fill(company, 0, next_at)
  memory.fill(company + next_at, unknown, company_bytes - next_at)
  store<u32>(company, sought_count)
  for (let i: u32 = 0; i < sought_count; i++) {
    const state: u32 = load<u16>(sought + (i << 1))
    store<u16>(company + (i << 1), <u16>state, states_at)
    const rule: u32 = load<u16>(plain + (state << 1))
    if (rule != 0) {
      store<u32>(company, load<u32>(company, 4) | (<u32>1 << i), 4)
      store<u16>(company + (i << 1), <u16>(rule - 1), rules_at)
    }
    if ((load<u8>(flags + state) & later) != 0) store<u32>(company, 1, 8)
  }
  return company
}
