/**
 * Bytes that have not left, what each of them is, and what was found in them: joined, masked and let go of. They stand in a
 * window of their own, with the bytes of the call behind them, so a place in the stream is an address here, and back.
 */
import { entries_max, Fates, fateAt, keepOfLine, noteFate, not_masked } from './fates'
import {
  clearFound, dropFirstFound, firstFound, foundBytes, initFound, joinFound, loadFound, openFound, pushFound, ruleFoundAt, saveFound,
} from './found'
import { copyClear, maskLength, maskWidth } from './mask'
import { take } from './memory'
import { held_bytes_max, piece_bytes_max } from './screen-limits'
import { input, output, result_spans, window_max } from './stream'

/** A mask covers text, whether it is still there or was overwritten. A control stays in it; a payload too, unless it is part of what was found as it stands. */
export const kind_text: u8 = 0
export const kind_overwritten: u8 = 1
export const kind_control: u8 = 2
export const kind_payload: u8 = 3

/** Behind all readings. */
const reading_repeated: u32 = 9

const star: u8 = 0x2a

/** Bytes of a call stand from here on; what was held, before it. */
export let raw: usize = 0
/** From a byte's address to that of its kind. */
let to_kinds: usize = 0
/** What a place in the stream is more than its address. */
let shift: i64 = 0
let is_width: bool = false
let fates: Fates = changetype<Fates>(0)
let keeps_fates: bool = false
/** There was no memory: all of the call is void. */
export let is_void: bool = false

/** Place of the first byte that has not left, and of what comes next. */
export let pending_start: i64 = 0
export let pending_end: i64 = 0

/** Characters that were written again: where they stood before, and where they stand now; i64. */
const again_bytes: usize = 16
let again: usize = 0
let again_end: usize = 0
/** The lowest place before. */
let again_least: i64 = i64.MAX_VALUE

/** What has left in this call. */
let out: usize = 0
export let out_spans: u32 = 0
let taken: i64 = 0

export function initPending(): bool {
  const bytes = held_bytes_max + window_max + 64
  const window = take(2 * bytes)
  raw = window + held_bytes_max
  to_kinds = bytes
  again = take((held_bytes_max + piece_bytes_max + 1) * again_bytes)
  return window != 0 && again != 0 && initFound()
}

/** A call begins: `start` is the place of the first byte that has not left, of `held` bytes that stand before {@link raw}. */
export function beginPending(start: i64, held: usize, width: bool, of_fates: Fates, uses_fates: bool): void {
  pending_start = start
  pending_end = start + <i64>held
  shift = pending_end - <i64>raw
  is_width = width
  fates = of_fates
  keeps_fates = uses_fates
  is_void = false
  clearFound()
  again_end = again
  again_least = i64.MAX_VALUE
  out = output
  out_spans = 0
  taken = start
}

export function setVoid(): void {
  is_void = true
}

/** What is held, its kinds, what was found in it, and what was written again. */
export function pendingBytes(): usize {
  return 24 + 2 * heldBytes() + foundBytes() + (again_end - again)
}

export function savePending(at: usize): usize {
  const held = heldBytes()
  store<u32>(at, held)
  store<u32>(at, foundBytes(), 4)
  store<u32>(at, again_end - again, 8)
  const first = addressOf(pending_start)
  let to = at + 24
  memory.copy(to, first, held)
  memory.copy(to + held, first + to_kinds, held)
  to = saveFound(to + 2 * held, first)
  memory.copy(to, again, again_end - again)
  return to + (again_end - again)
}

/** The other way round; {@link beginPending} comes before. */
export function loadPending(at: usize): usize {
  const held: usize = load<u32>(at)
  const first = raw - held
  let from = at + 24
  memory.copy(first, from, held)
  memory.copy(first + to_kinds, from + held, held)
  from = loadFound(from + 2 * held, load<u32>(at, 4), first)
  again_end = again + load<u32>(at, 8)
  memory.copy(again, from, again_end - again)
  for (let one = again; one < again_end; one += again_bytes) again_least = min(again_least, load<i64>(one))
  return from + (again_end - again)
}

// @ts-ignore: decorator
@inline
export function heldBytes(): usize {
  return <usize>(pending_end - pending_start)
}

// @ts-ignore: decorator
@inline
export function addressOf(place: i64): usize {
  return <usize>(place - shift)
}

// @ts-ignore: decorator
@inline
export function placeOf(address: usize): i64 {
  return <i64>address + shift
}

/** All of [from, to) is text until something else is said. */
export function assumeText(from: usize, to: usize): void {
  memory.fill(from + to_kinds, kind_text, to - from)
}

/** The bytes up to `to` count. */
export function keepTo(to: usize): void {
  pending_end = placeOf(to)
}

// @ts-ignore: decorator
@inline
export function setKind(at: usize, kind: u8): void {
  store<u8>(at + to_kinds, kind)
}

export function setKinds(from: usize, to: usize, kind: u8): void {
  for (let at = from; at < to; at++) store<u8>(at + to_kinds, kind)
}

/** What has left is no longer marked. */
export function markPlace(place: i64, kind: u8): void {
  if (place >= pending_start) setKind(addressOf(place), kind)
}

/** Something in [from, to) was found as it stands: what escape sequences carry there is covered. */
export function bare(from: i64, to: i64): void {
  const end = addressOf(to)
  let at = addressOf(max(from, pending_start))
  const first = at
  // What begins amidst an escape sequence is text to whoever reads it so.
  for (; at < end && isWithin(at); at++) setKind(at, kind_overwritten)
  let shows = at > first
  for (; at < end; at++) {
    const kind = load<u8>(at + to_kinds)
    if (kind == kind_payload) setKind(at, kind_overwritten)
    if (kind != kind_control) shows = true
  }
  if (!shows) for (at = first; at < end; at++) setKind(at, kind_overwritten)
}

/** A byte of an escape sequence that does not begin one. */
function isWithin(at: usize): bool {
  const byte: u32 = load<u8>(at)
  return load<u8>(at + to_kinds) == kind_control && byte >= 0x20 && byte < 0x7f
}

/** The reading of that number found `rule` in [from, to). What has left at a flush cannot be masked any more. */
export function addFound(from: i64, to: i64, rule: u32, reading: u32): void {
  const start = max(from, pending_start)
  if (to <= start) return
  pushFound(addressOf(start), addressOf(to), rule, reading)
}

/** The byte at `place` is what stood there before, at `before`: it is masked if that is. */
export function writtenAgain(before: i64, place: i64): void {
  markPlace(place, kind_overwritten)
  store<i64>(again_end, before)
  store<i64>(again_end, place, 8)
  again_end += again_bytes
  again_least = min(again_least, before)
}

/** Lets go of what is before `wanted`, or before the span that it is within. */
export function release(wanted: i64): void {
  // A byte that was unsure at a flush is read when it has left.
  const limit = max(wanted, pending_start)
  joinFound()
  if (again_least < openAt(limit)) repeat(limit)
  const until = openAt(limit)
  const end = addressOf(until)
  let at = addressOf(pending_start)
  for (let span = firstFound(end); span != 0; span = firstFound(end)) {
    const from: usize = load<u32>(span)
    const to: usize = load<u32>(span, 4)
    out = copyClear(at, from, out)
    // What was written again is done with, so the line has all that will be.
    if (keeps_fates) keepOfLine(fates, entries_max)
    emitSpan(from, to, load<u16>(span, 12))
    at = to
    dropFirstFound()
  }
  out = copyClear(at, end, out)
  pending_start = until
}

/** What stands before `to` and has not left leaves: it is nothing but what it is. */
export function releasePlain(to: usize): void {
  out = copyClear(addressOf(pending_start), to, out)
  pending_start = placeOf(to)
}

/** [from, to) leaves masked: nothing in it is a control. All before it has left. */
export function releaseMasked(from: usize, to: usize, rule: u32): void {
  assumeText(from, to)
  emitSpan(from, to, rule)
  pending_start = placeOf(to)
}

/** The length of what has left. */
export function outBytes(): usize {
  return out - output
}

/** How many bytes of the stream have left. */
export function goneBytes(): usize {
  return <usize>(pending_start - taken)
}

/** Where what has left stood. */
export function goneAt(): usize {
  return addressOf(taken)
}

function emitSpan(from: usize, to: usize, rule: u32): void {
  const begin = out
  cover(from, to)
  const entry = result_spans + out_spans++ * 20
  store<u32>(entry, begin - output)
  store<u32>(entry, out - begin, 4)
  store<u32>(entry, from - addressOf(taken), 8)
  store<u32>(entry, to - from, 12)
  store<u32>(entry, rule, 16)
  if (keeps_fates && !noteFate(fates, placeOf(from), to - from, rule)) is_void = true
}

/** Where what leaves up to `limit` ends: no span is cut. */
function openAt(limit: i64): i64 {
  return placeOf(openFound(addressOf(limit)))
}

/** What was written again has the fate of what is about to leave, or has left. */
function repeat(limit: i64): void {
  const until = openAt(limit)
  const end = again_end
  again_end = again
  again_least = i64.MAX_VALUE
  for (let one = again; one < end; one += again_bytes) {
    const before = load<i64>(one)
    const place = load<i64>(one, 8)
    if (before >= until) {
      store<i64>(again_end, before)
      store<i64>(again_end, place, 8)
      again_end += again_bytes
      again_least = min(again_least, before)
      continue
    }
    const rule = before < pending_start ? fateAt(fates, before) : ruleFoundAt(addressOf(before))
    if (rule != not_masked) addFound(place, place + 1, rule, reading_repeated)
  }
  joinFound()
}

/** Text is covered, controls stay where they are. A mask is never longer than what it covers. */
function cover(from: usize, to: usize): void {
  for (let at = from; at < to; ) {
    const byte = load<u8>(at)
    if (!isCovered(at) || byte == 0x0d || byte == 0x0a) store<u8>(out++, byte)
    else if (byte < 0x80) store<u8>(out++, star)
    else {
      let end = at + 1
      while (end < to && isCovered(end)) end++
      out = is_width ? maskWidth(at, end, out) : maskLength(at, end, out)
      at = end
      continue
    }
    at++
  }
}

// @ts-ignore: decorator
@inline
function isCovered(at: usize): bool {
  return load<u8>(at + to_kinds) < kind_control
}
