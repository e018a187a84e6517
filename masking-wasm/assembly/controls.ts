/**
 * What of a stream's bytes is text, and what a terminal takes for something else: controls and escape sequences
 * (ECMA-48; the states are those of VT500's parser). It decides only what is left out of the second reading: the
 * first one reads every byte, whatever it claims to be.
 */
import { control_bytes_max, string_bytes_max } from './screen-limits'

/** What a byte is. */
export const text: u32 = 0
/** Part of a control: nothing on the screen. */
export const control: u32 = 1
/** Part of what an escape sequence carries, and so might be anything: a title, a long number. */
export const payload: u32 = 2
export const newline: u32 = 3
export const carriage_return: u32 = 4
/** The cursor goes back, or forward, by {@link control_count}. */
export const back: u32 = 5
export const forward: u32 = 6
/** The cursor goes to another line or to {@link control_column}. */
export const move: u32 = 7
/** The next byte tells: it may be text or begin a control. */
export const unsure: u32 = 8

/** Of a column that is not known. */
export const unknown_column: i32 = -1

const ground: u32 = 0
const escaped: u32 = 1
const intermediate: u32 = 2
const sequence: u32 = 3
const string: u32 = 4
const awaiting: u32 = 5

/** Of a colour; longer ones go the long way. */
const sequence_bytes_max: usize = 48
/** More of a number is no number of a colour or a place. */
const digits_plain_max: u32 = 3

/** All controls count; else only whole escape sequences do. */
let of_terminal: bool = false
let state: u32 = ground
/** Bytes of the sequence or string under way: of nothing that was before it, in this stream or another. */
let bytes: u32 = 0
let digits: u32 = 0
let first_number: u32 = 0
let second_number: u32 = 0
let number: u32 = 0
let is_private: bool = false
let before: u32 = 0

/** Set by {@link nextControl}: the byte before, which was `unsure`, is text. */
export let is_late: bool = false
/** Set by {@link nextControl}: what follows is a string's payload. */
export let begins_payload: bool = false
export let control_count: u32 = 1
export let control_column: i32 = unknown_column

export function resetControls(is_terminal: bool): void {
  of_terminal = is_terminal
  state = ground
}

export const controls_bytes: usize = 32

export function saveControls(at: usize): usize {
  store<u32>(at, state)
  store<u32>(at, bytes, 4)
  store<u32>(at, digits, 8)
  store<u32>(at, first_number, 12)
  store<u32>(at, second_number, 16)
  store<u32>(at, number, 20)
  store<u32>(at, before, 24)
  store<u32>(at, <u32>is_private, 28)
  return at + controls_bytes
}

export function loadControls(at: usize, is_terminal: bool): usize {
  of_terminal = is_terminal
  state = load<u32>(at)
  bytes = load<u32>(at, 4)
  digits = load<u32>(at, 8)
  first_number = load<u32>(at, 12)
  second_number = load<u32>(at, 16)
  number = load<u32>(at, 20)
  before = load<u32>(at, 24)
  is_private = load<u32>(at, 28) != 0
  return at + controls_bytes
}

/** Nothing is under way. */
// @ts-ignore: decorator
@inline
export function isIdle(): bool {
  return state == ground
}

/** Whether `byte` would be taken for text, or may turn out to be. */
// @ts-ignore: decorator
@inline
export function wouldBeText(byte: u32): bool {
  return state == ground && byte >= 0x20 && byte != 0x7f
}

export function nextControl(byte: u32): u32 {
  is_late = false
  begins_payload = false
  switch (state) {
    case ground:
      return onGround(byte)
    case awaiting:
      return of_terminal ? afterLead(byte) : afterEscape(byte)
    case escaped:
      return onEscape(byte)
    case intermediate:
      return onIntermediate(byte)
    case sequence:
      return onSequence(byte)
    default:
      return onString(byte)
  }
}

/**
 * Where a whole CSI sequence ends that begins at `from`, with plain numbers and nothing to do with the cursor, as of a
 * colour; `from` when there is none. Nothing may be under way.
 */
export function sequenceEnd(from: usize, end: usize): usize {
  if (from + 1 >= end || load<u8>(from, 1) != 0x5b) return from
  const last = min(end, from + sequence_bytes_max)
  let digits: u32 = 0
  for (let at = from + 2; at < last; at++) {
    const byte: u32 = load<u8>(at)
    if (byte >= 0x30 && byte <= 0x39) {
      if (++digits > digits_plain_max) return from
    } else if (byte == 0x3b) digits = 0
    else return byte == 0x6d || byte == 0x4b ? at + 1 : from
  }
  return from
}

/** Up to where all is text and nothing else, whatever comes before and behind it. Nothing may be under way. */
export function runEnd(from: usize, end: usize): usize {
  for (let p = from; p < end; p += 16) {
    const at = v128.load(p)
    const others = of_terminal
      ? v128.or(
          i8x16.lt_u(at, i8x16.splat(0x20)),
          v128.or(i8x16.eq(at, i8x16.splat(0x7f)), i8x16.eq(at, i8x16.splat(<u8>0xc2))),
        )
      : i8x16.eq(at, i8x16.splat(0x1b))
    const found = i8x16.bitmask(others)
    if (found != 0) return min(end, p + <usize>ctz<i32>(found))
  }
  return end
}

function onGround(byte: u32): u32 {
  if (of_terminal) {
    if (byte >= 0x20 && byte != 0x7f && byte != 0xc2) return text
    switch (byte) {
      // In UTF-8 it stands before U+0080 to U+009F, of which some are controls.
      case 0xc2:
        state = awaiting
        return unsure
      case 0x1b:
        return escapes()
      case 0x0a:
        return newline
      case 0x0d:
        return carriage_return
      case 0x09:
        return text
      case 0x08:
      case 0x7f:
        control_count = 1
        return back
      case 0x0b:
      case 0x0c:
        return moved(unknown_column)
      default:
        return control
    }
  }
  if (byte != 0x1b) return text
  state = awaiting
  return unsure
}

function escapes(): u32 {
  state = escaped
  bytes = 0
  return control
}

/** U+0080 to U+009F: the same as ESC and a letter. */
function afterLead(byte: u32): u32 {
  state = ground
  if (byte >= 0x80 && byte <= 0x9f) return onEscape(byte - 0x40)
  is_late = true
  return onGround(byte)
}

/** What begins an escape sequence in a stream of bytes: CSI and OSC, as in `plain.ts`. */
function afterEscape(byte: u32): u32 {
  state = ground
  if (byte == 0x5b || byte == 0x5d) return onEscape(byte)
  is_late = true
  return onGround(byte)
}

function onEscape(byte: u32): u32 {
  state = ground
  if (byte == 0x5b) {
    state = sequence
    bytes = 0
    digits = 0
    number = 0
    first_number = 0
    second_number = 0
    is_private = false
    return control
  }
  if (isString(byte)) {
    state = string
    bytes = 0
    before = 0
    begins_payload = true
    return control
  }
  if (byte >= 0x20 && byte <= 0x2f) {
    state = intermediate
    bytes = 0
    return control
  }
  // IND, NEL, RI, restore cursor, reset.
  if (of_terminal && (byte == 0x44 || byte == 0x45 || byte == 0x4d || byte == 0x38 || byte == 0x63))
    return moved(unknown_column)
  return byte < 0x20 || byte >= 0x7f ? inside(byte, escaped) : control
}

/** DCS, SOS, OSC, PM, APC, and the title of `screen`. */
function isString(byte: u32): bool {
  return byte == 0x50 || byte == 0x58 || (byte >= 0x5d && byte <= 0x5f) || byte == 0x6b
}

function onIntermediate(byte: u32): u32 {
  if (byte < 0x20 || byte >= 0x7f) return inside(byte, intermediate)
  state = byte <= 0x2f && ++bytes < control_bytes_max ? intermediate : ground
  return control
}

function onSequence(byte: u32): u32 {
  if (byte < 0x20 || byte >= 0x7f) return inside(byte, sequence)
  if (byte >= 0x40) {
    state = ground
    return of_terminal && !is_private ? onFinal(byte) : control
  }
  if (++bytes > control_bytes_max) state = ground
  if (byte >= 0x30 && byte <= 0x39) {
    if (number == 0) first_number = min(65535, first_number * 10 + byte - 0x30)
    else if (number == 1) second_number = min(65535, second_number * 10 + byte - 0x30)
    return ++digits > digits_plain_max ? payload : control
  }
  digits = 0
  if (byte == 0x3b) number++
  else if (byte != 0x3a) is_private = true
  return control
}

function onFinal(byte: u32): u32 {
  control_count = max<u32>(1, first_number)
  switch (byte) {
    case 0x44: // CUB
    case 0x6a: // HPB
      return back
    case 0x43: // CUF
    case 0x61: // HPR
      return forward
    case 0x47: // CHA
    case 0x60: // HPA
      return moved(<i32>max<u32>(1, first_number) - 1)
    case 0x48: // CUP
    case 0x66: // HVP
      return moved(<i32>max<u32>(1, second_number) - 1)
    case 0x45: // CNL
    case 0x46: // CPL
      return moved(0)
    case 0x41: // CUU
    case 0x42: // CUD
    case 0x49: // CHT
    case 0x5a: // CBT
    case 0x64: // VPA
    case 0x65: // VPR
    case 0x6b: // VPB
    case 0x75: // restore cursor
      return moved(unknown_column)
    default:
      return control
  }
}

/** A control, or a byte beyond ASCII, amidst a sequence: terminals carry the control out and read on. */
function inside(byte: u32, within: u32): u32 {
  state = ground
  if (!of_terminal || byte >= 0x80 || byte == 0x1b || byte == 0x0a) return onGround(byte)
  if (byte != 0x18 && byte != 0x1a && ++bytes <= control_bytes_max) state = within
  return control
}

/** Whoever never ends a string hides a line at most. */
function onString(byte: u32): u32 {
  const last = before
  before = byte
  if (++bytes > string_bytes_max || byte == 0x0a || byte == 0x0d) {
    state = ground
    return onGround(byte)
  }
  if (byte == 0x1b) return escapes()
  // BEL, CAN, SUB, and ST in UTF-8.
  if (byte == 0x07 || byte == 0x18 || byte == 0x1a || (byte == 0x9c && last == 0xc2)) {
    state = ground
    return control
  }
  if (byte >= 0x20 || of_terminal) return payload
  state = ground
  return onGround(byte)
}

function moved(column: i32): u32 {
  control_column = column
  return move
}
