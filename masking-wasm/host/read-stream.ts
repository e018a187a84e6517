/**
 * A stream of the engine. Plain bytes, nearly all there are, pass through the module and nothing else; from
 * something that is no text on, until it is over, they are read as `screen.ts` does.
 *
 * @module
 */
import { Controls, type Reading } from './controls.ts'
import { Fates } from './fates.ts'
import { column_bytes_max, first_piece_bytes_max, piece_bytes_max } from './limits.ts'
import { Line } from './line.ts'
import { fail, type Memory } from './module.ts'
import { isOpen, openHeld } from './open-end.ts'
import { Rewrites } from './rewrites.ts'
import { Screen } from './screen.ts'
import type { ScreenState, ScreenTools } from './screen-tools.ts'
import {
  type FlushEvent,
  joined,
  type Masked,
  type MaskStream,
  type MaskUnit,
  owned,
  Stream,
} from './stream.ts'

export type { Reading }

const LF = 0x0a
const columns_max = 65_535

function nothing(raw_offset: number): Masked {
  return { bytes: new Uint8Array(0), raw_offset, raw_length: 0, spans: [] }
}

export class ReadStream implements MaskStream {
  readonly #memory: Memory
  readonly #unit: MaskUnit
  readonly #whole: Stream
  readonly #tools: ScreenTools
  readonly #state: ScreenState
  #screen: Screen | undefined
  /** Of a terminal: plain bytes that {@link ScreenState.line} was not told of yet, or the last of them. */
  #lag: Uint8Array
  #lag_length = 0
  /** Bytes of the line so far, or more. */
  #line_bytes = 0
  /** Of a terminal: a byte that was pushed and not read, as it may be overwritten and something is held before it. */
  #open: Uint8Array | undefined
  #is_open = true

  constructor(memory: Memory, names: readonly string[], unit: MaskUnit, reading: Reading) {
    this.#memory = memory
    this.#unit = unit
    this.#whole = new Stream(memory, names, unit)
    const is_terminal = reading === 'terminal'
    this.#lag = new Uint8Array(is_terminal ? 64 : 0)
    this.#tools = {
      is_terminal,
      crowded: names.at(-1) ?? '',
      open: (twin) => new Stream(memory, names, unit, twin),
      cover: (raw) => this.#cover(raw),
    }
    this.#state = {
      controls: new Controls(reading),
      line: new Line(),
      rewrites: new Rewrites(),
      fates: new Fates(),
      columns: 0,
    }
  }

  get held(): number {
    return (this.#screen?.held ?? this.#whole.held) + (this.#open?.length ?? 0)
  }

  resize(columns: number): void {
    this.#state.columns = columns >= 1 && columns <= columns_max ? Math.floor(columns) : 0
  }

  push(bytes: Uint8Array): Masked {
    if (!this.#is_open) throw new Error('push on a closed stream')
    if (this.#open !== undefined && bytes.length > 0) {
      const all = new Uint8Array(bytes.length + 1)
      all.set(this.#open)
      all.set(bytes, 1)
      this.#open = undefined
      return this.push(all)
    }
    const memory = this.#memory
    if (this.#screen !== undefined || bytes.length > memory.input_bytes) return this.#parts(bytes)
    memory.bytes().set(bytes, memory.input)
    const { is_terminal } = this.#tools
    const { columns } = this.#state
    const masked = this.#whole.pushPlain(bytes, is_terminal, columns, this.#line_bytes)
    if (masked === undefined) return this.#parts(bytes)
    if (!is_terminal) return masked
    if (columns > 0) this.#line_bytes = memory.exports.lineBytes()
    if (masked.spans.length > 0) this.#noteFates(masked)
    if (this.#whole.unread === 0) this.#note(bytes)
    else {
      this.#open = bytes.slice(-1)
      this.#note(bytes.subarray(0, -1))
    }
    return masked
  }

  flush(event: FlushEvent): Masked {
    if (!this.#is_open) throw new Error('flush on a closed stream')
    const open = this.#open
    if (open !== undefined) {
      this.#open = undefined
      this.#memory.bytes().set(open, this.#memory.input)
      return joined([owned(this.#plain(open)), owned(this.flush(event))])
    }
    const masked = this.#screen === undefined ? this.#whole.flush(event) : this.#screen.flush(event)
    if (this.#tools.is_terminal && this.#screen === undefined) this.#noteFates(masked)
    if (event === 'end') {
      this.#leave()
      this.#state.controls.reset()
      this.#state.line.begin(0)
      this.#lag_length = 0
      this.#line_bytes = 0
    }
    return masked
  }

  close(): void {
    if (!this.#is_open) return
    this.#is_open = false
    this.#leave()
    this.#whole.close()
    this.#lag.fill(0)
  }

  /** Plain bytes, which stand at the module's input. */
  #plain(bytes: Uint8Array): Masked {
    const masked = this.#whole.pushLoaded(bytes)
    if (!this.#tools.is_terminal) return masked
    this.#note(bytes)
    this.#noteFates(masked)
    return masked
  }

  #noteFates({ spans }: Masked): void {
    for (const { raw_offset, raw_length, rule } of spans)
      this.#state.fates.note(raw_offset, raw_offset + raw_length, rule)
  }

  /** How many of the bytes at the module's input are plain. */
  #plainLoaded(bytes: Uint8Array): number {
    const { exports } = this.#memory
    if (!this.#tools.is_terminal) return exports.plainStreamBytes(bytes.length)
    const { columns } = this.#state
    const plain = exports.plainTextBytes(bytes.length, columns, this.#line_bytes)
    if (columns > 0 && plain === bytes.length) this.#line_bytes = exports.lineBytes()
    return plain
  }

  /** Plain bytes and others, in turns. */
  #parts(bytes: Uint8Array): Masked {
    const memory = this.#memory
    const parts: Masked[] = []
    const is_fresh = this.held === 0
    let at = 0
    let most = first_piece_bytes_max
    while (at < bytes.length) {
      if (this.#screen === undefined) {
        const window = bytes.subarray(at, at + memory.input_bytes)
        memory.bytes().set(window, memory.input)
        const plain = this.#plainLoaded(window)
        // A space may be overwritten by what comes next, as where it wraps a full line.
        const is_open = this.#tools.is_terminal && plain > 0 && isOpen(bytes, at + plain - 1)
        const sure = is_open ? plain - 1 : plain
        if (sure > 0) {
          const part = window.subarray(0, sure)
          const masked = this.#plain(part)
          parts.push(masked.bytes === part ? masked : owned(masked))
        }
        at += sure
        if (sure === window.length) continue
        if (is_open && at + 1 === bytes.length) {
          if (this.#whole.held >= openHeld(window[sure])) this.#open = window.slice(sure)
          else {
            const last = window.slice(sure)
            memory.bytes().set(last, memory.input)
            parts.push(owned(this.#plain(last)))
          }
          break
        }
        this.#enter()
        most = first_piece_bytes_max
      }
      at = this.#piece(bytes, at, most)
      most = Math.min(2 * most, piece_bytes_max)
      if (this.#screen?.over === true) {
        parts.push(this.#screen.take())
        this.#leave()
      }
    }
    if (this.#screen !== undefined) parts.push(this.#screen.take())
    const [first] = parts
    if (first === undefined) return nothing(this.#whole.settled)
    if (parts.length === 1) return first
    // Nothing was found in all of it, and nothing is held: it leaves as it came.
    if (is_fresh && this.held === 0 && parts.every(({ spans }) => spans.length === 0))
      return { ...first, bytes, raw_length: bytes.length }
    return joined(parts)
  }

  /** Up to the end of a line if there is one: there a stretch is soonest over. */
  #piece(bytes: Uint8Array, from: number, most: number): number {
    let length = Math.min(most, bytes.length - from)
    if (this.#tools.is_terminal) {
      const line_end = bytes.subarray(from, from + length).lastIndexOf(LF) + 1
      if (line_end > 0) length = line_end
    }
    return this.#screen?.read(bytes, from, length) ?? bytes.length
  }

  #enter(): void {
    const lag = this.#lag.subarray(0, this.#lag_length)
    const first = this.#whole.settled + this.#whole.held - lag.length
    const from = lag.lastIndexOf(LF) + 1
    if (from > 0) this.#state.line.begin(0)
    this.#state.line.appendText(lag, from, lag.length, first + from)
    this.#lag_length = 0
    this.#screen = new Screen(this.#tools, this.#state, this.#whole)
  }

  #leave(): void {
    this.#screen?.close()
    this.#screen = undefined
    const { column } = this.#state.line
    // Where it is not known, no end of line is taken for plain.
    this.#line_bytes = Number.isNaN(column) ? columns_max : column
  }

  /** Of plain bytes only what may belong to the current line matters, and as much of it as has a column. */
  #note(bytes: Uint8Array): void {
    const keep = column_bytes_max + 2
    if (bytes.length >= keep) {
      if (this.#lag.length < keep) this.#lag = new Uint8Array(2 * keep)
      this.#lag.set(bytes.subarray(bytes.length - keep))
      this.#lag_length = keep
      return
    }
    const length = this.#lag_length + bytes.length
    if (length > this.#lag.length) {
      const from = Math.max(0, length - keep)
      const lag = length - from > this.#lag.length ? new Uint8Array(2 * keep) : this.#lag
      lag.set(this.#lag.subarray(from, this.#lag_length))
      this.#lag = lag
      this.#lag_length -= from
    }
    this.#lag.set(bytes, this.#lag_length)
    this.#lag_length += bytes.length
  }

  #cover(raw: Uint8Array): Uint8Array {
    const memory = this.#memory
    if (raw.length > memory.input_bytes)
      fail('masking_module', 'a mask that is longer than a window')
    memory.bytes().set(raw, memory.input)
    const length = memory.exports.cover(raw.length, this.#unit === 'width' ? 1 : 0)
    return memory.view(memory.result(0), length)
  }
}
