/**
 * SHA-256 (FIPS 180-4) of four messages of one length at once: a word of each in the four lanes of a vector.
 *
 * It is made for JavaScriptCore, where the number of instructions decides; to V8 it makes no difference.
 *
 * - A shift by a constant is four instructions there, so the half of a rotation that can be is a multiplication.
 * - A constant vector is four too, and three to spread a word: so they are in memory, where one has each.
 * - A vector that is read twice from one place is kept, and something else is put on the stack for it; that costs more than
 *   to read it again. So each of eight rounds has the powers of two at places of its own.
 * - What a round waits for, the sum over e, is added last.
 */
import { take } from './memory'
import { k } from './sha256'

/**
 * The schedule, 64 vectors; the constants of section 4.2.2, likewise; four powers of two for each of eight rounds, and two for all; the last
 * block of each lane, two where the padding takes two.
 */
let schedule: usize = 0
const constants_at: usize = 64 * 16
const powers_at: usize = 2 * 64 * 16
const power_26_at: usize = powers_at + 8 * 4 * 16
const power_30_at: usize = power_26_at + 16
const tails_at: usize = power_30_at + 16
const tail_bytes: usize = 128

export function initLanes(): bool {
  if (schedule != 0) return true
  schedule = take(tails_at + 4 * tail_bytes)
  if (schedule == 0) return false
  for (let i: usize = 0; i < 64; i++)
    v128.store(schedule + constants_at + i * 16, i32x4.splat(load<u32>(changetype<usize>(k) + i * 4)))
  for (let i: usize = 0; i < 8; i++) {
    const powers = schedule + powers_at + i * 64
    v128.store(powers, i32x4.splat(1 << 21))
    v128.store(powers, i32x4.splat(1 << 7), 16)
    v128.store(powers, i32x4.splat(1 << 19), 32)
    v128.store(powers, i32x4.splat(1 << 10), 48)
  }
  v128.store(schedule, i32x4.splat(1 << 26), power_26_at)
  v128.store(schedule, i32x4.splat(1 << 30), power_30_at)
  return true
}

/** To the right, as ROTR; `power` is 2 to the 32 - `by`. */
// @ts-ignore: decorator
@inline
function rotate(x: v128, by: i32, power: v128): v128 {
  return v128.or(i32x4.shr_u(x, by), i32x4.mul(x, power))
}

/** One to the left: the highest bit is the sign, and comes back as 1. */
// @ts-ignore: decorator
@inline
function rotateLeft(x: v128): v128 {
  return i32x4.sub(i32x4.add(x, x), i32x4.lt_s(x, i32x4.splat(0)))
}

/** The state, a vector for each word. */
let h0: v128 = i32x4.splat(0)
let h1: v128 = i32x4.splat(0)
let h2: v128 = i32x4.splat(0)
let h3: v128 = i32x4.splat(0)
let h4: v128 = i32x4.splat(0)
let h5: v128 = i32x4.splat(0)
let h6: v128 = i32x4.splat(0)
let h7: v128 = i32x4.splat(0)

/** Hashes four messages of `bytes` bytes that stand `stride` apart from `from` on; four digests of 32 bytes go to `to`. */
export function hashLanes(from: usize, stride: usize, bytes: usize, to: usize): void {
  h0 = i32x4.splat(0x6a09e667)
  h1 = i32x4.splat(0xbb67ae85)
  h2 = i32x4.splat(0x3c6ef372)
  h3 = i32x4.splat(0xa54ff53a)
  h4 = i32x4.splat(0x510e527f)
  h5 = i32x4.splat(0x9b05688c)
  h6 = i32x4.splat(0x1f83d9ab)
  h7 = i32x4.splat(0x5be0cd19)
  let at: usize = 0
  for (; at + 64 <= bytes; at += 64) block(from + at, stride)

  // Section 5.1.1.
  const rest = bytes - at
  const padded: usize = rest < 56 ? 64 : 128
  const tails = schedule + tails_at
  for (let lane: usize = 0; lane < 4; lane++) {
    const tail = tails + lane * tail_bytes
    memory.copy(tail, from + lane * stride + at, rest)
    store<u8>(tail + rest, 0x80)
    memory.fill(tail + rest + 1, 0, padded - rest - 9)
    store<u64>(tail + padded - 8, bswap<u64>((<u64>bytes) << 3))
  }
  for (let part: usize = 0; part < padded; part += 64) block(tails + part, tail_bytes)

  transpose(h0, h1, h2, h3, to, 32)
  transpose(h4, h5, h6, h7, to + 16, 32)
  // Nothing of a message stays behind.
  memory.fill(schedule, 0, constants_at)
  memory.fill(schedule + tails_at, 0, 4 * tail_bytes)
}

/**
 * Rows become columns: from four vectors of one lane each to four words of all lanes, or back. Words are big-endian. `stride` is between
 * those stored.
 */
function transpose(a: v128, b: v128, c: v128, d: v128, to: usize, stride: usize): void {
  const ab = i8x16.shuffle(a, b, 3, 2, 1, 0, 19, 18, 17, 16, 7, 6, 5, 4, 23, 22, 21, 20)
  const cd = i8x16.shuffle(c, d, 3, 2, 1, 0, 19, 18, 17, 16, 7, 6, 5, 4, 23, 22, 21, 20)
  const ab_high = i8x16.shuffle(a, b, 11, 10, 9, 8, 27, 26, 25, 24, 15, 14, 13, 12, 31, 30, 29, 28)
  const cd_high = i8x16.shuffle(c, d, 11, 10, 9, 8, 27, 26, 25, 24, 15, 14, 13, 12, 31, 30, 29, 28)
  v128.store(to, v128.shuffle<u64>(ab, cd, 0, 2))
  v128.store(to + stride, v128.shuffle<u64>(ab, cd, 1, 3))
  v128.store(to + 2 * stride, v128.shuffle<u64>(ab_high, cd_high, 0, 2))
  v128.store(to + 3 * stride, v128.shuffle<u64>(ab_high, cd_high, 1, 3))
}

/**
 * W(t) of section 6.2.2 from those that are 16, 15, 7 and 2 before it. Rotations by 7 and 18 are such by 8 and by 3 + 16, by bytes, and back
 * by one, which is done once for both.
 */
// @ts-ignore: decorator
@inline
function expanded(first: v128, x: v128, seventh: v128, y: v128): v128 {
  const third = i32x4.shr_u(x, 3)
  const by_3 = v128.or(third, i32x4.mul(x, i32x4.splat(1 << 29)))
  const by_8 = i8x16.shuffle(x, x, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12)
  const by_19 = i8x16.shuffle(by_3, by_3, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)
  const s0 = v128.xor(rotateLeft(v128.xor(by_8, by_19)), third)
  const s1 = v128.xor(
    v128.xor(rotate(y, 17, i32x4.splat(1 << 15)), rotate(y, 19, i32x4.splat(1 << 13))),
    i32x4.shr_u(y, 10),
  )
  return i32x4.add(i32x4.add(i32x4.add(first, seventh), s0), s1)
}

/** T1 of section 6.2.2; `word` is the round's, with its constant. Ch takes f where e is set, and g elsewhere. */
// @ts-ignore: decorator
@inline
function first(e: v128, f: v128, g: v128, h: v128, power_26: v128, power_21: v128, power_7: v128, word: v128): v128 {
  const rest = i32x4.add(i32x4.add(h, word), v128.xor(v128.and(v128.xor(f, g), e), g))
  const s1 = v128.xor(v128.xor(rotate(e, 6, power_26), rotate(e, 11, power_21)), rotate(e, 25, power_7))
  return i32x4.add(rest, s1)
}

/** T2. The majority of a, b and c is b, but where `differ`: (a ^ b) & (b ^ c). */
// @ts-ignore: decorator
@inline
function second(a: v128, b: v128, differ: v128, power_30: v128, power_19: v128, power_10: v128): v128 {
  const s0 = v128.xor(v128.xor(rotate(a, 2, power_30), rotate(a, 13, power_19)), rotate(a, 22, power_10))
  return i32x4.add(s0, v128.xor(differ, b))
}

/** Section 6.2.2, for each lane. Eight rounds to a turn of the loop: the names then stand where they began. */
function block(p: usize, stride: usize): void {
  const w = schedule
  for (let i: usize = 0; i < 64; i += 16) {
    const q = p + i
    transpose(v128.load(q), v128.load(q + stride), v128.load(q + 2 * stride), v128.load(q + 3 * stride), w + (i << 2), 16)
  }
  let y0 = v128.load(w, 224)
  let y1 = v128.load(w, 240)
  let x0 = v128.load(w)
  for (let at = w; at < w + 768; at += 32) {
    const x1 = v128.load(at, 16)
    y0 = expanded(x0, x1, v128.load(at, 144), y0)
    x0 = v128.load(at, 32)
    y1 = expanded(x1, x0, v128.load(at, 160), y1)
    v128.store(at, y0, 256)
    v128.store(at, y1, 272)
  }
  let a = h0
  let b = h1
  let c = h2
  let d = h3
  let e = h4
  let f = h5
  let g = h6
  let h = h7
  // b ^ c of a round is a ^ b of the one before.
  let ab = v128.xor(a, b)
  let bc = v128.xor(b, c)
  const p26 = v128.load(w, power_26_at)
  const p30 = v128.load(w, power_30_at)
  for (let at = w; at < w + constants_at; at += 128) {
    h = first(e, f, g, h, p26, v128.load(w, powers_at), v128.load(w, powers_at + 16), i32x4.add(v128.load(at), v128.load(at, constants_at)))
    d = i32x4.add(d, h)
    ab = v128.xor(a, b)
    h = i32x4.add(h, second(a, b, v128.and(bc, ab), p30, v128.load(w, powers_at + 32), v128.load(w, powers_at + 48)))
    g = first(d, e, f, g, p26, v128.load(w, powers_at + 64), v128.load(w, powers_at + 80), i32x4.add(v128.load(at, 16), v128.load(at, constants_at + 16)))
    c = i32x4.add(c, g)
    bc = v128.xor(h, a)
    g = i32x4.add(g, second(h, a, v128.and(ab, bc), p30, v128.load(w, powers_at + 96), v128.load(w, powers_at + 112)))
    f = first(c, d, e, f, p26, v128.load(w, powers_at + 128), v128.load(w, powers_at + 144), i32x4.add(v128.load(at, 32), v128.load(at, constants_at + 32)))
    b = i32x4.add(b, f)
    ab = v128.xor(g, h)
    f = i32x4.add(f, second(g, h, v128.and(bc, ab), p30, v128.load(w, powers_at + 160), v128.load(w, powers_at + 176)))
    e = first(b, c, d, e, p26, v128.load(w, powers_at + 192), v128.load(w, powers_at + 208), i32x4.add(v128.load(at, 48), v128.load(at, constants_at + 48)))
    a = i32x4.add(a, e)
    bc = v128.xor(f, g)
    e = i32x4.add(e, second(f, g, v128.and(ab, bc), p30, v128.load(w, powers_at + 224), v128.load(w, powers_at + 240)))
    d = first(a, b, c, d, p26, v128.load(w, powers_at + 256), v128.load(w, powers_at + 272), i32x4.add(v128.load(at, 64), v128.load(at, constants_at + 64)))
    h = i32x4.add(h, d)
    ab = v128.xor(e, f)
    d = i32x4.add(d, second(e, f, v128.and(bc, ab), p30, v128.load(w, powers_at + 288), v128.load(w, powers_at + 304)))
    c = first(h, a, b, c, p26, v128.load(w, powers_at + 320), v128.load(w, powers_at + 336), i32x4.add(v128.load(at, 80), v128.load(at, constants_at + 80)))
    g = i32x4.add(g, c)
    bc = v128.xor(d, e)
    c = i32x4.add(c, second(d, e, v128.and(ab, bc), p30, v128.load(w, powers_at + 352), v128.load(w, powers_at + 368)))
    b = first(g, h, a, b, p26, v128.load(w, powers_at + 384), v128.load(w, powers_at + 400), i32x4.add(v128.load(at, 96), v128.load(at, constants_at + 96)))
    f = i32x4.add(f, b)
    ab = v128.xor(c, d)
    b = i32x4.add(b, second(c, d, v128.and(bc, ab), p30, v128.load(w, powers_at + 416), v128.load(w, powers_at + 432)))
    a = first(f, g, h, a, p26, v128.load(w, powers_at + 448), v128.load(w, powers_at + 464), i32x4.add(v128.load(at, 112), v128.load(at, constants_at + 112)))
    e = i32x4.add(e, a)
    bc = v128.xor(b, c)
    a = i32x4.add(a, second(b, c, v128.and(ab, bc), p30, v128.load(w, powers_at + 480), v128.load(w, powers_at + 496)))
  }
  h0 = i32x4.add(h0, a)
  h1 = i32x4.add(h1, b)
  h2 = i32x4.add(h2, c)
  h3 = i32x4.add(h3, d)
  h4 = i32x4.add(h4, e)
  h5 = i32x4.add(h5, f)
  h6 = i32x4.add(h6, g)
  h7 = i32x4.add(h7, h)
}
