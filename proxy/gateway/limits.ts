/**
 * The limits of the composition, each with its reason.
 *
 * @module
 */

/** More than the cores of the machines that a gateway runs on; each costs 150 MB and a journal. */
export const workers_max = 64

/** How long a worker waits for its data directory: the one before it may still be draining, its gateway gone. */
export const worker_lock_ms = 10_000
export const worker_lock_look_ms = 250

/** A worker that dies again and again is started again this late, twice as late each time, to keep the machine usable. */
export const restart_ms_min = 250
export const restart_ms_max = 10_000
/** One that has run so long died of something else. */
export const restart_forgiven_ms = 60_000

/** A first start compiles rules, recovers a journal and opens a port; a crashed gateway's journal takes the longest. */
export const worker_ready_ms = 120_000

/** Longer than a worker that was told to end takes beyond its drain: last records, its store, its threads. */
export const worker_end_ms = 15_000

/** How long workers may take to say whose login it is that a browser asks for; one that is busy with bulk answers late. */
export const worker_answer_ms = 5_000

/** Receipts of the bucket that could not be logged, a full disk being the usual reason, are logged this much later. */
export const receipts_retry_ms = 5_000
