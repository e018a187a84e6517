/**
 * The store's limits, each with its reason.
 *
 * @module
 */

/** Records of one row: large enough that a row costs nothing beside its bytes. */
export const chunk_bytes_max: number = 256 * 1024

/** Memory for chunks that is kept for the next batch: what one batch fills, and what it grew in. */
export const kept_bytes_max: number = 4 * 1024 * 1024

/** One transaction: about 5 ms of work, so that a query never waits much longer. */
export const batch_bytes_max: number = 1024 * 1024

/** ... and so many entries, because small ones cost by number. */
export const batch_entries_max = 2000

/**
 * What is durable is projected at most this much later, as nobody who asks has to wait for it: one row then holds what came
 * meanwhile. With 64 sessions that are asked one short query after the other, 100 ms are a row for each of those.
 */
export const batch_ms = 400

/** ... and heard of at most this much later: a thread that is woken for each key takes from whoever types. */
export const durable_told_ms = 50

/** The write-ahead log of the database is moved into it above this: 10 to 30 ms, and a sync. */
export const checkpoint_bytes: number = 6 * 1024 * 1024

/** ... or after this, so that an idle gateway's journal can be reused too. */
export const checkpoint_ms = 5_000

/** A query first projects what is already durable, for at most this long: newest first, not newest at any price. */
export const catch_up_ms = 10

/** A start that takes long says so this often. */
export const recovering_told_ms = 2_000

/** After a failed projection the next try waits this long, doubling up to the maximum. */
export const retry_ms = 250
export const retry_ms_max = 5_000

export const sessions_page_default = 100
export const sessions_page_max = 1000

/** One answer of records: a few messages per second suffice for a replay. */
export const records_bytes_default: number = 4 * 1024 * 1024

/** The JSON line of a record is small, spans included; beyond this it is not looked at. */
export const record_header_bytes_max: number = 256 * 1024

/** Text of one command in the search index. Longer ones are found by their beginning. */
export const command_text_bytes_max: number = 16 * 1024

/** A reader without a gateway holds the journal's unprojected tail in memory. */
export const tail_bytes_max: number = 1024 * 1024 * 1024

/** Pages of 16 KiB: half the cost of 4 KiB for bulk, a fifth of 64 KiB for small commits. */
export const page_bytes: number = 16 * 1024

/** The database's page cache: the indexes' upper levels, not the recordings. */
export const cache_kib: number = 16 * 1024

/** So far behind, output pours in faster than anybody reads it. */
export const bulk_behind_bytes: number = 8 * 1024 * 1024

/** ... and so far behind, the journal's own limit (4 GiB) comes into sight: no more pauses. */
export const behind_bytes_max: number = 1024 * 1024 * 1024

/** Pauses while output pours in, as a multiple of the work between them: a fifth of a core at most. */
export const bulk_pause_factor = 4

/** Nothing became durable for this long: the bulk is over. */
export const quiet_ms = 200

/** Witnesses whose cosignatures are kept and read: a handful is many. */
export const witnesses_max = 64

/** A search whose words are in fewer commands than this looks at all of them: some 2 ms. */
export const few_hits = 2_000

/** Fewer sessions than this are asked one by one whether they have the words of a search: some 20 us each. */
export const few_sessions = 500

/** Hits that are read first, and at least a few more than a page has sessions; then twice as many or more, up to the maximum. */
export const hits_page = 64
export const hits_page_max = 8_192

/** Words that one of so many sessions has, of the newest, are no way to find one. */
export const frequent_of = 5

/** Pages of the full-text index that are merged at once after an erasure: a few milliseconds. */
export const scrub_pages = 256
export const scrub_pause_ms = 100

/** Rows that are compared with the evidence at a time. */
export const derived_page = 1_000

/** So much that is not as the evidence gives it says enough. */
export const derived_wrong_max = 1_000
