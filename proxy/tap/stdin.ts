/**
 * Input of a channel without a terminal: a byte stream. It is forwarded as it came, and recorded masked.
 * Holding back delays the record's text, never the bytes: `held` counts what follows in the next record.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { MaskStream } from '../../masking-wasm/host/engine.ts'
import { type MaskerSource, recordSpans, type TapSink } from './sink.ts'

export class StdinTap {
  readonly #channel: number
  readonly #sink: TapSink
  readonly #masker: MaskStream
  readonly #digest = createHash('sha256')

  constructor(channel: number, maskers: MaskerSource, sink: TapSink) {
    this.#channel = channel
    this.#sink = sink
    this.#masker = maskers.open('length')
  }

  push(bytes: Uint8Array): void {
    this.#digest.update(bytes)
    this.#emit(this.#masker.push(bytes))
  }

  end(): void {
    this.#emit(this.#masker.flush('end'))
  }

  /** SHA-256 of the raw input, as hex, and closes the tap. Only ever stored sealed. */
  close(): string {
    this.#masker.close()
    return this.#digest.digest('hex')
  }

  #emit(masked: ReturnType<MaskStream['push']>): void {
    const held = this.#masker.held
    if (masked.raw_length === 0 && held === 0) return
    this.#sink.record(
      {
        kind: 'stdin',
        channel: this.#channel,
        offset: masked.raw_offset,
        length: masked.raw_length,
        held,
        spans: recordSpans(this.#sink, this.#channel, 0, masked.spans),
      },
      masked.bytes,
    )
  }
}
