/**
 * Memory by hand: what is taken at the start stays, blocks of streams come from free lists. Nothing in
 * this module is garbage collected, so nothing is allocated on the way of a byte.
 */

let top: usize = 0

/** Never given back. 0 when there is no more memory. */
export function take(bytes: usize): usize {
  if (top == 0) top = (__heap_base + 15) & ~15
  const at = top
  const end = (at + bytes + 15) & ~15
  const pages = <i32>((end + 0xffff) >>> 16)
  if (pages > memory.size() && memory.grow(pages - memory.size()) < 0) return 0
  top = end
  return at
}

/** The first word of a free block points to the next. */
let free_small: usize = 0
let free_large: usize = 0

/** What is known of a stream that holds next to nothing. */
export const small_bytes: usize = 64
/** What a stream needs while it holds something; the layout is `stream.ts`'s. */
export const large_bytes: usize = 8192

export function takeSmall(): usize {
  const at = free_small
  if (at == 0) return take(small_bytes)
  free_small = load<usize>(at)
  return at
}

export function giveSmall(at: usize): void {
  memory.fill(at, 0, small_bytes)
  store<usize>(at, free_small)
  free_small = at
}

export function takeLarge(): usize {
  const at = free_large
  if (at == 0) return take(large_bytes)
  free_large = load<usize>(at)
  return at
}

/** Clears the raw bytes that it held, the first `used`. */
export function giveLarge(at: usize, used: usize): void {
  memory.fill(at, 0, used)
  store<usize>(at, free_large)
  free_large = at
}

/** By the power of two that is their size, from 2^{@link smallest_power} to 2^{@link largest_power}. */
const free_blocks: usize = memory.data(32 * 4, 4)
const smallest_power: u32 = 6
const largest_power: u32 = 20

function powerOf(bytes: usize): u32 {
  return bytes <= <usize>1 << smallest_power ? smallest_power : 32 - <u32>clz<u32>(<u32>bytes - 1)
}

/** How much is there where {@link takeBlock} was asked for so much. */
export function blockBytes(bytes: usize): usize {
  return <usize>1 << powerOf(bytes)
}

/** A block of `bytes` bytes, all 0. 0 when there is no memory. */
export function takeBlock(bytes: usize): usize {
  const power = powerOf(bytes)
  if (power > largest_power) return 0
  const head = free_blocks + (power << 2)
  const at: usize = load<u32>(head)
  if (at == 0) return take(<usize>1 << power)
  store<u32>(head, load<u32>(at))
  store<u32>(at, 0)
  return at
}

/** Gives back what was taken as `bytes` bytes, and clears it. */
export function giveBlock(at: usize, bytes: usize): void {
  const power = powerOf(bytes)
  memory.fill(at, 0, <usize>1 << power)
  const head = free_blocks + (power << 2)
  store<u32>(at, load<u32>(head))
  store<u32>(head, <u32>at)
}
