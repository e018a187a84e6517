/**
 * Where a verb prints: results on stdout, everything else on stderr, colours only for a person
 * (https://no-color.org).
 *
 * @module
 */
import { writeSync } from 'node:fs'

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

export interface Console {
  /** Width of the terminal on stdout; undefined when it is none. */
  readonly columns: number | undefined
  /** Writes to stdout. Resolves when it may go on; rejects with EPIPE when nobody reads on. */
  out(text: string | Uint8Array): Promise<void>
  line(text: string): Promise<void>
  /** A value for programs; a terminal that it is shown on finds nothing in it to obey. */
  json(value: unknown): Promise<void>
  /** Writes a line to stderr. */
  note(text: string): void
  /** Shows how far long work is, on a terminal only; an empty text wipes it away. */
  progress(text: string): void
  paint(colour: Colour, text: string): string
}

const codes: Readonly<Record<Colour, string>> = {
  bold: '1',
  dim: '2',
  red: '31',
  green: '32',
  yellow: '33',
  cyan: '36',
}

/**
 * JSON (RFC 8259, section 7) in which DEL, the controls of C1, which JSON lets through and a terminal takes for escape
 * sequences, and what turns or hides text are escaped: it says the same to a program.
 */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/[\x7f-\x9f\p{Cf}\u2028\u2029]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}

export function createConsole(env: Readonly<Record<string, string | undefined>>): Console {
  const { stdout, stderr } = process
  const has_colours = stdout.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  // The write that failed says so itself; without a listener the event would end the process.
  stdout.on('error', () => {})
  let shown = 0
  const progress = (text: string): void => {
    if (!stderr.isTTY) return
    stderr.write(`\r${text.padEnd(shown)}\r`)
    shown = text.length
  }
  const out = (text: string | Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      stdout.write(text, (error) => (error instanceof Error ? reject(error) : resolve()))
    })
  return {
    columns: stdout.isTTY ? stdout.columns : undefined,
    out,
    line: (text) => out(`${text}\n`),
    json: (value) => out(`${jsonText(value)}\n`),
    note(text) {
      progress('')
      // Synchronous: it is out before the process ends.
      writeSync(2, `${text}\n`)
    },
    progress,
    paint: (colour, text) => (has_colours ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text),
  }
}
