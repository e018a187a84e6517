/**
 * The gateway's limits, each with its reason. Protocol limits live beside their connector.
 *
 * @module
 */

/**
 * Bytes of a session's only channel, each way, between "read from one side" and "accepted by the other's transport".
 * More keeps both cores busy: 1 MiB costs a quarter of the throughput of 4.
 */
export const in_flight_bytes_alone: number = 4 * 1024 * 1024

/** ... of each of a session's several channels: with many of them the larger limit would be half a gigabyte. */
export const in_flight_bytes_beside: number = 256 * 1024

/**
 * ... of each channel while anybody types, as a keystroke's echo waits behind at most this much of each busy one.
 * With 256 KiB it waits four times as long, and bulk is no faster for it.
 */
export const in_flight_bytes_typing: number = 32 * 1024

/** How long one keystroke counts as somebody typing. */
export const typing_ms = 2_000

/** What a resize or a signal counts there: a record and a message each, and no window of the client's limits them. */
export const input_event_bytes = 512

/** One output record: large enough that its header and leaf cost nothing, small against a journal frame. */
export const output_record_bytes_max: number = 128 * 1024

/**
 * Of fewer bytes than this of an output stream there is always one digest of them all, as `sha256sum` would print it. A command's
 * output is mostly less; beyond it the digest costs, and says nothing that the records do not while nothing is masked.
 */
export const hashed_bytes_min: number = 1024 * 1024

/** A message of a protocol may be larger than that: it is recorded in pieces of this size. */
export const message_record_bytes_max: number = 512 * 1024

/** Of a statement and of the parameters of its run, so much stands in their own records; the rest in the input's. */
export const statement_record_bytes_max: number = 64 * 1024

/** Masked bytes that are kept sealed: so many to a record, beside what one record hides. */
export const hidden_record_bytes_max: number = 512 * 1024

/** ... and so many of one session: as much as a bundle holds. Somebody who prints secrets for hours must not fill the disk twice. */
export const hidden_session_bytes_max: number = 256 * 1024 * 1024

/** What one group commit gathers at most; above it the disk is better used by writing now. */
export const commit_bytes_max: number = 1024 * 1024

/**
 * What only reads is recorded with what it is answered, which takes less than this of a target nearby; and this much later
 * at most.
 */
export const unawaited_ms_max = 5

/** Payload of what is gathered into one record: a short query and its answer. What is larger is a record of its own. */
export const exchanged_bytes_max: number = 4 * 1024

/** From here on another thread writes a commit, while the next one is masked. */
export const commit_later_bytes_min: number = 64 * 1024

/** A typed line is recorded at Enter, or at this size: a pasted megabyte must not wait in memory. */
export const input_line_bytes_max = 4096

/** ... or after this time, so that a crash loses little of what was typed. */
export const input_line_ms_max = 60_000

/** Typed bytes whose echo may still come. Beyond it the oldest are taken as not echoed. */
export const echo_expected_bytes_max = 4096

/** A key not echoed for this long was typed with echo off: the next key of its line is not counted. */
export const echo_wait_ms = 250

/** A pasted line has this long to be echoed before its text is taken for a secret and dropped. */
export const echo_verdict_ms = 1_000

/**
 * Sets of masking tables in use at once: a session keeps those that it began with, so each reload during a long one adds a set,
 * of some 2 to 10 MB. Past it a reload is refused until sessions end.
 */
export const masking_tables_max = 8

/** How long a would-be secret may be held back at the end of what a target printed. */
export const idle_ms_default = 300

/** So few held bytes say nothing yet: they are the end of one in ten messages of a binary protocol, which waits. */
export const idle_short_bytes_max = 2

/** ... so they are held for the time in which the rest of a split write arrives, and no longer. */
export const idle_short_ms = 10

/** A changed log is signed at least this often. */
export const checkpoint_ms = 1_000

/** A log without sessions still proves that it was running. */
export const heartbeat_ms = 60_000

/** A heartbeat later than this is a gap, which the log then explains by saying that it goes on. */
export const heartbeat_late_ms = 5_000

/** Channels of one session: a browser behind `-D` opens dozens, each with up to a window of memory. */
export const session_channels_max = 128

/** A command line of exec: Linux refuses a longer single argument (MAX_ARG_STRLEN). */
export const command_bytes_max: number = 128 * 1024

/** Between two slices of zeros for a spare segment: keystrokes of other sessions go between them. */
export const prepare_slice_pause_ms = 4

/** ... and while there is time, so that filling segments with zeros leaves the disk to what people wait for. */
export const zero_slice_pause_ms = 7

/** A full disk is looked at again this often. */
export const prepare_idle_ms = 500

/** Idle buffers kept for output on each side of the recorder: what a few busy sessions have in flight. */
export const pooled_buffers_max = 48

/** The part of the journal that waits for the bucket; half of it slows output down, all of it ends sessions. */
export const replica_backlog_part = 0.25

/** Whether replication is too far behind is looked at this often. */
export const replica_look_ms = 500
