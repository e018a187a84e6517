/** SHA-256 (FIPS 180-4), streaming. */
import { take } from './memory'

/** Section 4.2.2. */
export const k: StaticArray<u32> = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]

/** A hash under way: 8 words of state @0, the unfinished block @32, length u64 @96. */
const context_bytes: usize = 104
let schedule: usize = 0
let free: usize = 0

export function initHash(): bool {
  if (schedule == 0) schedule = take(64 * 4)
  return schedule != 0
}

export function openHash(): usize {
  const at = free != 0 ? free : take(context_bytes)
  if (at == 0) return 0
  if (free != 0) free = load<usize>(free)
  resetHash(at)
  return at
}

/** A hash of no bytes yet. */
export function resetHash(at: usize): void {
  store<u32>(at, 0x6a09e667)
  store<u32>(at, 0xbb67ae85, 4)
  store<u32>(at, 0x3c6ef372, 8)
  store<u32>(at, 0xa54ff53a, 12)
  store<u32>(at, 0x510e527f, 16)
  store<u32>(at, 0x9b05688c, 20)
  store<u32>(at, 0x1f83d9ab, 24)
  store<u32>(at, 0x5be0cd19, 28)
  store<u64>(at, 0, 96)
}

export function closeHash(at: usize): void {
  memory.fill(at, 0, context_bytes)
  store<usize>(at, free)
  free = at
}

export function updateHash(at: usize, from: usize, bytes: usize): void {
  const before = <usize>(load<u64>(at, 96) & 63)
  store<u64>(at, load<u64>(at, 96) + bytes, 96)
  let p = from
  const end = from + bytes
  if (before != 0) {
    const part = min(64 - before, bytes)
    memory.copy(at + 32 + before, p, part)
    p += part
    if (before + part < 64) return
    block(at, at + 32)
  }
  while (p + 64 <= end) {
    block(at, p)
    p += 64
  }
  memory.copy(at + 32, p, end - p)
}

/** Writes the digest, 32 bytes, at `to`; the hash is over. */
export function finishHash(at: usize, to: usize): void {
  const length = load<u64>(at, 96)
  let fill = <usize>(length & 63)
  store<u8>(at + 32 + fill++, 0x80)
  if (fill > 56) {
    memory.fill(at + 32 + fill, 0, 64 - fill)
    block(at, at + 32)
    fill = 0
  }
  memory.fill(at + 32 + fill, 0, 56 - fill)
  store<u64>(at, bswap<u64>(length << 3), 88)
  block(at, at + 32)
  for (let i: usize = 0; i < 32; i += 4) store<u32>(to + i, bswap<u32>(load<u32>(at + i)))
}

/** Section 6.2.2; rolled, which was the fastest in JavaScriptCore. */
function block(at: usize, p: usize): void {
  const w = schedule
  for (let i: usize = 0; i < 64; i += 4) store<u32>(w + i, bswap<u32>(load<u32>(p + i)))
  for (let i: usize = 64; i < 256; i += 4) {
    const x = load<u32>(w + i - 60)
    const y = load<u32>(w + i - 8)
    const s0 = rotr<u32>(x, 7) ^ rotr<u32>(x, 18) ^ (x >>> 3)
    const s1 = rotr<u32>(y, 17) ^ rotr<u32>(y, 19) ^ (y >>> 10)
    store<u32>(w + i, load<u32>(w + i - 64) + s0 + load<u32>(w + i - 28) + s1)
  }
  let a = load<u32>(at)
  let b = load<u32>(at, 4)
  let c = load<u32>(at, 8)
  let d = load<u32>(at, 12)
  let e = load<u32>(at, 16)
  let f = load<u32>(at, 20)
  let g = load<u32>(at, 24)
  let h = load<u32>(at, 28)
  const constants = changetype<usize>(k)
  for (let i: usize = 0; i < 256; i += 4) {
    const s1 = rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25)
    const t1 = h + s1 + ((e & f) ^ (~e & g)) + load<u32>(constants + i) + load<u32>(w + i)
    const s0 = rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22)
    const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c))
    h = g
    g = f
    f = e
    e = d + t1
    d = c
    c = b
    b = a
    a = t1 + t2
  }
  store<u32>(at, load<u32>(at) + a)
  store<u32>(at, load<u32>(at, 4) + b, 4)
  store<u32>(at, load<u32>(at, 8) + c, 8)
  store<u32>(at, load<u32>(at, 12) + d, 12)
  store<u32>(at, load<u32>(at, 16) + e, 16)
  store<u32>(at, load<u32>(at, 20) + f, 20)
  store<u32>(at, load<u32>(at, 24) + g, 24)
  store<u32>(at, load<u32>(at, 28) + h, 28)
}
