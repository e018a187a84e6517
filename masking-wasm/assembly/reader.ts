/**
 * A stream as it is given from outside. Plain bytes, nearly all there are, pass through the matcher and nothing else; from
 * something that is no text on, until it is over, they are read as `screen.ts` does.
 *
 * Where the bytes of a call are not all plain, they are copied to a window of their own (`pending.ts`), behind what was held.
 * What a stretch knows stands in variables while it is read, and in a block of the stream's between two calls.
 */
import { initHolds } from './holds'
import { Fates, forgetFates, keepOfLine, kept_entries, noteFate } from './fates'
import {
  appendText, beginLine, initLine, isNewLine, line_column, lineBytes, loadLine, newLine, saveLine,
} from './line'
import { blockBytes, giveBlock, takeBlock } from './memory'
import { isOpen, openHeld } from './open-end'
import {
  addressOf, beginPending, goneAt, goneBytes, heldBytes, initPending, is_void, keepTo, loadPending, out_spans, outBytes,
  pending_end, pending_start, pendingBytes, raw, releaseMasked, releasePlain, savePending, setVoid,
} from './pending'
import { line_bytes, plainBytes, plainText } from './plain'
import { areFree, loadRewrites, resetRewrites, rewrites_bytes, saveRewrites } from './rewrites'
import { unknown_column } from './controls'
import { beginScreen, endScreen, flushScreen, initScreen, isOver, loadScreen, readScreen, saveScreen, screenBytes } from './screen'
import { column_bytes_max, first_piece_bytes_max, piece_bytes_max } from './screen-limits'
import { found_max, open, spanEnd, spanRule, spanStart } from './spans'
import {
  as_given, closeStream, flushReading, flushStream, heldAt, heldOf, input, no_memory, openStream, output, part_max, pushStream, readPart,
  result, see_result,
} from './stream'

const lf: u8 = 0x0a
const none: i32 = -1
const event_end: u32 = 2
/** No terminal has as many. */
const columns_max: u32 = 65535
/** Of plain bytes as many as have a column. */
const lag_max: usize = <usize>column_bytes_max + 2
/** What is read sixteen at a time is read past its end. */
const slack: usize = 16
/** A call that finds more ends early. */
const out_spans_max: u32 = found_max - <u32>part_max

@unmanaged
export class Reader {
  stream: usize
  /** {@link Fates} of it. */
  fates_list: usize
  fates_capacity: u32
  fates_count: u32
  /** Of a terminal: the plain bytes of the current line that `line.ts` was not told of yet, or the last of them. */
  lag: usize
  lag_capacity: usize
  lag_length: usize
  /** What is known of the line, and of a stretch: rewrites, line, then screen and pending. */
  state: usize
  state_capacity: usize
  /** Bytes that have left. */
  settled: i64
  columns: u32
  /** Columns of the line so far, or more. */
  line_bytes: u32
  /** Of a terminal: a byte that was given and not read, as it may be overwritten and something is held before it; else -1. */
  open_byte: i32
  /** Of a stretch. */
  held: u32
  is_terminal: bool
  is_width: bool
  in_stretch: bool
  /** The lag is all of its line. */
  has_line_begun: bool
  /** There was no memory half-way: it cannot go on. */
  is_broken: bool
}

export function initReaders(): bool {
  return initPending() && initLine() && initHolds() && initScreen()
}

/** 0 when there is no memory. */
export function openReader(is_width: bool, is_terminal: bool): usize {
  const at = takeBlock(offsetof<Reader>())
  if (at == 0) return 0
  const reader = changetype<Reader>(at)
  reader.stream = openStream(is_width)
  if (reader.stream == 0) {
    giveBlock(at, offsetof<Reader>())
    return 0
  }
  reader.is_width = is_width
  reader.is_terminal = is_terminal
  reader.open_byte = none
  return at
}

/** From here on the terminal has so many columns: 1 to 65,535; else they are not known. */
export function resizeReader(reader: Reader, columns: u32): void {
  reader.columns = columns <= columns_max ? columns : 0
}

export function closeReader(reader: Reader): void {
  if (reader.in_stretch) {
    resume(reader)
    endScreen()
  }
  closeStream(reader.stream)
  if (reader.lag_capacity != 0) giveBlock(reader.lag, reader.lag_capacity)
  if (reader.state_capacity != 0) giveBlock(reader.state, reader.state_capacity)
  forgetFates(fatesOf(reader))
  giveBlock(changetype<usize>(reader), offsetof<Reader>())
}

/**
 * Reads the `bytes` bytes at {@link input}, or fewer; how many stands in the result. 0 when there is no memory, 2 when they leave as they came;
 * else 1.
 */
export function pushReader(reader: Reader, bytes: usize): u32 {
  if (reader.is_broken) return no_memory
  let length = bytes
  const was_open = reader.open_byte != none && bytes != 0
  if (was_open) {
    memory.copy(input + 1, input, bytes)
    store<u8>(input, <u8>reader.open_byte)
    reader.open_byte = none
    length++
  }
  const is_plain = !reader.in_stretch && plainEnd(reader, input, input + length) == input + length
  const outcome = is_plain ? pushPlain(reader, length) : pushMixed(reader, length)
  if (outcome == no_memory) reader.is_broken = true
  if (!was_open) return outcome
  store<u32>(result, load<u32>(result, 20) - 1, 20)
  return outcome == as_given ? see_result : outcome
}

/** 0 idle, 1 echo, 2 end. False when there is no memory. */
export function flushReader(reader: Reader, event: u32): bool {
  if (reader.is_broken) return false
  if (!reader.in_stretch && reader.open_byte == none) {
    if (!flushStream(reader.stream, event)) reader.is_broken = true
    else noteLeft(reader)
  } else {
    resume(reader)
    if (reader.in_stretch) flushScreen(event)
    else {
      store<u8>(raw, <u8>reader.open_byte)
      reader.open_byte = none
      readPlain(reader, raw, raw + 1)
      if (flushReading(reader.stream, event)) emitPart(addressOf(pending_end) - input)
      else setVoid()
    }
    if (is_void) reader.is_broken = true
    if (event == event_end && reader.in_stretch) leave(reader)
    suspend(reader)
    report(reader, 0)
  }
  if (event == event_end) forgetLine(reader)
  return !reader.is_broken
}

// @ts-ignore: decorator
@inline
function fatesOf(reader: Reader): Fates {
  return changetype<Fates>(changetype<usize>(reader) + offsetof<Reader>('fates_list'))
}

/** Up to where all is plain text. */
function plainEnd(reader: Reader, from: usize, end: usize): usize {
  return reader.is_terminal ? plainText(from, end, reader.columns, reader.line_bytes) : plainBytes(from, end)
}

/** All of it is plain, and no stretch goes on. */
function pushPlain(reader: Reader, bytes: usize): u32 {
  const stream = reader.stream
  if (!reader.is_terminal) {
    const outcome = pushStream(stream, bytes, 0)
    reader.settled += <i64>load<u32>(result, 8)
    return outcome
  }
  const last: u32 = bytes != 0 ? load<u8>(input + bytes - 1) : 0
  const waits = openHeld(last)
  const outcome = pushStream(stream, bytes, waits)
  if (outcome == no_memory) return no_memory
  noteLeft(reader)
  const read: usize = load<u32>(result, 20)
  if (reader.columns > 0) {
    if (read < bytes) plainText(input, input + read, reader.columns, reader.line_bytes)
    reader.line_bytes = line_bytes
  }
  noteLag(reader, input, input + read)
  if (waits != 0 && read + 1 == bytes) {
    reader.open_byte = <i32>last
    store<u32>(result, <u32>bytes, 20)
  }
  if (reader.open_byte == none) return outcome
  // A byte that waits counts as read, and is held.
  store<u32>(result, load<u32>(result, 16) + 1, 16)
  return see_result
}

/** What the stream's last result says. */
function noteLeft(reader: Reader): void {
  if (reader.is_terminal) {
    const from: usize = load<u32>(result, 24)
    for (let i: u32 = 0; i < open; i++)
      if (!noteFate(fatesOf(reader), reader.settled + <i64>(spanStart(i) - from), spanEnd(i) - spanStart(i), spanRule(i))) reader.is_broken = true
  }
  reader.settled += <i64>load<u32>(result, 8)
}

/** Plain bytes and others, in turns. */
function pushMixed(reader: Reader, bytes: usize): u32 {
  resume(reader)
  memory.copy(raw, input, bytes)
  const is_fresh = heldBytes() == 0
  const end = raw + bytes
  let at = raw
  let most = first_piece_bytes_max
  while (at < end && out_spans < out_spans_max && !is_void) {
    if (!reader.in_stretch) {
      at = readUpToOther(reader, at, end)
      if (at == end || out_spans >= out_spans_max) break
      enter(reader)
      most = first_piece_bytes_max
    }
    const limit = min(end, at + most)
    const to = reader.is_terminal ? lineEnd(at, limit) : limit
    at = readScreen(at, to, end)
    // Where it had to stop it will stop again soon.
    most = at < to ? first_piece_bytes_max : min(2 * most, piece_bytes_max)
    if (isOver()) leave(reader)
  }
  suspend(reader)
  report(reader, at - raw)
  if (is_void) return no_memory
  return is_fresh && out_spans == 0 && at == end && load<u32>(result, 16) == 0 ? as_given : see_result
}

/** Plain bytes. Returns where there is something else, or where there is too much to report. */
function readUpToOther(reader: Reader, from: usize, end: usize): usize {
  const plain = plainEnd(reader, from, end)
  if (reader.columns > 0 && plain == end) reader.line_bytes = line_bytes
  // A space may be overwritten by what comes next, as where it wraps a full line.
  const is_open = reader.is_terminal && plain > from && isOpen(plain - 1, end)
  const sure = is_open ? plain - 1 : plain
  const at = readPlain(reader, from, sure)
  if (at < sure) {
    // The line is at most that long.
    reader.line_bytes = columns_max
    return at
  }
  if (!is_open || at + 1 < end) return at
  const last: u32 = load<u8>(at)
  if (heldOf(reader.stream) >= openHeld(last)) reader.open_byte = <i32>last
  else readPlain(reader, at, end)
  return end
}

/** Reads the plain bytes [from, to) of the window, or fewer. Returns where it stopped. */
function readPlain(reader: Reader, from: usize, to: usize): usize {
  let at = from
  while (at < to && out_spans < out_spans_max) {
    const bytes = min(to - at, part_max)
    memory.copy(input, at, bytes)
    if (!readPart(reader.stream, bytes)) {
      setVoid()
      return at
    }
    const shift = at - input
    at += bytes
    keepTo(at)
    emitPart(shift)
  }
  if (reader.is_terminal) noteLag(reader, from, at)
  return at
}

/** What the stream did last leaves. `shift`: from an address there to the same in the window. */
function emitPart(shift: usize): void {
  const until = load<u32>(result, 24) + <usize>load<u32>(result, 8) + shift
  for (let i: u32 = 0; i < open; i++) {
    releasePlain(spanStart(i) + shift)
    releaseMasked(spanStart(i) + shift, spanEnd(i) + shift, spanRule(i))
  }
  releasePlain(until)
}

/** Up to the last end of a line if there is one: there a stretch is soonest over. */
function lineEnd(from: usize, limit: usize): usize {
  for (let at = limit; at > from; at--) if (load<u8>(at - 1) == lf) return at
  return limit
}

/** What was held is in the window again, and what is known of the line and the stretch at hand. */
function resume(reader: Reader): void {
  const held = reader.in_stretch ? <usize>reader.held : heldOf(reader.stream)
  beginPending(reader.settled, held, reader.is_width, fatesOf(reader), reader.is_terminal)
  if (!reader.in_stretch) memory.copy(raw - held, heldAt(reader.stream), held)
  if (reader.state == 0) {
    resetRewrites()
    newLine()
    return
  }
  const at = loadLine(loadRewrites(reader.state))
  if (reader.in_stretch) loadPending(loadScreen(at, reader.stream, reader.is_terminal, reader.columns))
}

/** The other way round. */
function suspend(reader: Reader): void {
  reader.settled = pending_start
  reader.held = <u32>heldBytes()
  let bytes: usize = 0
  if (reader.in_stretch) bytes = rewrites_bytes + lineBytes() + screenBytes() + pendingBytes()
  else if (!isNewLine() || !areFree(pending_end)) bytes = rewrites_bytes + lineBytes()
  if (!keepState(reader, bytes) || bytes == 0) return
  const at = saveLine(saveRewrites(reader.state))
  if (reader.in_stretch) savePending(saveScreen(at))
}

/** Makes the block such that so many bytes fit well. */
function keepState(reader: Reader, bytes: usize): bool {
  const capacity = bytes == 0 ? 0 : blockBytes(bytes)
  if (capacity == reader.state_capacity) return true
  if (reader.state_capacity != 0) giveBlock(reader.state, reader.state_capacity)
  reader.state = capacity == 0 ? 0 : takeBlock(capacity)
  reader.state_capacity = reader.state == 0 ? 0 : capacity
  if (reader.state != 0 || capacity == 0) return true
  setVoid()
  // The readings are lost with it.
  if (reader.in_stretch) endScreen()
  reader.in_stretch = false
  return false
}

function enter(reader: Reader): void {
  if (reader.has_line_begun) beginLine(0)
  if (reader.lag_length > 0)
    appendText(reader.lag, reader.lag + reader.lag_length, pending_end - <i64>reader.lag_length)
  reader.lag_length = 0
  reader.has_line_begun = false
  beginScreen(reader.stream, pending_start, reader.is_terminal, reader.columns)
  reader.in_stretch = true
}

function leave(reader: Reader): void {
  endScreen()
  keepOfLine(fatesOf(reader), kept_entries)
  reader.in_stretch = false
  // Where it is not known, no end of line is taken for plain.
  reader.line_bytes = line_column == unknown_column ? columns_max : <u32>line_column
}

/** The stream begins anew. */
function forgetLine(reader: Reader): void {
  reader.lag_length = 0
  reader.has_line_begun = false
  reader.line_bytes = 0
  if (reader.state == 0) return
  resume(reader)
  beginLine(0)
  suspend(reader)
}

/** Of plain bytes only what may belong to the current line matters, and as much of it as has a column. */
function noteLag(reader: Reader, from: usize, to: usize): void {
  const lowest = to - from > lag_max ? to - lag_max : from
  let at = to
  while (at > lowest && load<u8>(at - 1) != lf) at--
  const ends = at > from && load<u8>(at - 1) == lf
  if (ends) {
    reader.lag_length = 0
    reader.has_line_begun = true
  }
  const bytes = to - at
  if (bytes == 0) return
  const kept = min(reader.lag_length, lag_max - bytes)
  const gone = reader.lag_length - kept
  if (kept + bytes + slack > reader.lag_capacity) {
    const capacity = blockBytes(kept + bytes + slack)
    const lag = takeBlock(capacity)
    if (lag == 0) {
      reader.is_broken = true
      return
    }
    memory.copy(lag, reader.lag + gone, kept)
    if (reader.lag_capacity != 0) giveBlock(reader.lag, reader.lag_capacity)
    reader.lag = lag
    reader.lag_capacity = capacity
  } else if (gone != 0) memory.copy(reader.lag, reader.lag + gone, kept)
  memory.copy(reader.lag + kept, at, bytes)
  reader.lag_length = kept + bytes
}

function report(reader: Reader, read: usize): void {
  store<u32>(result, <u32>output)
  store<u32>(result, <u32>outBytes(), 4)
  store<u32>(result, <u32>goneBytes(), 8)
  store<u32>(result, out_spans, 12)
  store<u32>(result, <u32>(heldBytes() + <usize>(reader.open_byte != none)), 16)
  store<u32>(result, <u32>read, 20)
  store<u32>(result, <u32>goneAt(), 24)
}
