/**
 * How far a window is plain: without anything that a terminal takes for something else than text. Nearly all
 * windows are, all along, and nothing else is done for them.
 */

const tab: u8 = 9
const line_feed: u8 = 10
const carriage_return: u8 = 13
const escape: u8 = 27
const rub_out: u8 = 127
/** Of UTF-8: before the controls of ISO 6429's upper half. */
const upper_lead: u8 = 0xc2

/** Columns of the line behind the last plain end of line, or more, for the next window. */
export let line_bytes: u32 = 0

/**
 * The first byte of [from, end) that a terminal does not show as it is; `end` when there is none. An end of line
 * is plain unless its line, of which at most `before` columns stood before the window, may have filled the screen's width.
 */
export function plainText(from: usize, end: usize, columns: u32, before: u32): usize {
  let line = from - before
  let p = from
  while (p < end) {
    // Sixty-four at once, as long as there is nothing: to ask costs more than to look.
    while (p + 64 <= end) {
      const first = v128.or(marksOf(v128.load(p)), marksOf(v128.load(p, 16)))
      const second = v128.or(marksOf(v128.load(p, 32)), marksOf(v128.load(p, 48)))
      if (v128.any_true(v128.or(first, second))) break
      p += 64
    }
    // The window has room behind it.
    let bits = i8x16.bitmask(marksOf(v128.load(p)))
    for (; bits != 0; bits &= bits - 1) {
      const at = p + <usize>ctz<i32>(bits)
      if (at >= end) break
      const byte = load<u8>(at)
      const next: u32 = at + 1 < end ? load<u8>(at, 1) : 0x80
      if (byte == upper_lead && next >= 0xa0) continue
      if (byte == carriage_return && next == line_feed && (columns == 0 || widthOf(line, from, at, columns) < columns)) {
        line = at + 2
        continue
      }
      return at
    }
    p += 16
  }
  line_bytes = columns == 0 ? <u32>(end - line) : widthOf(line, from, end, columns)
  return end
}

/** At most so many columns has a line up to `to`. Only a tab has more than bytes, and those before `from` are counted in `line`. */
function widthOf(line: usize, from: usize, to: usize, columns: u32): u32 {
  const bytes = <u32>(to - line)
  if (bytes >= columns) return bytes
  let tabs: u32 = 0
  for (let p = max(line, from); p < to; p += 16) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(tab)))
    tabs += popcnt<u32>(to - p < 16 ? found & ((1 << <u32>(to - p)) - 1) : found)
  }
  return bytes + 7 * tabs
}

/** Controls but tabs and ends of lines, DEL, and what may begin a control of the upper half. */
// @ts-ignore: decorator
@inline
function marksOf(bytes: v128): v128 {
  const lower = v128.andnot(
    i8x16.lt_u(bytes, i8x16.splat(32)),
    v128.or(i8x16.eq(bytes, i8x16.splat(tab)), i8x16.eq(bytes, i8x16.splat(line_feed))),
  )
  return v128.or(lower, v128.or(i8x16.eq(bytes, i8x16.splat(rub_out)), i8x16.eq(bytes, i8x16.splat(upper_lead))))
}

/** The same for a stream of bytes, where only `ESC [` and `ESC ]` count. */
export function plainBytes(from: usize, end: usize): usize {
  const sought = i8x16.splat(escape)
  for (let p = from; p < end; p += 16) {
    while (p + 64 <= end) {
      const first = v128.or(i8x16.eq(v128.load(p), sought), i8x16.eq(v128.load(p, 16), sought))
      const second = v128.or(i8x16.eq(v128.load(p, 32), sought), i8x16.eq(v128.load(p, 48), sought))
      if (v128.any_true(v128.or(first, second))) break
      p += 64
    }
    if (p >= end) break
    let bits = i8x16.bitmask(i8x16.eq(v128.load(p), sought))
    for (; bits != 0; bits &= bits - 1) {
      const at = p + <usize>ctz<i32>(bits)
      if (at >= end) break
      if (at + 1 == end || introduces(load<u8>(at, 1))) return at
    }
  }
  return end
}

/** CSI and OSC: what colours, links and titles begin with. In arbitrary bytes they are rare. */
// @ts-ignore: decorator
@inline
function introduces(byte: u32): bool {
  return byte == 0x5b || byte == 0x5d
}
