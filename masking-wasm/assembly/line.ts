/**
 * The line that a terminal's cursor is on: its last characters, where they stand in the stream, and the column.
 */
import { unknown_column } from './controls'
import { take } from './memory'
import { column_bytes_max, line_bytes_max } from './screen-limits'

const space: u32 = 0x20
const tab: u32 = 0x09
const capacity: usize = 4 * line_bytes_max
/** Far past every terminal's width, and far from the end of the numbers. */
const column_max: i32 = 1 << 24

let cells: usize = 0
/** Places in the stream; i64. */
let places: usize = 0
/** 1 where something was left out before it. */
let seams: usize = 0
let is_seam: bool = false
/** The known cells are [from, end). */
export let line_from: usize = 0
export let line_end: usize = 0
/** What is written next stands there. */
export let line_cursor: usize = 0
/** Bytes of text since the cursor was last at the line's left. */
let bytes: u32 = 0
export let line_column: i32 = 0
/** Something on it was overwritten. */
export let is_rewritten: bool = false

export function initLine(): bool {
  cells = take(capacity)
  places = take(capacity * 8)
  seams = take(capacity)
  return cells != 0 && places != 0 && seams != 0
}

const fixed_bytes: usize = 24

export function lineBytes(): usize {
  return fixed_bytes + (line_end - line_from) * 10
}

/** @8 places, then cells, then seams. */
export function saveLine(at: usize): usize {
  const count = line_end - line_from
  store<u32>(at, count)
  store<u32>(at, line_cursor - line_from, 4)
  store<u32>(at, bytes, 8)
  store<i32>(at, line_column, 12)
  store<u8>(at, <u8>is_rewritten, 16)
  store<u8>(at, <u8>is_seam, 17)
  memory.copy(at + fixed_bytes, places + (line_from << 3), count << 3)
  memory.copy(at + fixed_bytes + (count << 3), cells + line_from, count)
  memory.copy(at + fixed_bytes + count * 9, seams + line_from, count)
  return at + lineBytes()
}

export function loadLine(at: usize): usize {
  const count: usize = load<u32>(at)
  line_from = 0
  line_end = count
  line_cursor = load<u32>(at, 4)
  bytes = load<u32>(at, 8)
  line_column = load<i32>(at, 12)
  is_rewritten = load<u8>(at, 16) != 0
  is_seam = load<u8>(at, 17) != 0
  memory.copy(places, at + fixed_bytes, count << 3)
  memory.copy(cells, at + fixed_bytes + (count << 3), count)
  memory.copy(seams, at + fixed_bytes + count * 9, count)
  return at + lineBytes()
}

/** Nothing is known of it. */
export function isNewLine(): bool {
  return line_end == line_from && line_column == 0 && bytes == 0 && !is_rewritten && !is_seam
}

/** Nothing was ever written. */
export function newLine(): void {
  is_seam = false
  beginLine(0)
}

// @ts-ignore: decorator
@inline
export function cellAt(at: usize): u32 {
  return load<u8>(cells + at)
}

// @ts-ignore: decorator
@inline
export function placeAt(at: usize): i64 {
  return load<i64>(places + (at << 3))
}

// @ts-ignore: decorator
@inline
export function isSeamAt(at: usize): bool {
  return load<u8>(seams + at) != 0
}

/** Something was left out here. */
// @ts-ignore: decorator
@inline
export function interruptLine(): void {
  is_seam = true
}

/** Another line, or another place on the screen. */
export function beginLine(column: i32): void {
  line_from = 0
  line_end = 0
  line_cursor = 0
  bytes = 0
  is_rewritten = false
  line_column = column
}

/** At the end of what is known. */
export function appendCell(byte: u32, place: i64): void {
  if (line_end == capacity) compact()
  store<u8>(cells + line_end, <u8>byte)
  store<i64>(places + (line_end << 3), place)
  seam(line_end)
  line_end++
  if (line_end - line_from > line_bytes_max) line_from++
  line_cursor = line_end
  advance(byte)
}

/** The same for the text [from, to), of which the first stands at `place`. */
export function appendText(from: usize, to: usize, place: i64): void {
  const ascii = asciiEnd(from, to)
  if (ascii > from) appendRun(from, ascii, place)
  for (let p = ascii; p < to; p++) appendCell(load<u8>(p), place + <i64>(p - from))
}

/** Up to where each byte has a column. */
function asciiEnd(from: usize, to: usize): usize {
  for (let p = from; p < to; p += 16) {
    const at = v128.load(p)
    const others = v128.or(i8x16.ge_u(at, i8x16.splat(0x7f)), i8x16.eq(at, i8x16.splat(<u8>tab)))
    const found = i8x16.bitmask(others)
    if (found != 0) return min(to, p + <usize>ctz<i32>(found))
  }
  return to
}

function appendRun(from: usize, to: usize, place: i64): void {
  const known = to - from > line_bytes_max ? to - line_bytes_max : from
  const count = to - known
  if (line_end + count > capacity) compact()
  memory.fill(seams + line_end, 0, count)
  seam(line_end)
  memory.copy(cells + line_end, known, count)
  let at = places + (line_end << 3)
  let next = place + <i64>(known - from)
  for (let left = count; left > 0; left--) {
    store<i64>(at, next++)
    at += 8
  }
  line_end += count
  line_cursor = line_end
  if (line_end - line_from > line_bytes_max) line_from = line_end - line_bytes_max
  bytes += <u32>(to - from)
  if (bytes > column_bytes_max) line_column = unknown_column
  else move(<i32>(to - from))
}

/** The cursor's column behind `byte`. */
function advance(byte: u32): void {
  if (++bytes > column_bytes_max) line_column = unknown_column
  if (byte == tab) {
    if (line_column != unknown_column) line_column = (line_column / 8 + 1) * 8
  } else if (byte < 0x80 || (byte >= 0xc0 && byte < 0xe3)) move(1)
  // East Asian scripts and emoji, roughly: it decides where a line is full, not what is masked.
  else if (byte >= 0xe3) move(2)
}

/** The cursor goes over a byte that stands there already. */
export function passCell(byte: u32): void {
  line_cursor++
  advance(byte)
}

/** Back by `count` characters: continuation bytes go with their first. */
export function goBack(count: u32): void {
  for (let i: u32 = 0; i < count && line_cursor > line_from; i++) {
    line_cursor--
    while (line_cursor > line_from && (cellAt(line_cursor) & 0xc0) == 0x80) line_cursor--
  }
  if (line_column != unknown_column) line_column = max(0, line_column - <i32>count)
}

export function goForward(count: u32): void {
  line_cursor = min(line_end, line_cursor + count)
  move(<i32>count)
}

/** To behind all that is known. */
export function goToEnd(): void {
  line_cursor = line_end
}

export function setColumn(column: i32): void {
  line_column = column
}

export function setRewritten(): void {
  is_rewritten = true
}

/** A carriage return that ends no line: who writes on the next row of a full line writes a space before it. */
export function returned(): void {
  line_column = 0
  bytes = 0
  line_cursor = line_end > line_from && cellAt(line_end - 1) == space ? line_end - 1 : line_end
}

/** What stands from the cursor on is overwritten. */
export function cutLine(): void {
  line_end = line_cursor
}

function move(columns: i32): void {
  if (line_column != unknown_column) line_column = min(column_max, line_column + columns)
}

// @ts-ignore: decorator
@inline
function seam(at: usize): void {
  store<u8>(seams + at, <u8>is_seam)
  is_seam = false
}

function compact(): void {
  const count = line_end - line_from
  memory.copy(seams, seams + line_from, count)
  memory.copy(cells, cells + line_from, count)
  memory.copy(places, places + (line_from << 3), count << 3)
  line_end -= line_from
  line_cursor -= line_from
  line_from = 0
}
