/**
 * The format's limits, each with its reason. A reader refuses what is larger before it looks inside.
 *
 * @module
 */

/**
 * One stored record. Payloads are at most 128 KiB; the rest is room for the spans of a payload that
 * is nothing but matches (about 230 bytes for every 8).
 */
export const record_bytes_max: number = 4 * 1024 * 1024 - 64 * 1024

/** Facts of one exchange: a query has four, and a pipeline of many more has more records. */
export const exchanged_facts_max = 64

/** One log entry. C2SP tlog-tiles gives its length 16 bits; ours are about 200 bytes. */
export const log_entry_bytes_max = 4096

/** One document: the list of running sessions is the largest, about 150 bytes for each. */
export const document_bytes_max: number = 4 * 1024 * 1024 - 64 * 1024

/** A document's random prefix: as long as its hash, so that guessing the content is hopeless. */
export const document_salt_bytes = 32

/** One sealed envelope: a proof of identity (a token, a SAML assertion) and 300 bytes for each auditor. */
export const envelope_bytes_max: number = 1024 * 1024

/** Auditors of one gateway. Every session's envelope carries a key wrapped for each. */
export const auditors_max = 64

/** A checkpoint is three lines and a few signatures. */
export const note_bytes_max: number = 64 * 1024

/** As Go's `note`: C2SP signed-note demands at least 16. */
export const note_signatures_max = 100

/** A trust file is read by hand: ten thousand checkpoints are about 3 MiB. */
export const trust_bytes_max: number = 4 * 1024 * 1024

/** Leaf hashes of one leaf list: 32 KiB, small beside the records that it lists. */
export const leaf_list_width = 1024
export const leaf_list_bytes: number = leaf_list_width * 32

/** Leaf lists that a manifest names: 8 million records, about 550 KiB. Later records are unlisted. */
export const leaf_lists_max = 8192

/** Rules of one retention policy: a person wrote them, and each session is compared with each. */
export const retention_rules_max = 1000

/** Sessions of one `retention.applied`: some 60 KiB of a document. */
export const erased_sessions_max = 1000

/** Hashes of a proof: one for each level of a tree of 2^53 leaves, and one more for consistency. */
export const proof_hashes_max = 64

/** One disclosure: a record, its value and two documents, in base64. */
export const disclosure_bytes_max: number = 32 * 1024 * 1024

/** A token with a chain of certificates in it is some kilobytes; ten times that is something else. */
export const timestamp_bytes_max: number = 64 * 1024
