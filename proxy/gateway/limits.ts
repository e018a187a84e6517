/**
 * The limits of the composition, each with its reason.
 *
 * @module
 */

/** More than the cores of the machines that a gateway runs on; each costs 150 MB and a journal. */
export const workers_max = 64

/** Requests that ended and are still shown, each with a command of up to 128 KiB. */
export const ended_requests_max = 50

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

/**
 * Cedar gives no memory back but for a set of the same name: of two names one is in use, and the next policy takes the other's
 * place, so that the one in use is whole as long as the next may still be refused.
 */
export const policy_engines = ['reloaded-1', 'reloaded-2'] as const

/** Receipts of the bucket that could not be logged, a full disk being the usual reason, are logged this much later. */
export const receipts_retry_ms = 5_000
/** A checkpoint is signed every second; witnesses see one this often. */
export const witness_pause_ms = 10_000

/** A witness is small and may be far. */
export const witness_answer_ms = 10_000

/** One that does not answer is asked ever more seldom, up to this. */
export const witness_retry_ms_max = 300_000

/** So long without a witness is worth a person's look: until then the owner of the log's key could rewrite what it did not see. */
export const witness_lag_ms_max = 300_000

/** A checkpoint is timestamped this often: an authority that asks for money asks for little. */
export const timestamp_ms = 60_000

/** An authority is far, and signs with a key in hardware. */
export const timestamp_answer_ms = 20_000

/** So long without one is worth a person's look: the log's times have no upper bound meanwhile. */
export const timestamp_lag_ms_max = 600_000

/** Refused credentials that are recorded in a window; those beyond are counted, and told with the next one. */
export const refusals_recorded_max = 60
export const refusals_window_ms = 60_000

/** Targets that a sign-in lists: policy is asked about each of their accounts, for a tenth of a millisecond. */
export const places_max = 1_000

/** It goes over the wire twice in one packet of 35,000 bytes: as the key, and in what is signed. */
export const certificate_bytes_max: number = 16 * 1024
/** A canary says one line, in the process itself; a machine that is this slow with it keeps people waiting too. */
export const canary_session_ms = 20_000

/** Its end is in the store and signed a second later, or after what a busy projection has before it. */
export const canary_projected_ms = 60_000

/** ... and in the bucket within the allowed lag; this is for what is there with it: the round of its checkpoint. */
export const canary_sent_ms = 30_000

export const canary_poll_ms = 500

/** After a failure the next canary comes sooner, so that what is over does not alarm for long. */
export const canary_retry_ms = 30_000

/** A heartbeat changes the log each minute, and each change is signed within a second: later than this nobody signs. */
export const signing_lag_ms_max = 75_000
export const signing_look_ms = 5_000

/** Between two looks at which sign-ins their providers are to be asked about. */
export const sign_ins_look_ms = 1_000

/** Between two looks at which grants nobody has decided about in time. */
export const grants_look_ms = 1_000

/** Days are counted: some hours more are nothing to them, and each erasure has the full-text index merged. */
export const retention_ms = 21_600_000
/** After a start others come first. */
export const retention_first_ms = 10_000
/** Sessions that are looked at together. */
export const retention_page = 500

/** Each is compared with each session whose time has come. */
export const holds_max = 1_000

/** A release of evidence waits for a person over a weekend, and not for ever. */
export const release_ms_max: number = 72 * 3_600_000

/** Holds are lifted and sessions shredded by hand, one by one. */
export const releases_max = 200
export const releases_each_max = 50
