/**
 * What a user types into a terminal. Keys are recorded at once as lengths; their masked text follows in
 * one record at Enter. A line that was not echoed is taken for a password: its text is never recorded,
 * and neither are its length or its rhythm, once that is seen.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import {
  echo_verdict_ms,
  echo_wait_ms,
  input_line_bytes_max,
  input_line_ms_max,
} from '../core/limits.ts'
import type { EchoTracker } from './echo.ts'
import { LineMask, type MaskerSource, type TapSink } from './sink.ts'

export interface InputTapOptions {
  readonly channel: number
  readonly maskers: MaskerSource
  readonly sink: TapSink
  readonly echo: EchoTracker
  /** Monotonic milliseconds. */
  readonly now_ms: () => number
  /** Whether the last line of output asks for a password. */
  readonly prompts: () => boolean
}

/** The end of what was printed, when it asks for something that must not be seen. */
export const password_prompt: RegExp =
  /(?:pass(?:word|phrase|code)|\bPIN\b|\bOTP\b|verification code)[^\r\n]{0,80}[:?]\s?$/i

const latin1 = new TextDecoder('latin1')

/** Whether the end of what was printed asks for a password. */
export const asksForPassword = (tail: Uint8Array): boolean =>
  password_prompt.test(latin1.decode(tail))

export class InputTap {
  readonly #to: InputTapOptions
  readonly #digest = createHash('sha256')
  #line: number[] = []
  /** Of lines whose text is recorded: a place among all typed bytes would tell a password's length. */
  #recorded_length = 0
  /** Whether a record of this line already says that its keys are not counted. */
  #opaque = false
  /** When the oldest key was typed whose echo is still missing. */
  #waiting_since_ms: number | undefined
  #cancel_bound: (() => void) | undefined
  #pending: { text: Uint8Array; final: 'end' | 'idle'; cancel: () => void } | undefined
  readonly #mask: LineMask

  constructor(options: InputTapOptions) {
    this.#to = options
    this.#mask = new LineMask(options.maskers, 'length')
  }

  /** Bytes as they came; they are forwarded unaltered once the records of this call are durable. */
  push(bytes: Uint8Array): void {
    this.#digest.update(bytes)
    // Up to the last Enter it is one text: the lines of a paste are echoed after all of it was sent.
    const end = Math.max(bytes.lastIndexOf(0x0d), bytes.lastIndexOf(0x0a)) + 1
    if (end > 0) {
      this.#keys(bytes.subarray(0, end))
      this.#enter('end')
    }
    if (end < bytes.length) this.#keys(bytes.subarray(end))
    if (this.#line.length >= input_line_bytes_max) this.#enter('idle')
  }

  /** Output was seen: the echo of a line that ended before its echo came may be in it. */
  settle(): void {
    if (this.#pending !== undefined && this.#to.echo.line_echoed) this.#decide()
  }

  end(): void {
    if (this.#line.length > 0) this.#enter('end')
    this.#decide()
  }

  /** SHA-256 of all that was typed, as hex, and closes the tap. Only ever stored sealed. */
  close(): string {
    this.#pending?.cancel()
    this.#cancel_bound?.()
    this.#mask.close()
    return this.#digest.digest('hex')
  }

  #keys(bytes: Uint8Array): void {
    const { channel, sink, echo } = this.#to
    // A new line while the last one waits for its echo: it had its time.
    this.#decide()
    const now_ms = this.#to.now_ms()
    if (!echo.waiting) this.#waiting_since_ms = undefined
    this.#waiting_since_ms ??= now_ms
    const unechoed = now_ms - this.#waiting_since_ms > echo_wait_ms
    if (this.#line.length === 0) {
      this.#cancel_bound = sink.after(input_line_ms_max, () => this.#enter('idle'))
    }
    for (const byte of bytes) this.#line.push(byte)
    echo.typed(bytes)
    const prompted = this.#to.prompts()
    if (!this.#opaque && (prompted || unechoed)) {
      this.#opaque = true
      sink.record({ kind: 'input_opaque', channel, prompt: prompted })
    } else if (!this.#opaque) {
      sink.record({ kind: 'input', channel, length: bytes.length })
    }
  }

  /**
   * The line is over, or cut (`idle`); its text waits for the verdict of the echo, which may still be on its way.
   */
  #enter(final: 'end' | 'idle'): void {
    this.#cancel_bound?.()
    this.#cancel_bound = undefined
    const text = Uint8Array.from(this.#line)
    this.#line = []
    if (text.length === 0) return
    const cancel = this.#to.sink.after(echo_verdict_ms, () => this.#decide())
    this.#pending = { text, final, cancel }
    if (this.#to.echo.line_echoed) this.#decide()
  }

  #decide(): void {
    const pending = this.#pending
    if (pending === undefined) return
    this.#pending = undefined
    pending.cancel()
    const { channel, sink, echo } = this.#to
    const { text, final } = pending
    if (echo.line_echoed) {
      const offset = this.#recorded_length
      this.#recorded_length += text.length
      const masked = this.#mask.mask(sink, channel, 0, text, offset, final)
      sink.record(
        { kind: 'input_text', channel, offset, length: text.length, spans: masked.spans },
        masked.bytes,
      )
    } else {
      // What follows stands behind text that no record has.
      this.#mask.close()
      if (!this.#opaque && text.length > 1)
        sink.record({ kind: 'input_opaque', channel, prompt: false })
    }
    this.#opaque = false
    if (final === 'end') echo.endLine()
    else echo.cutLine()
  }
}
