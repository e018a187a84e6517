/**
 * SHA-256 (FIPS 180-4) of four messages of one length at once: a word of each in the four lanes of a vector.
 *
 * JavaScriptCore makes five instructions of a shift by a constant, so the half of a rotation that can be
 * is a multiplication; V8 has one for either, and loses an eighth.
 */
import { take } from './memory'
import { k } from './sha256'

/** The schedule: 64 vectors, then the last block of each lane, two where the padding takes two. */
let schedule: usize = 0
const tails_at: usize = 64 * 16
const tail_bytes: usize = 128

export function initLanes(): bool {
  if (schedule == 0) schedule = take(tails_at + 4 * tail_bytes)
  return schedule != 0
}

/** To the right, as ROTR. */
// @ts-ignore: decorator
@inline
function rotate(x: v128, by: i32): v128 {
  return v128.or(i32x4.shr_u(x, by), i32x4.mul(x, i32x4.splat(1 << (32 - by))))
}

/** Eight to the right, by bytes, then one to the left: its highest bit is the sign, and comes back as 1. */
// @ts-ignore: decorator
@inline
function rotateSeven(x: v128): v128 {
  const y = i8x16.shuffle(x, x, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12)
  return i32x4.sub(i32x4.add(y, y), i32x4.lt_s(y, i32x4.splat(0)))
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
  memory.fill(schedule, 0, tails_at + 4 * tail_bytes)
}

/** Rows become columns: from four vectors of one lane each to four words of all lanes, or back. `stride` is between those stored. */
function transpose(a: v128, b: v128, c: v128, d: v128, to: usize, stride: usize): void {
  const ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5)
  const cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5)
  const ab_high = v128.shuffle<u32>(a, b, 2, 6, 3, 7)
  const cd_high = v128.shuffle<u32>(c, d, 2, 6, 3, 7)
  v128.store(to, swapped(v128.shuffle<u64>(ab, cd, 0, 2)))
  v128.store(to + stride, swapped(v128.shuffle<u64>(ab, cd, 1, 3)))
  v128.store(to + 2 * stride, swapped(v128.shuffle<u64>(ab_high, cd_high, 0, 2)))
  v128.store(to + 3 * stride, swapped(v128.shuffle<u64>(ab_high, cd_high, 1, 3)))
}

/** Big-endian words. */
// @ts-ignore: decorator
@inline
function swapped(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)
}

/** W(t) of section 6.2.2 from those that are 16, 15, 7 and 2 before it. */
// @ts-ignore: decorator
@inline
function expanded(first: v128, x: v128, seventh: v128, y: v128): v128 {
  const s0 = v128.xor(v128.xor(rotateSeven(x), rotate(x, 18)), i32x4.shr_u(x, 3))
  const s1 = v128.xor(v128.xor(rotate(y, 17), rotate(y, 19)), i32x4.shr_u(y, 10))
  return i32x4.add(i32x4.add(first, seventh), i32x4.add(s0, s1))
}

/** T1 of section 6.2.2, but for the round's constant and word. Ch takes f where e is set, and g elsewhere. */
// @ts-ignore: decorator
@inline
function first(e: v128, f: v128, g: v128, h: v128): v128 {
  const s1 = v128.xor(v128.xor(rotate(e, 6), rotate(e, 11)), rotate(e, 25))
  return i32x4.add(i32x4.add(h, s1), v128.xor(v128.and(v128.xor(f, g), e), g))
}

/** T2. The majority of a, b and c is b, but where `differ`: (a ^ b) & (b ^ c). */
// @ts-ignore: decorator
@inline
function second(a: v128, b: v128, differ: v128): v128 {
  const s0 = v128.xor(v128.xor(rotate(a, 2), rotate(a, 13)), rotate(a, 22))
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
  let at = w
  for (let i = changetype<usize>(k); at < w + 1024; i += 32, at += 128) {
    h = i32x4.add(first(e, f, g, h), i32x4.add(v128.load32_splat(i, 0), v128.load(at, 0)))
    d = i32x4.add(d, h)
    ab = v128.xor(a, b)
    h = i32x4.add(h, second(a, b, v128.and(bc, ab)))
    g = i32x4.add(first(d, e, f, g), i32x4.add(v128.load32_splat(i, 4), v128.load(at, 16)))
    c = i32x4.add(c, g)
    bc = v128.xor(h, a)
    g = i32x4.add(g, second(h, a, v128.and(ab, bc)))
    f = i32x4.add(first(c, d, e, f), i32x4.add(v128.load32_splat(i, 8), v128.load(at, 32)))
    b = i32x4.add(b, f)
    ab = v128.xor(g, h)
    f = i32x4.add(f, second(g, h, v128.and(bc, ab)))
    e = i32x4.add(first(b, c, d, e), i32x4.add(v128.load32_splat(i, 12), v128.load(at, 48)))
    a = i32x4.add(a, e)
    bc = v128.xor(f, g)
    e = i32x4.add(e, second(f, g, v128.and(ab, bc)))
    d = i32x4.add(first(a, b, c, d), i32x4.add(v128.load32_splat(i, 16), v128.load(at, 64)))
    h = i32x4.add(h, d)
    ab = v128.xor(e, f)
    d = i32x4.add(d, second(e, f, v128.and(bc, ab)))
    c = i32x4.add(first(h, a, b, c), i32x4.add(v128.load32_splat(i, 20), v128.load(at, 80)))
    g = i32x4.add(g, c)
    bc = v128.xor(d, e)
    c = i32x4.add(c, second(d, e, v128.and(ab, bc)))
    b = i32x4.add(first(g, h, a, b), i32x4.add(v128.load32_splat(i, 24), v128.load(at, 96)))
    f = i32x4.add(f, b)
    ab = v128.xor(c, d)
    b = i32x4.add(b, second(c, d, v128.and(bc, ab)))
    a = i32x4.add(first(f, g, h, a), i32x4.add(v128.load32_splat(i, 28), v128.load(at, 112)))
    e = i32x4.add(e, a)
    bc = v128.xor(b, c)
    a = i32x4.add(a, second(b, c, v128.and(ab, bc)))
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
