/**
 * The limits of the PostgreSQL connector, each with its reason.
 *
 * @module
 */

/** A startup packet is names and settings: the server takes 10,000 bytes (MAX_STARTUP_PACKET_LENGTH). */
export const startup_bytes_max = 10_000

/** A password is a token: an ID token with many groups has some KiB. */
export const password_bytes_max: number = 16 * 1024

/**
 * One message, held until it is whole, as its values are masked whole. The protocol's own limit is 1 GiB; a session
 * must not be able to hold that much of the gateway's memory.
 */
export const message_bytes_max: number = 64 * 1024 * 1024

/** Those that only say something, before the target is in use: an error with its context fits. */
export const handshake_bytes_max: number = 64 * 1024

/** All that it says of itself until it is ready: some twenty settings, and what triggers of a login say. */
export const greeting_bytes_max: number = 256 * 1024

/** A statement is parsed while others wait: 1 MiB takes some tenths of a second. */
export const statement_bytes_max: number = 1024 * 1024

/** Requests whose answers have not come: pipelines of drivers have hundreds. The client is ended above it. */
export const pipeline_max = 100_000

/** Prepared statements and open portals of one session: drivers keep hundreds. Each costs some hundred bytes. */
export const names_max = 20_000

/** Texts of prepared statements that a session keeps for who approves a run of one: the newest. */
export const texts_bytes_max: number = 4 * 1024 * 1024

/** How many columns a row may have: MaxTupleAttributeNumber is 1664, a result's target list no longer. */
export const columns_max = 1664

/** Fields of an error or a notice: PostgreSQL has 18, each of them once. */
export const report_fields_max = 64

/** Elements of an array that shows something of each, which costs a digest: 50 ms. One with more is NULL. */
export const array_elements_max = 10_000

/** Texts of statements whose parse is remembered, for all sessions, and how long one of them may be. */
export const parsed_max = 2_000
export const parsed_bytes_max: number = 4 * 1024

/** Reaching the target, and being let in by it: a handshake, TLS and some thousand rounds of a hash. */
export const dial_ms = 10_000

/** Rounds of PBKDF2 that a target may ask for: its default is 4,096, and a million take a second. */
export const scram_iterations_max = 1_000_000

/**
 * ... and at least, PostgreSQL's default and what RFC 7677 (section 4) wants: with fewer, who asks for them can try more
 * passwords against the proof that they get.
 */
export const scram_iterations_min = 4_096

/** What the gateway remembers of a target's catalogue is as old as this at most when a session begins. */
export const catalog_ms = 5_000

/** ... and so large: relations with all their columns, held once for each database. */
export const catalog_rows_max = 1_000_000

/** Of one answer of the catalogue: the definition of a view. */
export const catalog_bytes_max: number = 4 * 1024 * 1024

/** ... and of all of them, which are held at once: a hundred bytes for each of its rows, and room for definitions. */
export const catalog_all_bytes_max: number = 256 * 1024 * 1024

/** Steps from a protected column to one that inherits it or is generated of it: a hundred columns of 20,000 partitions. */
export const catalog_spread_max = 2_000_000

/** A turn of reading views, behind which others have theirs. */
export const catalog_turn_ms = 10

/** Of objects that stand for others, which every session asks for where policy speaks of objects: a huge database has so many. */
export const lookup_rows_max = 100_000

/** ... of four names each, which have 63 bytes at most. */
export const lookup_bytes_max: number = 32 * 1024 * 1024

/** Views upon views, each step another look at all of them. */
export const catalog_steps_max = 100
