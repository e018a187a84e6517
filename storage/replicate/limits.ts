/**
 * Limits of replication, each with its reason.
 *
 * @module
 */

/** An object of records of a backlog ends here: a request costs little beside so many bytes. What is live is sent earlier. */
export const object_bytes: number = 8 * 1024 * 1024

/** ... unless less than this is left of its session: by itself that would cost as much as half a megabyte more. */
export const object_rest_bytes: number = 1024 * 1024

/** ... and a round begins this often, so that what is shown is in the bucket about 3 s later. */
export const round_ms = 2_000

/** ... or at once when this much waits. */
export const round_bytes: number = 4 * 1024 * 1024

/** Entries in one object, documents included: they are read whole. */
export const entries_bytes: number = 1024 * 1024
export const entries_count_max = 4096

/** The largest object that is read back: a full one and the record that filled it. */
export const object_bytes_max: number = 16 * 1024 * 1024

/** A stored record names its session: none is shorter. */
export const record_bytes_min = 64

/** A start, an envelope, an end and a leaf list. */
export const session_documents_max = 4

/** Records of sessions that wait for their object to fill, together. */
export const gathered_bytes_max: number = 64 * 1024 * 1024

/** Read from the store at once, between two looks at what arrived. */
export const page_bytes: number = 1024 * 1024

/** Objects are planned together until they are so large: each plan waits for the disk, and nothing is read or hashed meanwhile. */
export const planned_bytes: number = 16 * 1024 * 1024

/** Requests at a time: one connection to a store does not fill the line, least of all with small objects. */
export const requests_max = 16

/** ... and their bytes: five full objects. */
export const sending_bytes_max: number = 48 * 1024 * 1024

/** One full object on a line of 150 KB/s: after failures they are sent one at a time. */
export const request_ms_max = 60_000

/** An answer that is not an object: a page of a listing is the largest, about 500 bytes for each of 1,000. */
export const answer_bytes_max: number = 4 * 1024 * 1024

/** After a failure the next try waits about this long, doubling up to the maximum. */
export const retry_ms = 500
export const retry_ms_max = 60_000

/** How long the probe object is locked: long enough for the probe, and soon nobody's burden. */
export const probe_ms: number = 10 * 60_000

/** The store's clock and ours differ by at most 15 minutes: S3 refuses a request that is older (SigV4). */
export const retain_margin_ms = 3_600_000

export const day_ms = 86_400_000

/** When a gateway stops, it still sends for this long. */
export const stop_ms = 10_000

/** Objects of one log in memory while it is verified or rebuilt: about 300 bytes for each. */
export const listed_objects_max = 4_000_000

/** Objects that were read and may be asked for again. */
export const read_cache_bytes: number = 64 * 1024 * 1024

/** Objects fetched ahead while a store is rebuilt, and their sessions' bytes. */
export const fetch_ahead = 16

/** Receipts that one log entry's document lists. */
export const receipts_logged_max = 5_000

/** The state is told this often while it changes. */
export const status_ms = 500

/** One transaction while a store is rebuilt: nobody queries it meanwhile. */
export const rebuild_batch_bytes: number = 8 * 1024 * 1024

/** ... and so much of the database's write-ahead log before it is moved into it. */
export const rebuild_sync_bytes: number = 64 * 1024 * 1024

/** Receipts that wait for the disk together: what a crash would send again. */
export const receipts_batch = 32

/** Versions in one listing, resends among them; a store that never ends it is not listened to for ever. */
export const listed_items_max = 10_000_000

/** Logs in one bucket: a gateway has one for each worker. */
export const listed_folders_max = 10_000

/** Checkpoints that a starting gateway reads in the bucket: those that were sent and not heard of are one or two. */
export const proven_checkpoints_max = 100

/** What a witness cosigned goes to the bucket this often: each is an object that is locked for years. */
export const cosigned_ms: number = 5 * 60_000

/** A Worker that died is started again after this, doubling up to {@link retry_ms_max} until one says how far it is. */
export const restart_ms_min = 1_000

/** Objects that are compared with the legal holds after a round, and requests to the bucket in that time. */
export const placed_objects_max = 5_000
export const placed_requests_max = 100

/** Keys of erased sessions that are looked at after a round: a listing and a deletion each. */
export const shredded_sessions_max = 100

/** A key that was deleted is looked for again after this, longer than a request can be on its way. */
export const shredding_look_ms: number = 2 * request_ms_max

/** One that the bucket refused to delete is tried again after this: a legal hold of before may still lie on it. */
export const shredding_refused_ms = 5_000

/** Keys of sessions in memory while a bucket is read. */
export const session_keys_max = 4096
