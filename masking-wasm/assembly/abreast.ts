/**
 * The quick way through bytes at which nothing happens but that threads go on, die, and plain matches grow, any number side by side. It does what
 * `matcher.ts` does for each byte, and leaves the byte to it at which there is more to do. And what is known of states.
 */
import { debtAfter, owesTooMuch, repaying, setDebt } from './budget'
import { take } from './memory'
import { mayBegin, reach } from './scan'
import { addMatch, found, found_max, open, open_max, settled } from './spans'
import {
  accept, class_of, classes, context_start, crosses, final, flags, follows, later, lists, next, now, pattern_start, pending,
  spawns, states,
} from './tables'
import {
  countedOf, currentList, marks, otherList, pendingOf, replaceList, ripeAt, ripened, stamp, state_mask, thread_bytes,
  threads,
} from './threads'

/** The states that are left to the matcher, but for plain matches. */
export const eventful: u32 = now | later | final | spawns
/** More threads than this are left to it as well: the next byte could make them too many. */
export const abreast_max: u32 = 48

/** By state: 1 + the rule of which a match ends there whatever follows and whatever it is; else 0. */
export let plain: usize = 0
/** By state: the condition of all matches that end there, if they have one in common and nothing else happens; else 0. */
export let waits: usize = 0

export function initAbreast(): bool {
  plain = take(states * 2)
  waits = take(states * 2)
  if (plain == 0 || waits == 0) return false
  for (let state: u32 = 0; state < states; state++) {
    store<u16>(plain + (state << 1), <u16>plainRule(state))
    store<u16>(waits + (state << 1), <u16>commonCondition(state))
  }
  return true
}

function commonCondition(state: u32): u32 {
  if ((load<u8>(flags + state) & eventful) != later) return 0
  let at = lists + (<usize>load<u16>(accept + (state << 1)) << 1)
  const condition: u32 = load<u16>(at, 4)
  for (let count: u32 = load<u16>(at); count > 0; count--, at += 6) if (load<u16>(at, 4) != condition) return 0
  return condition
}

/** Can what waits in a state for a condition end before `byte`? */
// @ts-ignore: decorator
@inline
export function fulfills(condition: u32, byte: u32): bool {
  return ((load<u8>(follows + condition * 40 + (byte >>> 3)) >>> (byte & 7)) & 1) != 0
}

function plainRule(state: u32): u32 {
  if ((load<u8>(flags + state) & eventful) != now) return 0
  let at = lists + (<usize>load<u16>(accept + (state << 1)) << 1)
  // The list is in the rules' order, and the first is what labels the match.
  const rule: u32 = load<u16>(at, 2)
  for (let count: u32 = load<u16>(at); count > 0; count--, at += 6) if (load<u16>(at, 6) != 0) return 0
  return rule + 1
}

/**
 * All threads read [p, end), and new ones begin where the filter says so. Returns the byte at which anything else happens,
 * which is not read, or where one thread is left at most. `dark`: only what can go over the end of a line is followed, and the
 * end of a line is not read. `known_end`: the window's.
 */
export function stepAbreast(from: usize, end: usize, known_end: usize, dark: bool): usize {
  const table = next
  const width = classes << 1
  const surviving: u32 = dark ? crosses : crosses | 0x100
  let list = currentList()
  let other = otherList()
  let list_end = list + threads * thread_bytes
  // How many count, and when one more does.
  let counted = countedOf(list, list_end, from)
  let words: u32 = pendingOf(list, list_end)
  let ripe = ripeAt(list, list_end, from)
  // The last plain match that was not told yet: those that begin with it or later and end no later are covered.
  let told_end: usize = 0
  let told_start: usize = 0
  let told_rule: u32 = 0
  let p = from
  for (; p < end; p++) {
    const byte: u32 = load<u8>(p)
    if (dark && (byte == 10 || byte == 13)) break
    const column = table + (<usize>load<u8>(class_of + byte) << 1)
    const mark = stamp()
    let undone: u32 = 0
    let to_end = other
    let match_start: usize = ~0
    let match_rule: u32 = 0
    let counting = counted
    let words_left: u32 = 0
    for (let at = list; at < list_end; at += thread_bytes) {
      const word = load<u32>(at)
      const start: usize = load<u32>(at, 4)
      const to: u32 = load<u16>(column + (word & state_mask) * width)
      const bits: u32 = load<u8>(flags + to)
      if (to == 0 || ((bits | 0x100) & surviving) == 0) {
        // What is eventful may not only die.
        undone |= bits & eventful
        if ((word & ~state_mask) != 0 || p - start >= reach) counting--
        continue
      }
      if ((bits & eventful) != 0) {
        const plainly: u32 = load<u16>(plain + (to << 1))
        // Where it has left already nothing can be masked, and so all that began before began there.
        const from_here = max(start, settled)
        if (plainly == 0) undone = 1
        else if (from_here < match_start || (from_here == match_start && plainly - 1 < match_rule)) {
          match_start = from_here
          match_rule = plainly - 1
        }
      }
      words_left |= bits & pending
      // Two that meet become one, which the matcher does.
      const place = marks + (to << 3)
      undone |= <u32>(load<u32>(place) == mark)
      store<u32>(place, mark)
      store<u32>(to_end, to | (word & ~state_mask))
      store<u32>(to_end, <u32>start, 4)
      to_end += thread_bytes
    }
    if (mayBegin(p, known_end)) {
      const before: usize = load<u8>(p - 1)
      for (let kind = 0; kind < 2; kind++) {
        const beginning: u32 = load<u16>((kind == 0 ? pattern_start : context_start) + (before << 1))
        const to: u32 = load<u16>(column + beginning * width)
        if (to == 0) continue
        const bits: u32 = load<u8>(flags + to)
        const place = marks + (to << 3)
        undone |= (bits & eventful) | <u32>(load<u32>(place) == mark)
        words_left |= bits & pending
        if (((bits | 0x100) & surviving) == 0) continue
        store<u32>(place, mark)
        store<u32>(to_end, to)
        store<u32>(to_end, <u32>p, 4)
        to_end += thread_bytes
        ripe = min(ripe, p + reach)
      }
    }
    if (undone != 0 || to_end > other + abreast_max * thread_bytes) break
    if ((words | words_left) != 0) counting = countedOf(other, to_end, p + 1)
    let units: u32 = counting > 1 ? counting - 1 : 0
    if (p + 1 == ripe) {
      counting = countedOf(other, to_end, p + 1)
      units = (counting > 1 ? counting - 1 : 0) + ripened(other, to_end, p + 1)
    }
    if (owesTooMuch(units)) break
    // From here on the byte is read.
    setDebt(debtAfter(units), repaying)
    counted = counting
    words = words_left
    if (p + 1 == ripe) ripe = ripeAt(other, to_end, p + 1)
    const read = list
    list = other
    other = read
    list_end = to_end
    if (match_start != ~0) {
      if (told_end != 0 && match_start > told_start) addMatch(told_start, told_end, told_rule)
      told_start = match_start
      told_end = p + 1
      told_rule = match_rule
      if (found - open >= open_max || found >= found_max - 2) {
        p++
        break
      }
    }
    if (list_end <= list + thread_bytes) {
      p++
      break
    }
  }
  if (told_end != 0) addMatch(told_start, told_end, told_rule)
  replaceList(list, <u32>((list_end - list) / thread_bytes))
  return p
}
