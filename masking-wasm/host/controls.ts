/**
 * What of a stream's bytes is text, and what a terminal takes for something else: controls and escape sequences
 * (ECMA-48; the states are those of VT500's parser). It decides only what is left out of the second reading: the
 * first one reads every byte, whatever it claims to be.
 *
 * @module
 */
import { control_bytes_max, string_bytes_max } from './limits.ts'

/** Whose bytes: `terminal`, where all controls count, or `bytes`, where only whole escape sequences do. */
export type Reading = 'terminal' | 'bytes'

/** What a byte is. */
export const text = 0
/** Part of a control: nothing on the screen. */
export const control = 1
/** Part of what an escape sequence carries, and so might be anything: a title, a long number. */
export const payload = 2
export const newline = 3
export const carriage_return = 4
/** The cursor goes back, or forward, by {@link Controls.count}. */
export const back = 5
export const forward = 6
/** The cursor goes to another line or to {@link Controls.column}, NaN when that is not known. */
export const move = 7
/** The next byte tells: it may be text or begin a control. */
export const unsure = 8

const ESC = 0x1b
const LF = 0x0a
const CR = 0x0d
const BS = 0x08
const TAB = 0x09
const BEL = 0x07
const CAN = 0x18
const SUB = 0x1a
const DEL = 0x7f
/** In UTF-8 it stands before U+0080 to U+009F, of which some are controls. */
const C2 = 0xc2

const ground = 0
const escaped = 1
const intermediate = 2
const sequence = 3
const string = 4
const pending = 5

/** Of a colour; longer ones go the long way. */
const sequence_bytes_max = 48
/** More of a number is no number of a colour or a place. */
const digits_plain_max = 3

export class Controls {
  readonly #is_terminal: boolean
  #state = ground
  /** Bytes of the sequence or string under way. */
  #bytes = 0
  #digits = 0
  #numbers = [0, 0]
  #number = 0
  #is_private = false
  #before = 0

  /** Set by {@link next}: the byte before, which was `unsure`, is text. */
  late = false
  /** Set by {@link next}: what follows is a string's payload. */
  begins_payload = false
  count = 1
  column: number = Number.NaN

  constructor(reading: Reading) {
    this.#is_terminal = reading === 'terminal'
  }

  /** Nothing is under way. */
  get idle(): boolean {
    return this.#state === ground
  }

  /** Whether `byte` would be taken for text, or may turn out to be. */
  wouldBeText(byte: number): boolean {
    return this.#state === ground && byte >= 0x20 && byte !== DEL
  }

  next(byte: number): number {
    this.late = false
    this.begins_payload = false
    switch (this.#state) {
      case ground:
        return this.#plain(byte)
      case pending:
        return this.#is_terminal ? this.#afterLead(byte) : this.#afterEscape(byte)
      case escaped:
        return this.#escape(byte)
      case intermediate:
        return this.#intermediate(byte)
      case sequence:
        return this.#sequence(byte)
      default:
        return this.#string(byte)
    }
  }

  /**
   * Where a whole CSI sequence ends that begins at `from`, with plain numbers and nothing to do with the cursor, as of a
   * colour; `from` when there is none. Nothing may be under way.
   */
  sequenceEnd(bytes: Uint8Array, from: number, end: number): number {
    if (bytes[from] !== ESC || bytes[from + 1] !== 0x5b) return from
    const last = Math.min(end, from + sequence_bytes_max)
    let digits = 0
    for (let at = from + 2; at < last; at++) {
      const byte = bytes[at] ?? 0
      if (byte >= 0x30 && byte <= 0x39) {
        if (++digits > digits_plain_max) return from
      } else if (byte === 0x3b) digits = 0
      else return byte === 0x6d || byte === 0x4b ? at + 1 : from
    }
    return from
  }

  /** Up to where all is text and nothing else, whatever comes before and behind it. Nothing may be under way. */
  runEnd(bytes: Uint8Array, from: number, end: number): number {
    const runs = this.#is_terminal ? terminal_runs : byte_runs
    let to = from
    while (to < end && runs[bytes[to] ?? 0] === 1) to++
    return to
  }

  reset(): void {
    this.#state = ground
  }

  #plain(byte: number): number {
    if (this.#is_terminal) {
      if (byte >= 0x20 && byte !== DEL && byte !== C2) return text
      switch (byte) {
        case C2:
          this.#state = pending
          return unsure
        case ESC:
          this.#state = escaped
          return control
        case LF:
          return newline
        case CR:
          return carriage_return
        case TAB:
          return text
        case BS:
        case DEL:
          this.count = 1
          return back
        case 0x0b:
        case 0x0c:
          return this.#moved(Number.NaN)
        default:
          return control
      }
    }
    if (byte !== ESC) return text
    this.#state = pending
    return unsure
  }

  /** U+0080 to U+009F: the same as ESC and a letter. */
  #afterLead(byte: number): number {
    this.#state = ground
    if (byte >= 0x80 && byte <= 0x9f) return this.#escape(byte - 0x40)
    this.late = true
    return this.#plain(byte)
  }

  #afterEscape(byte: number): number {
    this.#state = ground
    if (introducers.has(byte)) return this.#escape(byte)
    this.late = true
    return this.#plain(byte)
  }

  #escape(byte: number): number {
    this.#state = ground
    if (byte === 0x5b) {
      this.#state = sequence
      this.#bytes = 0
      this.#digits = 0
      this.#number = 0
      this.#numbers[0] = 0
      this.#numbers[1] = 0
      this.#is_private = false
      return control
    }
    if (strings.has(byte)) {
      this.#state = string
      this.#bytes = 0
      this.#before = 0
      this.begins_payload = true
      return control
    }
    if (byte >= 0x20 && byte <= 0x2f) {
      this.#state = intermediate
      this.#bytes = 0
      return control
    }
    // IND, NEL, RI, restore cursor, reset.
    if (
      this.#is_terminal &&
      (byte === 0x44 || byte === 0x45 || byte === 0x4d || byte === 0x38 || byte === 0x63)
    )
      return this.#moved(Number.NaN)
    return byte < 0x20 || byte >= DEL ? this.#inside(byte, escaped) : control
  }

  #intermediate(byte: number): number {
    if (byte < 0x20 || byte >= DEL) return this.#inside(byte, intermediate)
    this.#state = byte <= 0x2f && ++this.#bytes < control_bytes_max ? intermediate : ground
    return control
  }

  #sequence(byte: number): number {
    if (byte < 0x20 || byte >= DEL) return this.#inside(byte, sequence)
    if (byte >= 0x40) {
      this.#state = ground
      return this.#is_terminal && !this.#is_private ? this.#final(byte) : control
    }
    if (++this.#bytes > control_bytes_max) this.#state = ground
    if (byte >= 0x30 && byte <= 0x39) {
      const at = this.#number
      if (at < 2) this.#numbers[at] = Math.min(65_535, (this.#numbers[at] ?? 0) * 10 + byte - 0x30)
      return ++this.#digits > digits_plain_max ? payload : control
    }
    this.#digits = 0
    if (byte === 0x3b) this.#number++
    else if (byte !== 0x3a) this.#is_private = true
    return control
  }

  #final(byte: number): number {
    const [first = 0, second = 0] = this.#numbers
    this.count = Math.max(1, first)
    switch (byte) {
      case 0x44: // CUB
      case 0x6a: // HPB
        return back
      case 0x43: // CUF
      case 0x61: // HPR
        return forward
      case 0x47: // CHA
      case 0x60: // HPA
        return this.#moved(Math.max(1, first) - 1)
      case 0x48: // CUP
      case 0x66: // HVP
        return this.#moved(Math.max(1, second) - 1)
      case 0x45: // CNL
      case 0x46: // CPL
        return this.#moved(0)
      case 0x41: // CUU
      case 0x42: // CUD
      case 0x49: // CHT
      case 0x5a: // CBT
      case 0x64: // VPA
      case 0x65: // VPR
      case 0x6b: // VPB
      case 0x75: // restore cursor
        return this.#moved(Number.NaN)
      default:
        return control
    }
  }

  /** A control, or a byte beyond ASCII, amidst a sequence: terminals carry the control out and read on. */
  #inside(byte: number, state: number): number {
    this.#state = ground
    if (!this.#is_terminal || byte >= 0x80 || byte === ESC || byte === LF) return this.#plain(byte)
    if (byte !== CAN && byte !== SUB && ++this.#bytes <= control_bytes_max) this.#state = state
    return control
  }

  /** Whoever never ends a string hides a line at most. */
  #string(byte: number): number {
    const before = this.#before
    this.#before = byte
    if (++this.#bytes > string_bytes_max || byte === LF || byte === CR) {
      this.#state = ground
      return this.#plain(byte)
    }
    if (byte === ESC) {
      this.#state = escaped
      return control
    }
    if (byte === BEL || byte === CAN || byte === SUB || (byte === 0x9c && before === C2)) {
      this.#state = ground
      return control
    }
    if (byte >= 0x20 || this.#is_terminal) return payload
    this.#state = ground
    return this.#plain(byte)
  }

  #moved(column: number): number {
    this.column = column
    return move
  }
}

/** DCS, SOS, OSC, PM, APC, and the title of `screen`. */
const strings: ReadonlySet<number> = new Set([0x50, 0x58, 0x5d, 0x5e, 0x5f, 0x6b])
/** What begins an escape sequence in a stream of bytes: CSI and OSC, as in `assembly/plain.ts`. */
const introducers: ReadonlySet<number> = new Set([0x5b, 0x5d])

/** By byte: 1 where it is text whatever comes before and behind it. */
const terminal_runs = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte !== DEL && byte !== C2 ? 1 : 0,
)
const byte_runs = Uint8Array.from({ length: 256 }, (_, byte) => (byte === ESC ? 0 : 1))
