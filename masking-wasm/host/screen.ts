/**
 * A stretch of a stream in which there is more than text, read several times: every byte as it is; only the text,
 * as a screen shows it; and, where text was overwritten, the line as it is then. What any of them finds is masked. None of
 * them can make another see less, so whatever the bytes claim to be, no match of the first is ever lost.
 *
 * Bytes leave when no reading holds them. Decisions are made at places that the bytes give, never a call's end: where
 * {@link held_bytes_max} are held, and where text is overwritten, every reading has read exactly up to there.
 *
 * @module
 */
import { Branch } from './branch.ts'
import {
  back,
  carriage_return,
  control,
  forward,
  move,
  newline,
  payload,
  text,
  unsure,
} from './controls.ts'
import { Holds } from './holds.ts'
import { held_bytes_max } from './limits.ts'
import { Marks } from './marks.ts'
import { isOpen, openHeld } from './open-end.ts'
import { Pending } from './pending.ts'
import { Rewritten } from './rewritten.ts'
import type { ScreenState, ScreenTools } from './screen-tools.ts'
import type { FlushEvent, Masked, Stream } from './stream.ts'

const ESC = 0x1b
const LF = 0x0a
const CR = 0x0d
const TAB = 0x09
const BS = 0x08

/** Among the readings. */
const reading_plain = 1

export class Screen {
  readonly #tools: ScreenTools
  readonly #state: ScreenState
  /** Every byte as it is. */
  readonly #whole: Stream
  /** The text. */
  readonly #plain: Branch
  /** The text of the current line as it is after something was overwritten; only then. */
  readonly #rewritten: Rewritten
  readonly #pending: Pending
  readonly #holds: Holds
  /** Where strings begin, in the piece. */
  readonly #marks = new Marks()
  /** One begins with the next byte. */
  #begins_payload = false
  #space_at = -1
  /** The last byte that may be overwritten. */
  #open_at = -1
  #unsure_byte = 0
  /** The byte before was a carriage return; there was one, and no text since. */
  #after_return = false
  #returned = false
  #column_before = 0

  /** `whole` holds what of the stream has not left; nothing of it is a control. */
  constructor(tools: ScreenTools, state: ScreenState, whole: Stream) {
    this.#tools = tools
    this.#state = state
    this.#whole = whole
    this.#pending = new Pending(whole.settled, whole.held_bytes, state.fates)
    this.#plain = new Branch(tools.open(whole), this.#pending, reading_plain, 0)
    this.#plain.know(whole, tools.is_terminal)
    this.#rewritten = new Rewritten(tools.open, this.#pending)
    this.#holds = new Holds(tools, this.#pending, whole, this.#plain, this.#rewritten)
  }

  get held(): number {
    return this.#pending.length
  }

  /** Nothing is to be known of this stretch any more: what follows is read once again. */
  get over(): boolean {
    const { controls, line } = this.#state
    if (this.#pending.length > 0 || !controls.idle || line.cursor !== line.end) return false
    if (
      this.#returned ||
      this.#holds.before_space >= 0 ||
      this.#holds.dark >= 0 ||
      this.#rewritten.branch !== undefined
    )
      return false
    const quiet = this.#plain.quiet
    return quiet >= 0 && quiet === this.#whole.quiet
  }

  /** Reads `bytes` from `from` on, a piece of at most `most` bytes. Returns where it stopped. */
  read(bytes: Uint8Array, from: number, most: number): number {
    const room = held_bytes_max - this.#pending.length
    const end = Math.min(bytes.length, from + most, from + room)
    this.#pending.load(bytes, from, end)
    const stopped = this.#parse(bytes, from, end)
    this.#pending.keep(stopped - from)
    const piece = bytes.subarray(from, stopped)
    this.#holds.takeWhole(this.#whole.pushMarked(piece, this.#marks))
    this.#marks.length = 0
    this.#plain.read()
    this.#rewritten.branch?.read()
    if (bytes[stopped - 1] === LF) this.#rewritten.endLine(this.#plain)
    this.#holds.settle()
    if (this.#pending.length >= held_bytes_max) this.#holds.cut()
    return stopped
  }

  /** What has left since the last time. Owned. */
  take(): Masked {
    return this.#pending.take()
  }

  flush(event: FlushEvent): Masked {
    this.#holds.takeWhole(this.#whole.flush(event))
    this.#plain.take(this.#plain.stream.flush(event))
    this.#rewritten.flush(event)
    this.#holds.release()
    return this.#pending.take()
  }

  close(): void {
    this.#plain.stream.close()
    this.#rewritten.close()
  }

  /** Sorts a piece's bytes into the readings. Stops sooner where all must have read what came before. */
  #parse(bytes: Uint8Array, from: number, end: number): number {
    const { controls, line } = this.#state
    const pending = this.#pending
    const { is_terminal } = this.#tools
    const base = pending.end - from
    for (let at = from; at < end; ) {
      const byte = bytes[at] ?? 0
      const is_idle = controls.idle
      if (is_terminal && is_idle && this.#mustStop(bytes, at)) {
        if (at > from) return at
        this.#stopped(byte)
      }
      if (this.#begins_payload) {
        this.#marks.add(at - from)
        this.#begins_payload = false
      }
      const place = base + at
      if (this.#space_at === place - 1 && byte !== CR && byte !== BS) this.#holds.before_space = -1
      if (is_idle) {
        if (byte === ESC) {
          const to = controls.sequenceEnd(bytes, at, end)
          if (to > at) {
            pending.setRun(place, base + to, 'control')
            this.#holds.unsure_at = -1
            this.#after_return = false
            this.#interrupt()
            at = to
            continue
          }
        } else if (!is_terminal || line.cursor === line.end) {
          const run = controls.runEnd(bytes, at, end)
          const to = is_terminal && run > at && isOpen(bytes, run - 1) ? run - 1 : run
          if (to > at) {
            this.#addRun(bytes, at, to, place)
            at = to
            continue
          }
        }
      }
      const kind = controls.next(byte)
      if (controls.late) this.#addLate()
      switch (kind) {
        case text:
          this.#addText(byte, place)
          break
        case newline:
          this.#newline(byte, place)
          break
        case payload:
          pending.set(place, 'payload')
          this.#interrupt()
          break
        default:
          pending.set(place, 'control')
          this.#control(kind, byte, place)
      }
      this.#after_return = byte === CR
      if (controls.begins_payload) this.#begins_payload = true
      at++
    }
    return end
  }

  #addRun(bytes: Uint8Array, from: number, to: number, place: number): void {
    this.#plain.addRun(bytes, from, to, place)
    this.#after_return = false
    if (!this.#tools.is_terminal) return
    this.#rewritten.branch?.addRun(bytes, from, to, place)
    this.#returned = false
    this.#holds.before_space = -1
    this.#state.line.appendText(bytes, from, to, place)
  }

  /** Whether all readings must have read what is before `at`. */
  #mustStop(bytes: Uint8Array, at: number): boolean {
    const byte = bytes[at] ?? 0
    if (this.#holds.dark >= 0) return byte === LF
    const { controls, line } = this.#state
    if (!controls.wouldBeText(byte)) return false
    if (line.cursor < line.end) return !this.#sameAgain(byte)
    return isOpen(bytes, at)
  }

  /** They have. */
  #stopped(byte: number): void {
    const { line } = this.#state
    if (this.#space_at === this.#pending.end - 1) {
      this.#holds.before_space = -1
      this.#holds.settle()
    }
    if (byte === LF) {
      this.#holds.lighten()
      return
    }
    if (line.cursor < line.end && !this.#overwrite(byte)) return
    const least = openHeld(byte)
    if (least === 0) return
    const { length, start, end } = this.#pending
    this.#holds.before_space = length >= least ? start : -1
    this.#space_at = end
  }

  #control(kind: number, byte: number, place: number): void {
    const { controls, line, rewrites } = this.#state
    // Who writes what is often overwritten, and goes back, has made all readings stop.
    if (this.#open_at === place - 1 && (kind === carriage_return || kind === back))
      rewrites.note(place)
    switch (kind) {
      case unsure:
        this.#holds.unsure_at = place
        this.#unsure_byte = byte
        this.#holds.unsure_holds = true
        return
      case carriage_return:
        if (!this.#after_return) this.#column_before = line.column
        this.#returned = true
        line.returned()
        break
      case back:
        line.back(controls.count)
        break
      case forward:
        line.forward(controls.count)
        break
      case move:
        this.#holds.before_space = -1
        line.begin(controls.column)
        break
      case control:
        break
    }
    this.#holds.unsure_at = -1
    this.#interrupt()
  }

  #interrupt(): void {
    this.#state.line.interrupt()
    this.#plain.interrupt()
    this.#rewritten.branch?.interrupt()
  }

  #addText(byte: number, place: number): void {
    const { line } = this.#state
    this.#returned = false
    if (openHeld(byte) === 0) this.#holds.before_space = -1
    else this.#open_at = place
    this.#plain.add(byte, place)
    if (!this.#tools.is_terminal) return
    if (line.cursor < line.end && byte !== TAB && this.#sameAgain(byte)) {
      // The same again: the line stays as it is.
      this.#noteFirst(place)
      this.#state.rewrites.noteSame(place)
      this.#pending.again(line.places[line.cursor] ?? 0, place)
      this.#rewritten.branch?.interrupt()
      line.interrupt()
      this.#holds.before_space = -1
      line.cursor++
      line.advance(byte)
      return
    }
    this.#rewritten.branch?.add(byte, place)
    // What was not overwritten stays, as far as this can tell.
    line.append(byte, place)
  }

  /** The unsure byte was text. */
  #addLate(): void {
    if (this.#holds.unsure_at < 0) return
    const place = this.#holds.unsure_at
    this.#holds.unsure_at = -1
    this.#pending.mark(place, place + 1, 'text')
    this.#addText(this.#unsure_byte, place)
  }

  #newline(byte: number, place: number): void {
    const { line, columns } = this.#state
    const column = this.#after_return ? this.#column_before : 0
    this.#returned = false
    this.#holds.before_space = -1
    if (columns > 0 && column > 0 && column % columns === 0) {
      // The line was full: it goes on below.
      this.#pending.set(place, 'control')
      this.#interrupt()
      line.cursor = line.end
      line.column = 0
      return
    }
    // What begins with the end of a line begins with its line feed: the other has left perhaps.
    for (const branch of [this.#plain, this.#rewritten.branch]) {
      if (this.#after_return) branch?.add(CR, place)
      branch?.add(byte, place)
    }
    line.begin(0)
    // Where nothing is read again, nothing is shown.
    if (this.#state.rewrites.isSpent(place)) this.#holds.dark = place + 1
  }

  /** Whether the line is followed as it is, and `byte` stands at the cursor already. */
  #sameAgain(byte: number): boolean {
    const { line } = this.#state
    return this.#rewritten.branch !== undefined && line.cells[line.cursor] === byte
  }

  /**
   * `byte` comes where text stands already. All readings have read up to it, and what can leave has left. False when it
   * is the same again, or is not read.
   */
  #overwrite(byte: number): boolean {
    const { line, rewrites } = this.#state
    const { end } = this.#pending
    this.#holds.before_space = -1
    if (line.cells[line.cursor] === byte) {
      this.#noteFirst(end)
      this.#rewritten.follow(this.#plain)
      return false
    }
    line.is_rewritten = true
    rewrites.note(end, line.end - line.from)
    if (rewrites.isSpent(end)) {
      this.#holds.giveUp()
      line.cursor = line.end
      return false
    }
    this.#rewritten.again(line)
    return true
  }

  #noteFirst(place: number): void {
    const { line, rewrites } = this.#state
    if (line.is_rewritten) return
    rewrites.note(place)
    line.is_rewritten = true
  }
}
