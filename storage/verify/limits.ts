/**
 * Limits of a verification, each with its reason: a source may be hostile, and is larger than memory.
 *
 * @module
 */

/** Entries read at once: about 200 KiB. */
export const log_page_entries = 1024

/** Session ids read at once. */
export const session_page = 1000

/** Records read at once for a session, when few are open. */
export const record_page_bytes_max: number = 1024 * 1024

/** ... and when many are. */
export const record_page_bytes_min: number = 64 * 1024

/** What the pages of all open sessions may hold together. */
export const record_pages_bytes_max: number = 64 * 1024 * 1024

/** A report is for a person; the rest is counted. */
export const findings_max = 1000

/** Records of one session that are looked at one by one after a mismatch: a bit of memory for each. */
export const diagnosed_records_max: number = 64 * 1024 * 1024

/** Of one session and kind; the rest is the same story. */
export const session_findings_max = 50

/** Records of one session that fit nowhere: beyond this it is not the same session any more. */
export const strays_max = 100_000

/** Missing entries in a row that are told apart from edited ones. */
export const missing_run_max = 64

/** A checkpoint is due within a second, and signs what came before; a disk that is full or busy may keep it for a while. */
export const unsigned_ms_max = 75_000

/** A heartbeat is due every 60 s; a busy disk may delay its commit. */
export const heartbeat_gap_ms_max = 75_000

/** Streams of one session whose offsets are followed: 64 channels with three, and room. */
export const followed_streams_max = 4096

/** Progress is told this often. */
export const progress_records = 4096

/** Logs that one log may name as its workers': a gateway has 64 at once, and may have had others. */
export const worker_logs_max = 1024

/** The gateway's clock and the bucket's differ by at most a quarter of an hour: S3 refuses a request beyond that. */
export const retention_window_ms = 3_600_000

/** Retention has whole seconds. */
export const retention_slack_ms = 2_000
/** Cosigned checkpoints that are looked at: one of each witness, and a source may have any number. */
export const cosigned_notes_max = 64

/** Authorities date by whole seconds where they have no fractions, and a gateway's clock is corrected slowly. */
export const timestamp_slack_ms = 2000

export const day_ms = 86_400_000

/** A clock that is set by hand is a few minutes wrong; one that is wrong by an hour says nothing about days. */
export const own_clock_slack_ms = 3_600_000

/** Witnesses date by whole seconds, after the checkpoint has reached them. */
export const witness_slack_ms = 2_000

/** A gateway tells its workers of a hold at once, and they have an erasure under way at most this long. */
export const hold_spread_ms = 60_000

/** ... and its bucket within that time, unless it is away. */
export const hold_placed_ms = 3_600_000

/** Ids in one sentence; the document of the log has all of them. */
export const named_sessions_max = 20
