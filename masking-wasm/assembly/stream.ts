/**
 * A stream between two calls, and a call: restore, run, settle, mask, save.
 *
 * A stream's small block: prev u16 @0, threads u16 @2, spans u16 @4, retained u16 @6, held u16 @8,
 * blackout's age u16 @10, large block u32 @12, unit u8 @16, bytes to go until it is dark and whether
 * it repays u8 @17, bytes written to the large block u16 @18, threads @20, debt u32 @36, raw bytes @40.
 * What does not fit there is in the large block: raw bytes @0, threads @4096, spans @5248 (start, end, label's start and end
 * as ages, rule; u16). A thread is its state, u16, then age and marks, u16.
 * An age is the distance back from the stream's position. Everything that holds is younger than
 * {@link held_max}; only starts may be older, and then no longer need to be exact.
 */
import { forgetBoundaries } from './boundary'
import { debt, repaying, setDebt } from './budget'
import { initLandmarks } from './landmarks'
import { copyClear, maskLength, maskWidth } from './mask'
import {
  blackout, cutHeld, dark_at, endThreads, flushThreads, held_max, holdStart, initMatcher, oldest, resetMatcher, run,
  setBlackout, stream_start,
} from './matcher'
import { giveLarge, giveSmall, large_bytes, small_bytes, take, takeLarge, takeSmall } from './memory'
import {
  found, found_max, initSpans, labelEnd, labelStart, open, open_max, push, released, resetSpans, setReleased, settle, spanEnd, spanRule,
  spanStart,
} from './spans'
import { addThread, spawned, spent, threads, threadStart, threadWord } from './threads'

/** Most bytes of one call. */
export const window_max: usize = 65536
/** Most bytes of one reading of several at once. */
export const part_max: usize = 8192
const small_threads_at: usize = 20
const small_threads_max: u32 = 4
const small_bytes_at: usize = 40
const small_bytes_max: usize = 24
const repaying_bit: u32 = 0x80
const threads_at: usize = 4096
const spans_at: usize = 5248
const span_bytes: usize = 10
/** Older starts count as this old: past every allowance, and clear of 16 bits with the flag. */
const age_max: usize = 8191
const spent_bit: u32 = 0x8000
const spawned_bit: u32 = 0x4000

/** Where the host writes; what the stream held stands before it. */
export let input: usize = 0
export let output: usize = 0

/** Results of a call, for the host. u32: address, length, raw length, spans, held after, read, raw address. */
export let result: usize = 0
/** For each span u32: address in the output, length, offset from the raw address, raw length, rule. */
export let result_spans: usize = 0

export function initStreams(): bool {
  // Ages before the first byte must not reach below zero.
  const floor = take(age_max + held_max + 1)
  const window = take(held_max + window_max + 64)
  input = window + held_max
  output = take(held_max + window_max + 64)
  result = take(32)
  result_spans = take((found_max + open_max + 8) * 20)
  return floor != 0 && window != 0 && output != 0 && result != 0 && result_spans != 0 && initSpans() && initLandmarks(window_max) && initMatcher()
}

export function openStream(width: bool): usize {
  const stream = takeSmall()
  if (stream == 0) return 0
  memory.fill(stream, 0, small_bytes)
  store<u16>(stream, stream_start)
  store<u8>(stream, width ? 1 : 0, 16)
  return stream
}

export function closeStream(stream: usize): void {
  const large: usize = load<u32>(stream, 12)
  if (large != 0) giveLarge(large, load<u16>(stream, 18))
  giveSmall(stream)
}

/** Of {@link pushStream}. */
export const no_memory: u32 = 0
export const see_result: u32 = 1
/** Nothing was held before, nothing is now, and the bytes leave as they came. */
export const as_given: u32 = 2

/**
 * Reads `bytes` bytes at {@link input}, or fewer; how many stands in the result. `open_held`: the last one
 * is only read when less than that is held before it; 0 for all.
 */
export function pushStream(stream: usize, bytes: usize, open_held: usize): u32 {
  if (!room(stream)) return no_memory
  restore(stream)
  const before = load<u16>(stream)
  const sure = input + bytes - <usize>(open_held != 0)
  let end = run(input, sure, before)
  if (open_held != 0 && end == sure && end - holdStart(end) < open_held)
    end = run(end, end + 1, end > input ? load<u8>(end - 1) : before)
  forgetBoundaries()
  const limit = holdStart(end)
  const clean = open == 0 && released == input && limit == input + bytes
  finish(stream, end, limit, true)
  return clean ? as_given : see_result
}

/**
 * The same for one reading of several: nothing is masked, and what was found are the first `open` spans. All is read of up to
 * {@link part_max} bytes: each has one end of a match at most, and fewer make no call stop.
 */
export function readPart(stream: usize, bytes: usize): bool {
  if (!room(stream)) return false
  restore(stream)
  const end = run(input, input + bytes, load<u16>(stream))
  forgetBoundaries()
  finish(stream, end, holdStart(end), false)
  return true
}

/** 0 idle, 1 echo, 2 end. */
export function flushStream(stream: usize, event: u32): bool {
  return letGo(stream, event, true)
}

/** The same for one reading of several. */
export function flushReading(stream: usize, event: u32): bool {
  return letGo(stream, event, false)
}

function letGo(stream: usize, event: u32, rendering: bool): bool {
  if (!room(stream)) return false
  restore(stream)
  if (event == 2) endThreads(input)
  else flushThreads(input, event == 1)
  settle(input)
  finish(stream, input, input, rendering)
  if (event == 2) store<u16>(stream, stream_start)
  return true
}

/** Of one reading of several: masks all that it holds, as a piece of its own, and lets it go: what would be cut at {@link held_max} is cut here. */
export function cutReading(stream: usize): bool {
  if (!room(stream)) return false
  restore(stream)
  cutHeld(input)
  settle(input)
  finish(stream, input, input, false)
  return true
}

/** A stream in the same state; 0 when there is no memory. */
export function cloneStream(from: usize): usize {
  const stream = takeSmall()
  if (stream == 0) return 0
  memory.copy(stream, from, small_bytes)
  const large: usize = load<u32>(from, 12)
  if (large == 0) return stream
  const own = takeLarge()
  if (own == 0) {
    giveSmall(stream)
    return 0
  }
  memory.copy(own, large, large_bytes)
  store<u32>(stream, own, 12)
  // What was copied is cleared when it is given back, however little of it is used.
  store<u16>(stream, <u16>held_max, 18)
  return stream
}

/** The byte before, when nothing else is known of the stream: then all of its state is that. Else -1. */
export function quietStream(stream: usize): i32 {
  const busy = load<u32>(stream, 2) | load<u16>(stream, 8) | load<u16>(stream, 10) | load<u8>(stream, 17) | load<u32>(stream, 36)
  return busy == 0 ? load<u16>(stream) : -1
}

/** Where the bytes stand that the stream holds. */
export function heldAt(stream: usize): usize {
  const large: usize = load<u32>(stream, 12)
  return (large != 0 ? large : stream + small_bytes_at) + load<u16>(stream, 6) - load<u16>(stream, 8)
}

/** How many they are. */
// @ts-ignore: decorator
@inline
export function heldOf(stream: usize): usize {
  return load<u16>(stream, 8)
}

/** A block that no stream has yet. */
let spare: usize = 0

/** A call must not fail half-way, so memory for what it may hold is there before it begins. */
function room(stream: usize): bool {
  if (load<u32>(stream, 12) != 0 || spare != 0) return true
  spare = takeLarge()
  return spare != 0
}

function restore(stream: usize): void {
  const large: usize = load<u32>(stream, 12)
  const retained: usize = load<u16>(stream, 6)
  if (large != 0) memory.copy(input - retained, large, retained)
  else copyFew(input - retained, stream + small_bytes_at, retained)
  resetMatcher()
  resetSpans(input - load<u16>(stream, 8))
  const count: u32 = load<u16>(stream, 2)
  const from = large != 0 ? large + threads_at : stream + small_threads_at
  for (let i: u32 = 0; i < count; i++) {
    const word: u32 = load<u32>(from + (i << 2))
    const age = word >>> 16
    const tags = ((age & spent_bit) != 0 ? spent : 0) | ((age & spawned_bit) != 0 ? spawned : 0)
    addThread((word & 0xffff) | tags, input - <usize>(age & 0x1fff))
  }
  const spans: u32 = load<u16>(stream, 4)
  for (let i: u32 = 0; i < spans; i++) {
    const at = large + spans_at + i * span_bytes
    push(
      input - load<u16>(at),
      input - load<u16>(at, 2),
      load<u16>(at, 8),
      input - load<u16>(at, 4),
      input - load<u16>(at, 6),
    )
  }
  const dark: usize = load<u16>(stream, 10)
  const course: u32 = load<u8>(stream, 17)
  const until: usize = course & ~repaying_bit
  if (dark != 0) setBlackout(input - (dark - 1), until != 0 ? input + until : 0)
  setDebt(load<u32>(stream, 36), (course & repaying_bit) != 0)
}

/** {@link small_bytes_max} at most, mostly two or three: less than a call of `memory.copy` takes. */
// @ts-ignore: decorator
@inline
function copyFew(to: usize, from: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i++) store<u8>(to + i, load<u8>(from + i))
}

/** Everything before `limit` leaves, the rest is kept. */
function finish(stream: usize, end: usize, limit: usize, rendering: bool): void {
  const from = released
  if (rendering) render(load<u8>(stream, 16) != 0, from, limit)
  store<u32>(result, limit - from, 8)
  store<u32>(result, open, 12)
  store<u32>(result, end - limit, 16)
  store<u32>(result, end - input, 20)
  store<u32>(result, from, 24)
  setReleased(limit)
  save(stream, end, limit)
}

function render(width: bool, from: usize, limit: usize): void {
  if (open == 0) {
    store<u32>(result, from)
    store<u32>(result, limit - from, 4)
    return
  }
  let at = output
  let clear = from
  for (let i: u32 = 0; i < open; i++) {
    const start = spanStart(i)
    const end = spanEnd(i)
    at = copyClear(clear, start, at)
    const masked = width ? maskWidth(start, end, at) : maskLength(start, end, at)
    const entry = result_spans + i * 20
    store<u32>(entry, at - output)
    store<u32>(entry, masked - at, 4)
    store<u32>(entry, start - from, 8)
    store<u32>(entry, end - start, 12)
    store<u32>(entry, spanRule(i), 16)
    at = masked
    clear = end
  }
  at = copyClear(clear, limit, at)
  store<u32>(result, output)
  store<u32>(result, at - output, 4)
}

function save(stream: usize, end: usize, limit: usize): void {
  if (end > input) store<u16>(stream, load<u8>(end - 1))
  let large: usize = load<u32>(stream, 12)
  const spans = found - open
  store<u16>(stream, <u16>threads, 2)
  store<u16>(stream, <u16>spans, 4)
  store<u16>(stream, <u16>(end - limit), 8)
  store<u16>(stream, blackout != 0 ? <u16>(min(end - blackout, age_max) + 1) : 0, 10)
  store<u8>(stream, <u8>((dark_at != 0 ? <u32>(dark_at - end) : 0) | (repaying ? repaying_bit : 0)), 17)
  store<u32>(stream, debt, 36)
  // A checked match may begin before what has left, so its bytes are kept as long as it lives.
  const retained = min(end - min(oldest(end), limit), held_max)
  store<u16>(stream, <u16>retained, 6)
  if (threads <= small_threads_max && spans == 0 && retained <= small_bytes_max) {
    if (large != 0) {
      giveLarge(large, load<u16>(stream, 18))
      store<u32>(stream, 0, 12)
      store<u16>(stream, 0, 18)
    }
    copyFew(stream + small_bytes_at, end - retained, retained)
    saveThreads(stream + small_threads_at, end)
    return
  }
  if (large == 0) {
    large = spare
    spare = 0
    store<u32>(stream, large, 12)
  }
  memory.copy(large, end - retained, retained)
  if (load<u16>(stream, 18) < <u16>retained) store<u16>(stream, <u16>retained, 18)
  saveThreads(large + threads_at, end)
  for (let i: u32 = 0; i < spans; i++) {
    const at = large + spans_at + i * span_bytes
    store<u16>(at, <u16>(end - spanStart(open + i)))
    store<u16>(at, <u16>(end - spanEnd(open + i)), 2)
    store<u16>(at, <u16>(end - labelStart(open + i)), 4)
    store<u16>(at, <u16>(end - labelEnd(open + i)), 6)
    store<u16>(at, <u16>spanRule(open + i), 8)
  }
}

function saveThreads(to: usize, end: usize): void {
  for (let i: u32 = 0; i < threads; i++) {
    const word = threadWord(i)
    const age = <u32>min(end - threadStart(i), age_max)
    const tags = ((word & spent) != 0 ? spent_bit : 0) | ((word & spawned) != 0 ? spawned_bit : 0)
    store<u32>(to + (i << 2), (word & 0xffff) | ((age | tags) << 16))
  }
}
