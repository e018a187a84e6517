/**
 * Keeps what records hide, where raw streams are kept (`evidence.raw: sealed`): sealed for the auditors, in records of its own,
 * each before the record that hides it, so that both are durable together. Nothing is gathered from one record to the next.
 *
 * @module
 */
import { encodeHidden, type HiddenBytes, hiddenLength } from '../../storage/evidence/raw.ts'
import { hidden_record_bytes_max, hidden_session_bytes_max } from '../core/limits.ts'

export class Hidden {
  /** Seals a value into a record of its own. */
  readonly #seal: (channel: number, what: string, value: Uint8Array) => void
  #waiting: HiddenBytes[] = []
  #waiting_bytes = 0
  #kept_bytes = 0
  #is_full = false

  constructor(seal: (channel: number, what: string, value: Uint8Array) => void) {
    this.#seal = seal
  }

  /** The next record of `channel` hides these, which are borrowed. */
  add(channel: number, stream: number, offset: number, raw: Uint8Array): void {
    if (this.#is_full) return
    const length = hiddenLength(raw.length)
    if (this.#kept_bytes + length > hidden_session_bytes_max) {
      this.write(channel)
      this.#is_full = true
      const end = JSON.stringify({ channel, stream, offset })
      this.#seal(channel, 'raw_full', new TextEncoder().encode(end))
      return
    }
    this.#kept_bytes += length
    // A mask is a few KiB, but how long one may be is the masker's affair.
    for (let from = 0; from === 0 || from < raw.length; from += hidden_record_bytes_max) {
      // Not `slice`: a Buffer's shares its memory, which is about to be masked.
      const part = new Uint8Array(raw.subarray(from, from + hidden_record_bytes_max))
      if (this.#waiting_bytes + hiddenLength(part.length) > 2 * hidden_record_bytes_max)
        this.write(channel)
      this.#waiting.push({ stream, offset: offset + from, bytes: part })
      this.#waiting_bytes += hiddenLength(part.length)
    }
  }

  /** Call before a record of `channel` is written. */
  write(channel: number): void {
    if (this.#waiting.length === 0) return
    const value = encodeHidden(this.#waiting)
    this.#waiting = []
    this.#waiting_bytes = 0
    this.#seal(channel, 'raw', value)
  }
}
