/**
 * Limits of a witness, each with its reason. Whoever can reach it may send anything.
 *
 * @module
 */

/** Hashes of a consistency proof: C2SP tlog-witness has at most 63. */
export const proof_lines_max = 63

/** One request: a size, a proof (63 lines of 45 bytes), and a note. */
export const request_bytes_max: number = 128 * 1024

/** Signatures that a log or a witness adds are some; a log that is named by an origin is known by its key alone. */
export const response_bytes_max: number = 64 * 1024

/** Requests are small: who takes longer to send one holds a place that others need. */
export const request_ms_max = 10_000
