/**
 * Makes recorded terminal output safe to show again. What moves the cursor, colours, or clears stays;
 * what acts on the terminal's owner goes: OSC (titles, clipboard, links), DCS, APC, PM, SOS, queries that
 * the terminal would answer by typing, printing, key and mouse modes. Grammar: ECMA-48, section 5.
 *
 * Nothing is passed on before it is complete and known, so a terminal that reads an unknown sequence in
 * another way than we do finds none.
 *
 * @module
 */

export interface EscapeFilter {
  /** Safe text for the next piece of text; any split gives the same whole. */
  push(text: string): string
}

/** A sequence of 64 characters has more parameters than any that is kept. */
const sequence_characters_max = 64
/** Text inside an OSC or DCS is dropped; after so much of it, it is shown: hiding needs an end. */
const string_characters_max = 64 * 1024
/** Rows, columns and repetitions; a larger number would only keep the viewer busy. */
const parameter_max = 9999

// Cursor, erase, insert and delete, scroll, tabs, repeat, SGR, margins, save and restore.
const finals_kept = new Set('ABCDEFGHIJKLMPSTXZ@`abdefgmrsu')
/** Private modes (DECSET): cursor keys off; origin, wrap, blink, cursor, alternate screen. */
const private_modes_kept = new Set(['6', '7', '12', '25', '45', '47', '1047', '1048', '1049'])
/** Insert and newline mode. */
const modes_kept = new Set(['4', '20'])
/** Index, next line, tab stop, reverse index, save and restore cursor. */
const escapes_kept = new Set('DEHM78')
/** Designate G0 to G3; line drawing needs it. */
const designators = new Set('()*+')
const character_sets = new Set('0AB')

type State = 'ground' | 'escape' | 'designate' | 'intermediate' | 'csi' | 'string' | 'string_escape'

export function createEscapeFilter(): EscapeFilter {
  let state: State = 'ground'
  /** What the current sequence has so far, without its introducer. */
  let sequence = ''
  let dropped = 0
  let out = ''

  const enter = (next: State): void => {
    state = next
    sequence = ''
    dropped = 0
  }

  /** One C0 or C1 control outside of a string; true when it was one. */
  const control = (code: number): boolean => {
    switch (code) {
      case 0x1b:
        enter('escape')
        return true
      case 0x9b:
        enter('csi')
        return true
      case 0x90: // DCS
      case 0x98: // SOS
      case 0x9d: // OSC
      case 0x9e: // PM
      case 0x9f: // APC
        enter('string')
        return true
      default:
        return code < 0x20 || (code >= 0x7f && code <= 0x9f)
    }
  }

  const ground = (character: string, code: number): void => {
    if (!control(code)) out += character
    // BS, HT, LF, VT, FF, CR, SO and SI act on the picture alone. BEL, ENQ and the rest do not.
    else if (code >= 0x08 && code <= 0x0f) out += character
  }

  const escape = (character: string, code: number): void => {
    if (character === '[') enter('csi')
    else if (']P_^X'.includes(character)) enter('string')
    else if (designators.has(character)) {
      enter('designate')
      sequence = character
    } else if (code >= 0x20 && code <= 0x2f) enter('intermediate')
    else if (code < 0x20 || code >= 0x7f) {
      state = 'ground'
      ground(character, code)
    } else {
      if (escapes_kept.has(character)) out += `\u001b${character}`
      state = 'ground'
    }
  }

  const csi = (character: string, code: number): void => {
    if (code >= 0x40 && code <= 0x7e) {
      if (isKept(sequence, character)) out += `\u001b[${sequence}${character}`
      state = 'ground'
    } else if (code >= 0x20 && code <= 0x3f) {
      sequence += character
      if (sequence.length > sequence_characters_max) state = 'ground'
    } else {
      // A control inside, or text that cannot be: what was begun is nothing.
      state = 'ground'
      ground(character, code)
    }
  }

  const string = (character: string, code: number): void => {
    dropped++
    if (code === 0x1b) state = 'string_escape'
    // ST, CAN, SUB, and BEL, which ends an OSC in every terminal and other strings in some.
    else if (code === 0x9c || code === 0x18 || code === 0x1a || code === 0x07) state = 'ground'
    else if (dropped > string_characters_max) {
      state = 'ground'
      ground(character, code)
    }
  }

  return {
    push(text) {
      out = ''
      for (const character of text) {
        const code = character.codePointAt(0) ?? 0
        switch (state) {
          case 'ground':
            ground(character, code)
            break
          case 'escape':
            escape(character, code)
            break
          case 'designate':
            if (character_sets.has(character)) out += `\u001b${sequence}${character}`
            state = 'ground'
            if (code < 0x20 || code > 0x7e) ground(character, code)
            break
          case 'intermediate':
            if (code < 0x20 || code > 0x2f) state = 'ground'
            if (code < 0x20 || code > 0x7e) ground(character, code)
            break
          case 'csi':
            csi(character, code)
            break
          case 'string':
            string(character, code)
            break
          case 'string_escape':
            // ESC \ is the end; anything else after ESC begins a sequence of its own.
            if (character === '\\') state = 'ground'
            else {
              enter('escape')
              escape(character, code)
            }
            break
        }
      }
      return out
    },
  }
}

/**
 * Puts a terminal back in order after a replay: margins, screen, colours, character set, cursor. What moves the
 * cursor, and so would have the next line written over the replay, stands between saving and restoring it.
 */
export const terminal_reset: string =
  '\u001b7\u001b[r\u001b[?6l\u001b8\u001b7\u001b[?1049l' +
  '\u001b[0m\u001b[?7h\u001b[4l\u001b[20l\u001b(B\u000f\u001b[?25h'

function isKept(sequence: string, final: string): boolean {
  const is_private = sequence.startsWith('?')
  const parameters = is_private ? sequence.slice(1) : sequence
  if (!/^[0-9;:]*$/.test(parameters)) return false
  const numbers = parameters.split(/[;:]/)
  if (numbers.some((each) => Number(each) > parameter_max)) return false
  if (final === 'h' || final === 'l') {
    const kept = is_private ? private_modes_kept : modes_kept
    return numbers.every((each) => kept.has(each))
  }
  // Selective erase is the one other private sequence that draws.
  if (is_private) return final === 'J' || final === 'K'
  // Five numbers and T is highlight mouse tracking, which waits for an answer.
  if (final === 'T' && numbers.length > 1) return false
  return finals_kept.has(final)
}
