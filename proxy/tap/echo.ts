/**
 * Tells the echo of what a user just typed from what a program printed, by bytes alone.
 * It decides two things: whether typed text may be recorded (a line that was not echoed is taken for a
 * password), and whether output may pass the masker at once instead of waiting for the idle timeout.
 *
 * @module
 */
import { echo_expected_bytes_max } from '../core/limits.ts'

const ESC = 0x1b
const CR = 0x0d
const LF = 0x0a

export class EchoTracker {
  /** Typed bytes that a terminal echoes as they are, and that were not seen yet. */
  #expected: number[] = []
  #typed_line = 0
  #echoed_line = 0
  /** Inside an escape sequence that a key or a bracketed paste sends; it is never echoed as it is. */
  #escape: 'no' | 'introducer' | 'parameters' = 'no'

  /** Notes typed bytes, in order. Enter is the caller's to see. */
  typed(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (!this.#isEchoed(byte)) continue
      this.#typed_line++
      this.#expected.push(byte)
    }
    const excess = this.#expected.length - echo_expected_bytes_max
    if (excess > 0) this.#expected.splice(0, excess)
  }

  /**
   * Notes output. True when all of it is the echo of typed bytes, in order and without a gap.
   * Output that begins with the whole expected rest (a pasted line, then its result) counts as echo of
   * that rest, but is not all echo. Anything else counts as nothing.
   */
  seen(output: Uint8Array): boolean {
    const expected = this.#expected
    if (expected.length === 0) return false
    let matched = 0
    let all = true
    for (const byte of output) {
      if (matched < expected.length && byte === expected[matched]) {
        matched++
        continue
      }
      all = false
      if (matched === expected.length) break
      if (byte !== CR && byte !== LF) return false
    }
    this.#expected.splice(0, matched)
    this.#echoed_line += matched
    return all && matched > 0
  }

  /** True while something typed has not come back. */
  get waiting(): boolean {
    return this.#expected.length > 0
  }

  /**
   * Half of a line suffices: editing in its middle is redrawn by escapes, not echoed as typed.
   * Of a password nothing is echoed.
   */
  get line_echoed(): boolean {
    return this.#typed_line > 0 && this.#echoed_line * 2 >= this.#typed_line
  }

  /** The line is over: what was not echoed of it never will be. */
  endLine(): void {
    this.#expected = []
    this.#typed_line = 0
    this.#echoed_line = 0
  }

  /** The line goes on and is judged anew; the echo of its last keys may still be on its way. */
  cutLine(): void {
    this.#typed_line = 0
    this.#echoed_line = 0
  }

  /** Printable ASCII and the bytes of UTF-8, outside of escape sequences (ECMA-48, section 5.4). */
  #isEchoed(byte: number): boolean {
    switch (this.#escape) {
      case 'introducer':
        this.#escape = byte === 0x5b || byte === 0x4f ? 'parameters' : 'no'
        return false
      case 'parameters':
        if (byte >= 0x40 && byte <= 0x7e) this.#escape = 'no'
        return false
      case 'no':
        if (byte === ESC) this.#escape = 'introducer'
        return byte >= 0x20 && byte !== 0x7f
    }
  }
}
