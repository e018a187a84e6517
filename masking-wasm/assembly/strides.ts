/**
 * Several bytes at once: eight that were met before in the same state, or digits where it does not matter which.
 */
import { eventful, fulfills, waits } from './abreast'
import { take } from './memory'
import { class_of, classes, flags, later, next, states } from './tables'
import { state_mask } from './threads'

/** By state: what follows whatever digit comes, and behind four of them, if nothing happens there but that matches wait; else 0. */
export let by_digit: usize = 0
export let by_four: usize = 0
/** Behind four digits, if nothing happens there at all. */
export let calm_four: usize = 0

/** Behind `initAbreast`. */
export function initStrides(): bool {
  by_digit = take(states * 2)
  by_four = take(states * 2)
  calm_four = take(states * 2)
  if (by_digit == 0 || by_four == 0 || calm_four == 0) return false
  for (let state: u32 = 0; state < states; state++) store<u16>(by_digit + (state << 1), <u16>behindDigit(state))
  for (let state: u32 = 0; state < states; state++) {
    let to = state
    let calm = true
    for (let i = 0; i < 4; i++) {
      to = load<u16>(by_digit + (to << 1))
      if ((load<u8>(flags + to) & eventful) != 0) calm = false
    }
    store<u16>(by_four + (state << 1), <u16>to)
    store<u16>(calm_four + (state << 1), calm ? <u16>to : 0)
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
export function digitsAt(p: usize): usize {
  const digits = i8x16.lt_u(i8x16.sub(v128.load(p), i8x16.splat(<i8>digit_0)), i8x16.splat(10))
  return <usize>ctz<u32>(~i8x16.bitmask(digits))
}

/** What is stepped over at once, where nothing happens. */
export const stride_bytes: usize = 8
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
