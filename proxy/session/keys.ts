/**
 * The line that the keys alone make, as long as they are ones that every editor of lines takes alike.
 *
 * @module
 */
import { typed_characters_max } from './limits.ts'

const ctrl = { c: 0x03, d: 0x04, h: 0x08, l: 0x0c, u: 0x15, v: 0x16, w: 0x17 } as const
const escape = 0x1b
const del = 0x7f
const paste_begins = '[200~'
const paste_ends = '[201~'

export class Keys {
  #bytes: number[] = []
  /** The same without what took keys back. */
  #all: number[] = []
  /** A key was typed that may have changed the line in a way that only its editor knows: Tab, an arrow, a macro. */
  #is_edited = false
  /** What came of an escape sequence so far; undefined outside of one. */
  #sequence: string | undefined
  /** The next key is no command (termios(3), VLNEXT). */
  #is_quoted = false
  /** Any key at all: one that takes all others back may have been told to do something else. */
  is_touched = false
  /** Inside of a paste whose ends the terminal has marked, or whoever types says so. */
  is_pasted = false
  /** Nothing but text, which every editor takes alike, pasted or not. */
  is_plain = true

  get is_edited(): boolean {
    return this.#is_edited
  }

  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.#bytes))
  }

  /** All text that was typed: an editor may have put back what was taken back. */
  get all(): string {
    return new TextDecoder().decode(Uint8Array.from(this.#all))
  }

  push(bytes: Uint8Array): void {
    if (bytes.length > 0) this.is_touched = true
    for (const byte of bytes) this.#push(byte)
  }

  /** The line was entered, or given up. `is_refilled`: the editor may have put another one there. */
  endLine(is_refilled = false): void {
    this.#bytes = []
    this.#all = []
    this.is_plain = !is_refilled
    this.#is_edited = is_refilled
    this.#sequence = undefined
    this.#is_quoted = false
    this.is_touched = is_refilled
  }

  #push(byte: number): void {
    if (this.#sequence !== undefined) {
      this.#follow(byte)
      return
    }
    if (this.#is_quoted) {
      this.#is_quoted = false
      return
    }
    // A Tab of a paste is one.
    const is_text = (byte >= 0x20 && byte !== del) || (byte === 0x09 && this.is_pasted)
    if (is_text && this.#all.length < typed_characters_max) this.#all.push(byte)
    else if (byte !== escape) this.is_plain = false
    switch (byte) {
      case ctrl.v:
        this.#is_quoted = true
        this.#is_edited = true
        return
      case escape:
        this.#sequence = ''
        return
      case ctrl.h:
      case del:
        // A character of UTF-8 is several bytes.
        while (((this.#bytes.pop() ?? 0) & 0xc0) === 0x80);
        return
      case ctrl.u:
      case ctrl.c:
        this.#bytes = []
        return
      case ctrl.w: {
        const kept = this.text.replace(/\S+\s*$/, '')
        this.#bytes = [...new TextEncoder().encode(kept)]
        return
      }
      case ctrl.d:
      case ctrl.l:
        return
    }
    if (!is_text || this.#bytes.length >= typed_characters_max) this.#is_edited = true
    else this.#bytes.push(byte)
  }

  /** ECMA-48, section 5.4, and the keys of xterm. */
  #follow(byte: number): void {
    const sequence = `${this.#sequence}${String.fromCharCode(byte)}`
    this.#sequence = sequence
    if (sequence === '[' || sequence === 'O') return
    const is_over = !sequence.startsWith('[') || (byte >= 0x40 && byte <= 0x7e)
    if (!is_over && sequence.length < 32) return
    this.#sequence = undefined
    if (sequence !== paste_begins && sequence !== paste_ends) this.is_plain = false
    if (sequence === paste_begins) this.is_pasted = true
    else if (sequence === paste_ends) this.is_pasted = false
    // Answers to what the target asked of the terminal: of where the cursor is, of its kind and colours.
    else if (!/^\[[?>\d;]*[Rcn]$/.test(sequence)) this.#is_edited = true
  }
}
