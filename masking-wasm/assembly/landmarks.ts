/**
 * Words that may begin a match because a rare byte ends them, as an `@` does the first part of an address: found from that
 * byte, back over the word. A word at the window's end may go on to it, and counts as one.
 *
 * `compile/landmarks.ts` takes only rules that can begin nowhere but at a word's first byte. So whether something of the kind
 * is under way is known from the bytes, whatever the window was.
 */
import { take } from './memory'
import { landmarks, stream_start } from './tables'

/** An entry: the byte, the word's length at most, @4 the word's bytes, a bit each. */
const entry_bytes: usize = 36

/** A bit for each byte of the window from {@link window} on; `any` says whether one is set. */
let words: usize = 0
let any: bool = false
/** The first of those that are set, and the last. */
let first_word: usize = 0
let last_word: usize = 0
let dirty_bytes: usize = 0
/** Where it begins, and what stands before. */
let window: usize = 0
let window_before: u32 = 0

export function initLandmarks(window_bytes_max: usize): bool {
  words = take(window_bytes_max / 8 + 96)
  return words != 0
}

/** Before the first question about the bytes [from, end), which stand after `before`. */
export function findLandmarks(from: usize, end: usize, before: u32): void {
  window = from
  window_before = before
  const count: usize = load<u32>(landmarks)
  if (count == 0) return
  if (any) memory.fill(words, 0, dirty_bytes)
  any = false
  first_word = end
  last_word = from
  dirty_bytes = (end - from) / 8 + 1
  for (let index: usize = 0; index < count; index++) {
    const entry = landmarks + 4 + index * entry_bytes
    findBytes(entry, from, end)
    noteWord(entry, end)
  }
}

function findBytes(entry: usize, from: usize, end: usize): void {
  const byte = load<u8>(entry)
  const bytes = i8x16.splat(byte)
  let p = from
  // Past the window's end there is room to read; what is there does not count.
  for (; p < end; p += 16) {
    // Sixty-four at once, as long as there is none.
    for (; p + 64 <= end; p += 64) {
      const first = v128.or(i8x16.eq(v128.load(p), bytes), i8x16.eq(v128.load(p, 16), bytes))
      const second = v128.or(i8x16.eq(v128.load(p, 32), bytes), i8x16.eq(v128.load(p, 48), bytes))
      if (v128.any_true(v128.or(first, second))) break
    }
    let found: u32 = i8x16.bitmask(i8x16.eq(v128.load(p), bytes))
    for (; found != 0; found &= found - 1) {
      const at = p + ctz<u32>(found)
      if (at < end) noteWord(entry, at)
    }
  }
}

/** Notes where the word begins that ends before `end`, if it does in the window. */
function noteWord(entry: usize, end: usize): void {
  const first = wordStart(entry, end)
  if (first == end) return
  const at = first - window
  const place = words + (at >>> 3)
  store<u8>(place, <u32>load<u8>(place) | (<u32>1 << (<u32>at & 7)))
  any = true
  first_word = min(first_word, first)
  last_word = max(last_word, first)
}

/** Where the word begins that ends before `end`; `end` when it is none, is too long, or began before the window. */
function wordStart(entry: usize, end: usize): usize {
  const longest: usize = load<u8>(entry, 1)
  const lowest = end - window > longest ? end - longest : window
  let p = end
  while (p > lowest && isOf(entry, load<u8>(p - 1))) p--
  if (p != lowest) return p
  const before: u32 = p == window ? window_before : load<u8>(p - 1)
  return before != stream_start && isOf(entry, before) ? end : p
}

// @ts-ignore: decorator
@inline
function isOf(entry: usize, byte: u32): bool {
  return ((load<u8>(entry + (byte >>> 3), 4) >>> (byte & 7)) & 1) != 0
}

/** Sets the bits of [p, p + bytes) in the bits at `places`, the first of which is for `p`; nothing but whole words of 64. */
export function addWords(places: usize, p: usize, bytes: usize): void {
  if (!any || last_word < p || first_word >= p + bytes) return
  const shift = <u64>((p - window) & 7)
  let at = words + ((p - window) >>> 3)
  for (let done: usize = 0; done < bytes; done += 64, at += 8, places += 8) {
    const low = load<u64>(at) >>> shift
    const high = shift != 0 ? <u64>load<u8>(at, 8) << (64 - shift) : 0
    store<u64>(places, load<u64>(places) | low | high)
  }
}

/** Where the oldest word of the window begins that ends before `p` and may still come to its mark; `p` when there is none. */
export function oldestWord(p: usize): usize {
  let oldest = p
  const count: usize = load<u32>(landmarks)
  for (let index: usize = 0; index < count; index++)
    oldest = min(oldest, wordStart(landmarks + 4 + index * entry_bytes, p))
  return oldest
}

/** Is it before the window? */
export function isBeforeWindow(p: usize): bool {
  return p < window
}
