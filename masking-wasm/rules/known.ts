/**
 * Secrets whose value is known beforehand: those that an operator lists, and those that the gateway logs in
 * with. They are no rules, since a rule is shown and hashed, and a value must never be.
 *
 * @module
 */

export interface KnownSecret {
  /** The value itself, of {@link known_bytes_min} to {@link known_bytes_max} bytes of UTF-8. */
  readonly text: string
  /**
   * `targets`: programs there may print it, also slowly, so none of it is shown while it is incomplete.
   * `gateway`: nobody else has it, and a would-be match that turned to stars would tell a guesser each right
   * letter. So it is masked as a whole, and not before.
   */
  readonly held_by: 'targets' | 'gateway'
}

/** Shown beside each masked span, and recorded with it: that it was one, never which. */
export const known_label = 'known-secret'

/**
 * Shorter ones are parts of words and numbers, of which all would be masked. It also keeps chance out of the
 * encoded forms: at each alignment of base64, 46 bits at least must fit.
 */
export const known_bytes_min = 6

/** A key or token in one line is shorter. In hex it is half of what a stream may hold back (4096 bytes). */
export const known_bytes_max = 1024

/** Whether a text has such a length. */
export function isMaskable(text: string): boolean {
  const { length } = new TextEncoder().encode(text)
  return length >= known_bytes_min && length <= known_bytes_max
}
