/**
 * What the gateway itself says to a person.
 *
 * @module
 */
import { message_bytes_max } from './limits.ts'

/** One line, without anything that a terminal would obey. */
export function clean(message: string): string {
  return message.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, message_bytes_max)
}

/** For stderr: CR LF, as a terminal in raw mode needs the CR and nothing else minds it. */
export function line(message: string): Uint8Array {
  return new TextEncoder().encode(`sluice: ${clean(message)}\r\n`)
}
