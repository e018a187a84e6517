/**
 * What a byte does to a list of states depends on nothing else, so it is worked out once and kept: a *company* is such a list,
 * and knows for each class of bytes the company that follows and which of its threads do not live on. What cannot be kept (a
 * check, a condition that is fulfilled) is left to the matcher.
 *
 * It is a cache: when it is full it is emptied, and while too little is found in it, it is left alone.
 */
import { eventful, fulfills, plain, waits } from './abreast'
import { take } from './memory'
import {
  accept, class_of, classes, final, flags, later, lists, next, now, pending, spawn, spawns,
} from './tables'

/** In a company. */
export const together_max: u32 = 8
/** Kept at once; a kilobyte each. */
const companies_max: u32 = 512

/**
 * A company: threads u32 @0, which of them end a plain match, a bit each, @4, whether some wait for the next byte @8, which have not come to
 * their landmarks, a bit each, @12, states u16 @16, rules of the plain matches u16 @32. From @64 on for each class what follows, u32, and how, u32.
 */
export const pending_at: usize = 12
export const states_at: usize = 16
export const rules_at: usize = 32
export const next_at: usize = 64
let company_bytes: usize = 0
let companies: usize = 0
let companies_kept: u32 = 0

/** What follows is at a multiple of 64. Or, odd: nobody knows yet, as each byte is {@link unknown}; or the matcher knows. */
const unknown: u8 = 1
export const leave: u32 = 1
/** Threads come or go. */
export const changed: u32 = 2
/** A match ends there. */
export const matched: u32 = 4
export const marks: u32 = 63

/**
 * How: the threads that go, a bit each; then by four bits: at which one, less one, a context ends; into which one, less one,
 * which other goes; how many begin behind contexts; at which one, less one, another context ends; of which one, less one, the matches end that wait.
 */
export const gone: u32 = 255
export const context_shift: u32 = 8
export const met_shift: u32 = 12
export const meeting_shift: u32 = 16
export const begun_shift: u32 = 20
export const second_shift: u32 = 24
export const end_shift: u32 = 28
/** For the other one: it is one that would begin. */
export const new_one: u32 = 8

/** By a hash of the states. */
const slots: u32 = 2048
let table: usize = 0
/** Companies with what begins beside them: company, the two states, what they are together. */
const pairs: u32 = 256
const pair_bytes: usize = 16
let joined: usize = 0
/** States that are put together. */
let sought: usize = 0
let sought_count: u32 = 0

/** Bytes that went well, less what was worked out; at 0 the cache is no help. */
let credit: i32 = 0
const credit_max: i32 = 32768
/** Nobody pays for long for what another stream was like. */
const credit_min: i32 = -256
const miss_costs: i32 = 64
const visit_costs: i32 = 8
export function initCompanies(): bool {
  company_bytes = (next_at + classes * 8 + 63) & ~63
  companies = (take(companies_max * company_bytes + 64) + 63) & ~63
  table = take(slots * 4)
  joined = take(pairs * pair_bytes)
  sought = take(32)
  credit = credit_max
  return companies >= 64 && table != 0 && joined != 0 && sought != 0
}

function forget(): void {
  memory.fill(strides, 0, strides_max * 16)
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
  credit = min(max(credit, credit_min) + max(1, <i32>(bytes >>> 8)), credit_max)
}

/** Whoever asks pays, */
export function visited(): void {
  credit -= visit_costs
}

/** and gets it back for bytes that went well. */
export function earned(bytes: usize): void {
  credit = min(credit + <i32>bytes, credit_max)
}

/** What eight bytes make of a company, for what is printed over and over: the bytes, u64 @0, the company @8 and what follows @12. By a hash of both. */
const strides_power: u32 = 8
const strides_max: usize = 1 << strides_power
const strides: usize = memory.data(256 * 16, 16)
export const stride_bytes: usize = 8

/** The company behind {@link stride_bytes} bytes; 0 when something happens within them. */
// @ts-ignore: decorator
@inline
export function companyBehind(company: usize, p: usize): usize {
  const bytes = load<u64>(p)
  const entry = strides + (<usize>(((bytes ^ (<u64>company << 7)) * 0x9e3779b97f4a7c15) >>> (64 - strides_power)) << 4)
  if (load<u64>(entry) == bytes && load<u32>(entry, 8) == <u32>company) return load<u32>(entry, 12)
  return followStride(entry, company, p)
}

function followStride(entry: usize, from: usize, p: usize): usize {
  let company = from
  for (let at = p; at < p + stride_bytes && company != 0; at++) {
    const following = load<u32>(company + next_at + (<usize>load<u8>(class_of + <usize>load<u8>(at)) << 3))
    // Nobody knows yet.
    if ((following & 1) != 0) return 0
    company = (following & marks) == 0 ? following : 0
  }
  store<u64>(entry, load<u64>(p))
  store<u32>(entry, <u32>from, 8)
  store<u32>(entry, <u32>company, 12)
  return company
}

/** What a byte of the class makes of a company. */
export function workOut(company: usize, of_class: u32): void {
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
    let lives = to != 0
    // Who comes to a landmark begins to count, which the matcher sees to.
    const ends = endsWith(state, of_class)
    if (ends == sometimes || (lives && ((flagged ^ load<u8>(flags + state)) & pending) != 0)) return leaveIt(place)
    if (ends == always) {
      if ((how >>> end_shift) != 0) return leaveIt(place)
      how |= (i + 1) << end_shift
    }
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

/** Forgets what was {@link sought}. */
export function seekNone(): void {
  sought_count = 0
}

/** One more that is {@link sought}, and was not yet. */
export function seekState(state: u32): void {
  store<u16>(sought + (sought_count << 1), <u16>state)
  sought_count++
}

/** Which of those it is that are {@link sought}, the next one if it was not among them; below 0 when there are too many. */
function seek(state: u32): i32 {
  for (let i: u32 = 0; i < sought_count; i++) if (load<u16>(sought + (i << 1)) == state) return i
  if (sought_count == together_max) return -1
  seekState(state)
  return <i32>sought_count - 1
}

/** Of {@link endsWith}. */
const never: u32 = 0
const always: u32 = 1
const sometimes: u32 = 2

/** Do the matches that wait in `state` for the next byte end before a byte of the class? */
function endsWith(state: u32, of_class: u32): u32 {
  if ((load<u8>(flags + state) & later) == 0) return never
  const list = lists + (<usize>load<u16>(accept + (state << 1)) << 1)
  let ending = 0
  let not_ending = 0
  for (let byte: u32 = 0; byte < 256; byte++) {
    if (load<u8>(class_of + byte) != of_class) continue
    let ends = false
    let at = list
    for (let rest: u32 = load<u16>(at); rest > 0; rest--, at += 6)
      if (load<u16>(at, 4) != 0 && fulfills(load<u16>(at, 4), byte)) ends = true
    if (ends) ending++
    else not_ending++
  }
  if (ending == 0) return never
  // Where they wait for different bytes each is to be asked.
  return not_ending == 0 && load<u16>(waits + (state << 1)) != 0 ? always : sometimes
}

/** The company with one or two more. 0 when that is too many, or all was forgotten. */
export function withBoth(company: usize, first: u32, second: u32): usize {
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
export function find(): usize {
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
    if ((load<u8>(flags + state) & pending) != 0) store<u32>(company, load<u32>(company, pending_at) | (<u32>1 << i), pending_at)
  }
  return company
}
