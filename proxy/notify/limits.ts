/**
 * The limits of messages about requests, each with its reason.
 *
 * @module
 */

/** A chat has answered by then, or will not. */
export const answer_ms = 10_000

/** Nobody reads more than whether it was taken. */
export const answer_bytes_max: number = 16 * 1024

/** First pause after a failure, doubled each time. */
export const retry_ms = 1_000
export const retry_ms_max = 60_000

/** With the pauses between, some four minutes: a request waits for fifteen. */
export const tries_max = 9

/** Of one webhook; as many requests wait at most, and who is that far behind reads none of them. */
export const queue_max = 2_000

/** Slack takes 3,000 characters in a block; who wants the rest opens the page. */
export const shown_command_characters = 2_000
export const shown_line_characters = 500

/** An hour of links of a gateway whose every request expires late: what was used is forgotten when it is over. */
export const links_max = 20_000
