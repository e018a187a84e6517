/**
 * One output stream of a channel: mask the raw bytes, hash them, record what is released, release it.
 * Bytes of a would-be secret are held back, for {@link OutputTapOptions.idle_ms} at most.
 *
 * On a terminal the echo of typed text passes at once, and is recorded as a length; its text follows
 * in one masked record when the echo ends. A record for each key would spell a typed token into the store.
 *
 * @module
 */
import type { MaskStream } from '../../masking-wasm/host/engine.ts'
import {
  idle_short_bytes_max,
  idle_short_ms,
  input_line_bytes_max,
  input_line_ms_max,
} from '../core/limits.ts'
import type { EchoTracker } from './echo.ts'
import { RawDigest, type SealedDigest } from './raw-digest.ts'
import { Gathered, LineMask, type MaskerSource, recordSpans, type TapSink } from './sink.ts'

export interface OutputTapOptions {
  readonly channel: number
  readonly stream: 1 | 2
  /** `width` on a terminal, `length` in a byte stream. */
  readonly unit: 'width' | 'length'
  /** The terminal's. */
  readonly columns?: number
  readonly idle_ms: number
  readonly maskers: MaskerSource
  readonly sink: TapSink
  /** Only where a user types into a terminal. */
  readonly echo?: EchoTracker
}

export class OutputTap {
  readonly #to: OutputTapOptions
  readonly #masker: MaskStream
  readonly #digest = new RawDigest()
  #raw_length = 0
  #cancel_idle: (() => void) | undefined
  #echo: { offset: number; parts: Uint8Array[]; length: number } | undefined
  #cancel_echo: (() => void) | undefined
  readonly #echo_mask: LineMask

  constructor(options: OutputTapOptions) {
    this.#to = options
    this.#echo_mask = new LineMask(options.maskers, options.unit)
    this.#masker = options.maskers.open(options.unit)
    if (options.columns !== undefined) this.#masker.resize(options.columns)
  }

  /** The terminal has another width from here on: it decides where a line is full. */
  resize(columns: number): void {
    this.#masker.resize(columns)
  }

  /** Raw bytes, as the target sent them. They are read, not kept. */
  push(bytes: Uint8Array): void {
    this.#cancel_idle?.()
    this.#cancel_idle = undefined
    const is_echo = this.#to.echo?.seen(bytes) === true
    if (is_echo && this.#masker.held === 0) {
      this.#pushEcho(bytes)
    } else {
      const first = bytes[0]
      this.#endEcho(first === 0x0d || first === 0x0a ? 'end' : 'idle')
      this.#echo_mask.pass(bytes)
      this.#emit(this.#masker.push(bytes))
      if (is_echo) this.#emit(this.#masker.flush('echo'), 'echo')
    }
    this.#raw_length += bytes.length
    const { held } = this.#masker
    if (held === 0) return
    const { idle_ms, sink } = this.#to
    const wait_ms = held <= idle_short_bytes_max ? Math.min(idle_ms, idle_short_ms) : idle_ms
    this.#cancel_idle = sink.after(wait_ms, () => this.#emit(this.#masker.flush('idle'), 'idle'))
  }

  /** The stream is over. Idempotent as long as nothing is pushed after it. */
  end(): void {
    this.#cancel_idle?.()
    this.#endEcho('end')
    this.#emit(this.#masker.flush('end'), 'end')
  }

  /** The SHA-256 of raw bytes, those that were held and never shown among them, and closes the tap. Only ever stored sealed. */
  close(): SealedDigest {
    this.#cancel_idle?.()
    this.#cancel_echo?.()
    if (this.#masker.held > 0) this.#digest.add(this.#masker.flush('end'))
    this.#masker.close()
    this.#echo_mask.close()
    return this.#digest.end()
  }

  #emit(masked: ReturnType<MaskStream['push']>, flush?: 'idle' | 'echo' | 'end'): void {
    if (masked.raw_length === 0) return
    const { channel, stream, sink } = this.#to
    this.#digest.add(masked)
    const stored = sink.record(
      {
        kind: 'output',
        channel,
        stream,
        offset: masked.raw_offset,
        length: masked.raw_length,
        ...(flush === undefined ? {} : { flush }),
        spans: recordSpans(sink, channel, stream, masked.spans),
      },
      masked.bytes,
    )
    // The record's own copy is what is shown: released and recorded bytes cannot differ.
    sink.release(stream, stored.subarray(stored.length - masked.bytes.length), masked.raw_length)
  }

  #pushEcho(bytes: Uint8Array): void {
    const { channel, stream, sink } = this.#to
    this.#digest.addHidden(bytes)
    const shown = new Gathered()
    shown.show(this.#masker.push(bytes))
    shown.show(this.#masker.flush('echo'))
    sink.record({
      kind: 'echo',
      channel,
      stream,
      offset: this.#raw_length,
      length: bytes.length,
      commitment: sink.commit(channel, stream, this.#raw_length, bytes),
    })
    this.#echo ??= { offset: this.#raw_length, parts: [], length: 0 }
    this.#echo.parts.push(new Uint8Array(bytes))
    this.#echo.length += bytes.length
    this.#cancel_echo ??= sink.after(input_line_ms_max, () => this.#endEcho('idle'))
    sink.release(stream, shown.bytes, shown.raw_length)
    if (this.#echo.length >= input_line_bytes_max) this.#endEcho('idle')
  }

  #endEcho(final: 'end' | 'idle'): void {
    this.#cancel_echo?.()
    this.#cancel_echo = undefined
    const echo = this.#echo
    if (echo === undefined) return
    this.#echo = undefined
    const { channel, stream, sink } = this.#to
    const text = Buffer.concat(echo.parts)
    const masked = this.#echo_mask.mask(sink, channel, stream, text, echo.offset, final)
    sink.record(
      {
        kind: 'echo_text',
        channel,
        stream,
        offset: echo.offset,
        length: echo.length,
        spans: masked.spans,
      },
      masked.bytes,
    )
  }
}
