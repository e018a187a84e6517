/**
 * The line that a terminal's cursor is on: its last characters, where they stand in the stream, and the column.
 *
 * @module
 */
import { column_bytes_max, line_bytes_max } from './limits.ts'

const SPACE = 0x20
const TAB = 0x09
const capacity = 4 * line_bytes_max

export class Line {
  readonly cells: Uint8Array = new Uint8Array(capacity)
  /** Places in the stream. */
  readonly places: Float64Array = new Float64Array(capacity)
  /** 1 where something was left out before it. */
  readonly seams: Uint8Array = new Uint8Array(capacity)
  #is_seam = false
  /** The known cells are [from, end). */
  from = 0
  end = 0
  /** What is written next stands there. */
  cursor = 0
  /** Bytes of text since the line began. */
  #bytes = 0
  /** NaN when it is not known. */
  column = 0
  /** Something on it was overwritten. */
  is_rewritten = false

  /** Something was left out here. */
  interrupt(): void {
    this.#is_seam = true
  }

  /** Another line, or another place on the screen. */
  begin(column: number): void {
    this.from = 0
    this.end = 0
    this.cursor = 0
    this.#bytes = 0
    this.is_rewritten = false
    this.column = column
  }

  /** At the end of what is known. */
  append(byte: number, place: number): void {
    if (this.end === capacity) this.#compact()
    this.cells[this.end] = byte
    this.places[this.end] = place
    this.#seam(this.end)
    this.end++
    if (this.end - this.from > line_bytes_max) this.from++
    this.cursor = this.end
    this.advance(byte)
  }

  /** The same for [from, to) of `bytes`: ASCII, of which the first stands at `place`. */
  appendRun(bytes: Uint8Array, from: number, to: number, place: number): void {
    const known = Math.max(from, to - line_bytes_max)
    if (this.end + to - known > capacity) this.#compact()
    let end = this.end
    this.seams.fill(0, end, end + to - known)
    this.#seam(end)
    for (let at = known; at < to; at++) {
      this.cells[end] = bytes[at] ?? 0
      this.places[end++] = place + at - from
    }
    this.end = end
    this.cursor = end
    this.from = Math.max(this.from, end - line_bytes_max)
    this.#bytes += to - from
    this.column = this.#bytes > column_bytes_max ? Number.NaN : this.column + to - from
  }

  /** The same for any text. */
  appendText(bytes: Uint8Array, from: number, to: number, place: number): void {
    let ascii = from
    while (ascii < to && (bytes[ascii] ?? 0) < 0x7f && bytes[ascii] !== TAB) ascii++
    if (ascii > from) this.appendRun(bytes, from, ascii, place)
    for (let at = ascii; at < to; at++) this.append(bytes[at] ?? 0, place + at - from)
  }

  /** The cursor's column behind `byte`. */
  advance(byte: number): void {
    if (++this.#bytes > column_bytes_max) this.column = Number.NaN
    if (byte === TAB) this.column = (Math.floor(this.column / 8) + 1) * 8
    else if (byte < 0x80 || (byte >= 0xc0 && byte < 0xe3)) this.column++
    // East Asian scripts and emoji, roughly: it decides where a line is full, not what is masked.
    else if (byte >= 0xe3) this.column += 2
  }

  /** Back by `count` characters: continuation bytes go with their first. */
  back(count: number): void {
    for (let i = 0; i < count && this.cursor > this.from; i++) {
      this.cursor--
      while (this.cursor > this.from && ((this.cells[this.cursor] ?? 0) & 0xc0) === 0x80)
        this.cursor--
    }
    this.column = Math.max(0, this.column - count)
  }

  forward(count: number): void {
    this.cursor = Math.min(this.end, this.cursor + count)
    this.column += count
  }

  /** A carriage return that ends no line: who writes on the next row of a full line writes a space before it. */
  returned(): void {
    this.column = 0
    this.cursor =
      this.end > this.from && this.cells[this.end - 1] === SPACE ? this.end - 1 : this.end
  }

  /** What stands from the cursor on is overwritten. */
  cut(): void {
    this.end = this.cursor
  }

  #seam(at: number): void {
    this.seams[at] = this.#is_seam ? 1 : 0
    this.#is_seam = false
  }

  #compact(): void {
    this.seams.copyWithin(0, this.from, this.end)
    this.cells.copyWithin(0, this.from, this.end)
    this.places.copyWithin(0, this.from, this.end)
    this.end -= this.from
    this.cursor -= this.from
    this.from = 0
  }
}
