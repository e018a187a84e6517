/**
 * The dark: everything is masked up to the end of the line, and only what can go over it is followed. Where no thread is left, all
 * else is skipped.
 */
import { eventful } from './abreast'
import { pay } from './budget'
import { mayBegin, quietUntil, reach } from './scan'
import { class_of, classes, context_start, crosses, flags, next, pattern_start } from './tables'

/** Up to the line's end nothing is to be done but to begin what can go over it. */
export function skipDark(from: usize, until: usize, end: usize): usize {
  let p = from
  while (p < until) {
    p = max(p, skipLine(p, min(quietUntil(p, end), until)))
    if (p == until) break
    const byte: u32 = load<u8>(p)
    if (byte == 10 || byte == 13) break
    if (!mayBegin(p, end)) continue
    if (p + reach > end || !diesInDark(p, load<u8>(p - 1))) break
    pay(1)
    p++
  }
  return p
}

/** Everything is masked, no thread is left and none begins before `end`. */
function skipLine(from: usize, end: usize): usize {
  let p = from
  for (; p < end; p++) {
    const byte: u32 = load<u8>(p)
    if (byte == 10 || byte == 13) break
  }
  pay(p - from)
  return p
}

/** Does what may begin at `p` die before it counts, as nothing goes on but what can go over an end of line? */
function diesInDark(p: usize, before: u32): bool {
  return diesSoon(load<u16>(pattern_start + (before << 1)), p) && diesSoon(load<u16>(context_start + (before << 1)), p)
}

function diesSoon(from: u32, p: usize): bool {
  const table = next
  const width = classes << 1
  let state = from
  for (let at = p; at < p + reach; at++) {
    const byte: u32 = load<u8>(at)
    state = load<u16>(table + (<usize>load<u8>(class_of + byte) << 1) + state * width)
    if (state == 0) return true
    const bits: u32 = load<u8>(flags + state)
    // Behind the end of the line it is not dark.
    if ((bits & eventful) != 0 || byte == 10 || byte == 13) return false
    if ((bits & crosses) == 0) return true
  }
  return false
}
