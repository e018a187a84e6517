/**
 * Limits of what an auditor's tools hold and read, each with its reason.
 *
 * @module
 */

/** Streams of one session that are followed at once: 64 channels with four, and room. */
export const followed_streams_max = 4096

/** Echo that waits for its text: a line of typing is shorter by far. */
export const waiting_echoes_max = 20_000

/** Sealed values and findings that a report lists: a session of a million transfers is for a program. */
export const report_items_max = 100_000
export const findings_max = 1000

/** Records of a session of which one value is disclosed: 32 bytes and a place for each. */
export const records_max = 8_000_000

/** Logins of one log that are compared at once: a busy year of a busy machine. */
export const logins_max = 1_000_000

/** A target's log is read whole. */
export const login_log_bytes_max: number = 512 * 1024 * 1024
