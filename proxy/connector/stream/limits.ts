/**
 * The limits of a stream as an endpoint.
 *
 * @module
 */

/** What arrives while nobody wants it: so many reads of a socket, so that its end is noticed behind them. */
export const held_reads_max = 16

/** A stream that was closed has this long to send what it holds ... */
export const flush_ms = 2_000

/** ... and then its peer this long to end it too. */
export const linger_ms = 500

/**
 * A client that has left looks like one that has only ended its input, until something is sent to it. One to which
 * nothing is sent for this long after its end is taken for gone: a silent target would keep its session forever.
 */
export const ended_idle_ms = 5_000
