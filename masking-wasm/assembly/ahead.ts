/**
 * What begins where no thread is, looked at ahead for as long as it is too young to count: mostly it is dead by then.
 */
import { eventful } from './abreast'
import { boundary } from './boundary'
import { debtAfter, owesTooMuch, pay, repaying, setDebt } from './budget'
import { isKnownQuiet, reach } from './scan'
import { behindStride, calm_four, digitsAt, dies, stride_bytes } from './strides'
import { class_of, classes, context_start, flags, next, pattern_start, pending, stream_start } from './tables'
import { addThread, ripeUnits, state_mask } from './threads'

/** Of {@link livesOn}: the pattern's thread, and the context's. */
export const as_pattern: u32 = 1
export const as_context: u32 = 2

/** The state in which what {@link livesOn} alone is behind its first bytes, and how many: {@link reach}, or those before something happens. 0 when none is. */
export let ahead: u32 = 0
export let ahead_bytes: usize = 0
/** The same of what was followed last. */
let behind: u32 = 0
let behind_bytes: usize = 0
/** What was asked: the byte before and the {@link reach} first ones, u64 @0 and, the last of them, @8; the answers, @16, @20 and @24. By a hash of the bytes. */
const known: usize = memory.data(16 * 32, 16)
const known_power: u32 = 4
/** As an answer: none. */
const none_known: u32 = 4

/**
 * Which of those that may begin at `p` after `before` do not die before they count? The others need not begin, as nothing
 * happens by them. The filter mixes up some heads, and knows no more of a head than its first bytes.
 */
export function livesOn(p: usize, before: u32): u32 {
  // What is printed over and over is looked at once.
  const low = load<u64>(p - 1)
  const high = load<u64>(p - 1, reach - 7)
  const entry = known + (<usize>(((low ^ (high >>> 7)) * 0x9e3779b97f4a7c15) >>> (64 - known_power)) << 5)
  if (low == load<u64>(entry) && high == load<u64>(entry, 8) && load<u32>(entry, 16) != none_known && before != stream_start) {
    ahead = load<u32>(entry, 20)
    ahead_bytes = load<u32>(entry, 24)
    return load<u32>(entry, 16)
  }
  const pattern = behindReach(load<u16>(pattern_start + (before << 1)), p)
  ahead = behind
  ahead_bytes = behind_bytes
  const context = behindReach(load<u16>(context_start + (before << 1)), p)
  const living = (pattern != 0 ? as_pattern : 0) | (context != 0 ? as_context : 0)
  if (living == as_context) {
    ahead = behind
    ahead_bytes = behind_bytes
  }
  // Of two neither is alone.
  if (ahead_bytes == 0 || living == (as_pattern | as_context)) ahead = 0
  store<u64>(entry, low)
  store<u64>(entry, high, 8)
  store<u32>(entry, before != stream_start ? living : none_known, 16)
  store<u32>(entry, ahead, 20)
  store<u32>(entry, ahead_bytes, 24)
  return living
}

/** The state behind the bytes that are looked at ahead, 0 when it dies, and more than a state when something happens. */
function behindReach(from: u32, p: usize): u32 {
  const table = next
  const width = classes << 1
  const digits = p + digitsAt(p)
  const end = p + reach
  let state = from
  let at = p
  // Digits are other ones each time; of words the beginnings were met before.
  if (digits == p) {
    const to = load<u16>(table + (<usize>load<u8>(class_of + <usize>load<u8>(p)) << 1) + from * width) != 0 ? behindStride(from, p) : dies
    if (to == dies) return 0
    // It may have begun to wait there, which is told.
    if (to != 0 && (load<u8>(flags + to) & eventful) == 0) {
      state = to
      at += stride_bytes
    }
  }
  for (; at < end; at++) {
    while (at + 4 <= digits && at + 4 <= end && load<u16>(calm_four + (state << 1)) != 0) {
      state = load<u16>(calm_four + (state << 1))
      at += 4
    }
    if (at == end) break
    const to: u32 = load<u16>(table + (<usize>load<u8>(class_of + <usize>load<u8>(at)) << 1) + state * width)
    if (to == 0) return 0
    if ((load<u8>(flags + to) & eventful) != 0) {
      behind = state
      behind_bytes = at - p
      return state_mask + 1
    }
    state = to
  }
  behind = state
  behind_bytes = reach
  return state
}

/**
 * Where no thread is, the one that {@link livesOn} begins at `p`, at once behind the bytes that were looked at ahead, if nothing else begins meanwhile.
 * False when there is more to do.
 */
// @ts-ignore: decorator
@inline
export function beginAhead(p: usize): bool {
  if (ahead == 0 || p + ahead_bytes > boundary || !isKnownQuiet(p + 1, p + ahead_bytes)) return false
  const bits = load<u8>(flags + ahead)
  const units = ahead_bytes == reach && (bits & pending) == 0 ? ripeUnits(ahead) : 0
  if (owesTooMuch(units)) return false
  pay(ahead_bytes - 1)
  setDebt(debtAfter(units), repaying)
  addThread(ahead, p)
  return true
}

/** Where no thread is, that one of two that {@link livesOn} begins at `p` behind `before`. False when there is more to do. */
// @ts-ignore: decorator
@inline
export function beginAlone(p: usize, before: u32, living: u32): bool {
  if (living != as_pattern && living != as_context) return false
  const of_class: usize = load<u8>(class_of + <usize>load<u8>(p))
  const start: u32 = load<u16>((living == as_pattern ? pattern_start : context_start) + (before << 1))
  const state: u32 = load<u16>(next + ((start * classes + of_class) << 1))
  if ((load<u8>(flags + state) & eventful) != 0) return false
  addThread(state, p)
  pay(1)
  return true
}

export function initAhead(): void {
  for (let entry = known; entry < known + (32 << known_power); entry += 32) store<u32>(entry, none_known, 16)
}
