/**
 * The limits of what is typed, each with its reason.
 *
 * @module
 */

/** Policy reads lines of 16 KiB; what is longer it holds. */
export const typed_characters_max: number = 32 * 1024

/** A line that was edited is read when nothing was printed for so long: what one key changes is painted at once. */
export const quiet_ms = 25

/** A line has this long to be shown. What is typed without an echo waits so long at its Enter. */
export const shown_ms = 1_000

/** Lines that belong together are judged together: a loop, a quoted text. So many, as each is judged with all before it. */
export const together_lines_max = 32
export const together_characters_max: number = 8 * 1024

/** A shell that tells of its commands asks, or stands at a prompt again, within this: over a slow line, on a busy machine. */
export const answers_ms = 10_000

/** What was allowed begins to run within this; otherwise the shell waits for the rest of a command. */
export const begins_ms = 500
