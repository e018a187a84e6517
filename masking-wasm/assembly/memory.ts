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
