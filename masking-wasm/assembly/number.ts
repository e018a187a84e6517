/**
 * A number with a check, where no thread is: most stand between others of their kind, or words, and are over soon. The whole of it is read at
 * once, and no thread begins.
 */
import { eventful, fulfills, waits } from './abreast'
import { ahead, ahead_bytes } from './ahead'
import { boundary } from './boundary'
import { debt, debtPaid, isFarFromDebt, setDebt } from './budget'
import { end_units, ruleEnding } from './ends'
import { quietUntil, reach } from './scan'
import { addMatch } from './spans'
import { behindStride, by_digit, by_four, digitsAt, dies } from './strides'
import { checked, class_of, classes, flags, next, pending, rules } from './tables'
import { clearThreads, ripeUnits, state_mask, threadStart, threadWord } from './threads'

/** A card's number is at most so long; what is older may hold something. */
const bytes_max: usize = 128

/**
 * Only a pattern begins at `begin`, and `livesOn` was asked last about that. Returns where it is dead, a match told if it was one, and what it cost and the bytes
 * from `p` on paid; 0 when there is more to do, and then nothing is done. `end`: the window's.
 */
export function passNumber(p: usize, begin: usize, end: usize): usize {
  if (ahead == 0 || (load<u8>(flags + ahead) & (checked | pending)) != checked || !isFarFromDebt()) return 0
  const table = next
  const width = classes << 1
  // What begins at its end may be one more. And behind it `reach` bytes are looked at.
  if (begin + bytes_max > end) return 0
  const quiet = min(min(quietUntil(begin + 1, end), boundary), begin + bytes_max - reach)
  let state = ahead
  let at = begin + ahead_bytes
  const ripe = begin + reach
  if (ripe >= quiet) return 0
  if (at < ripe) {
    // What happens with its last young byte is at most that it begins to wait.
    if (at + 1 != ripe || load<u16>(waits + (state << 1)) != 0) return 0
    state = load<u16>(table + (<usize>load<u8>(class_of + <usize>load<u8>(at)) << 1) + state * width)
    if (load<u16>(waits + (state << 1)) == 0) return 0
    at++
  }
  let owed = debtPaid(debt, at - 1 - p)
  owed = debtPaid(owed + (ripeUnits(state) << 2), 1)
  for (let paid = at; at < quiet; at++) {
    let digits = min(digitsAt(at), quiet - at)
    for (; digits >= 4 && load<u16>(by_four + (state << 1)) != 0; digits -= 4, at += 4) state = load<u16>(by_four + (state << 1))
    for (; digits > 0 && load<u16>(by_digit + (state << 1)) != 0; digits--, at++) state = load<u16>(by_digit + (state << 1))
    if (at == quiet) return 0
    const byte: u32 = load<u8>(at)
    const condition: u32 = load<u16>(waits + (state << 1))
    const to: u32 = load<u16>(table + (<usize>load<u8>(class_of + byte) << 1) + state * width)
    if (condition != 0 && fulfills(condition, byte)) {
      if ((load<u8>(flags + to) & eventful) != 0 || (to != 0 && !isOver(to, at + 1))) return 0
      owed = debtPaid(owed, at - paid)
      const rule = ruleEnding(state, begin, at)
      if (rule != rules) addMatch(begin, at, rule)
      setDebt(debtPaid(owed + (end_units << 2), 1), false)
      return at + 1
    }
    if (to == 0) {
      setDebt(debtPaid(owed, at + 1 - paid), false)
      return at + 1
    }
    if ((load<u8>(flags + to) & eventful) != 0 && load<u16>(waits + (to << 1)) == 0) return 0
    state = to
  }
  return 0
}

/**
 * A number that was found may go on, and mostly does not: does it die within the next bytes, with nothing happening by it? Nobody misses it then, as what
 * begins meanwhile does not count before that.
 */
// @ts-ignore: decorator
@inline
function isOver(state: u32, p: usize): bool {
  return p + reach <= boundary && behindStride(state, p) == dies
}

/**
 * Forgets the only thread there is if it is a number that {@link isOver}. Nothing is decided there: it is far from all bounds. `deadline`: where too much may
 * be held. `end`: the window's.
 */
export function forgetNumber(p: usize, deadline: usize, end: usize): void {
  const state = threadWord(0) & state_mask
  if ((load<u8>(flags + state) & checked) == 0 || !isFarFromDebt()) return
  const until = p + reach
  if (until > end || until >= deadline || p - threadStart(0) > bytes_max) return
  if (isOver(state, p)) clearThreads()
}
