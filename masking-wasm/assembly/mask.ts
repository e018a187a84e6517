/** What stands in place of a secret. */

const star: u8 = 42

/** Writes the mask of [from, to) at `at`; returns its end. One star for a byte; ends of lines stay. */
export function maskLength(from: usize, to: usize, at_: usize): usize {
  const stars = i8x16.splat(star)
  const feeds = i8x16.splat(10)
  const returns = i8x16.splat(13)
  // Sixteen at a time: what is read and written past the end is there, and written anew by what follows.
  for (let p = from, at = at_; p < to; p += 16, at += 16) {
    const bytes = v128.load(p)
    const ends = v128.or(i8x16.eq(bytes, feeds), i8x16.eq(bytes, returns))
    v128.store(at, v128.bitselect(bytes, stars, ends))
  }
  return at_ + (to - from)
}

/** Copies [from, to) to `at` as it is; returns its end. Most of it is short, and a copy in bulk is a call. Up to 15 bytes more are written. */
export function copyClear(from: usize, to: usize, at: usize): usize {
  const bytes = to - from
  if (bytes > short_max) memory.copy(at, from, bytes)
  else for (let done: usize = 0; done < bytes; done += 16) v128.store(at + done, v128.load(from + done))
  return at + bytes
}

const short_max: usize = 64

/** The same with one star for each column that a terminal would have used. Never longer than the input. */
export function maskWidth(from: usize, to: usize, at_: usize): usize {
  let at = at_
  for (let p = from; p < to; p++) {
    const byte: u32 = load<u8>(p)
    if (byte == 10 || byte == 13) {
      store<u8>(at++, <u8>byte)
      continue
    }
    if ((byte & 0xc0) == 0x80) continue
    const columns = byte < 0xe0 ? 1 : columnsOf(codePoint(byte, p, to))
    for (let i = 0; i < columns; i++) store<u8>(at++, star)
  }
  return at
}

/** Of a three- or four-byte sequence; 0xfffd when it is cut or wrong. */
function codePoint(lead: u32, p: usize, to: usize): u32 {
  const bytes: usize = lead < 0xf0 ? 3 : 4
  if (p + bytes > to) return 0xfffd
  let point = lead < 0xf0 ? lead & 15 : lead & 7
  for (let i: usize = 1; i < bytes; i++) {
    const byte: u32 = load<u8>(p + i)
    if ((byte & 0xc0) != 0x80) return 0xfffd
    point = (point << 6) | (byte & 63)
  }
  return point
}

/** East Asian Wide and Fullwidth in whole blocks (UAX #11), and what joins or has no width. */
function columnsOf(point: u32): i32 {
  if ((point >= 0x200b && point <= 0x200f) || (point >= 0xfe00 && point <= 0xfe0f)) return 0
  if (point == 0xfeff || (point >= 0x20d0 && point <= 0x20ff)) return 0
  if (point >= 0x1100 && point <= 0x115f) return 2
  if (point >= 0x2e80 && point <= 0xa4cf && point != 0x303f) return 2
  if (point >= 0xa960 && point <= 0xa97c) return 2
  if (point >= 0xac00 && point <= 0xd7a3) return 2
  if (point >= 0xf900 && point <= 0xfaff) return 2
  if (point >= 0xfe30 && point <= 0xfe6f) return 2
  if ((point >= 0xff01 && point <= 0xff60) || (point >= 0xffe0 && point <= 0xffe6)) return 2
  if ((point >= 0x1f300 && point <= 0x1f64f) || (point >= 0x1f680 && point <= 0x1f6ff)) return 2
  if (point >= 0x1f900 && point <= 0x1f9ff) return 2
  if (point >= 0x20000 && point <= 0x3fffd) return 2
  return 1
}
