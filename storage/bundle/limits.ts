/**
 * Limits of bundles and disclosures, each with its reason.
 *
 * @module
 */

/** Entries read at once: about 200 KiB. */
export const log_page_entries = 1024

/** One bundle: it is held in memory, and a browser's page holds it too. A session of about 350 MiB fits. */
export const bundle_bytes_max: number = 512 * 1024 * 1024

/** Terminals of one session that get a cast, each of which is a pass over the records. The records have them all. */
export const casts_max = 64

/** Files of a bundle: eight, and the casts. */
export const archive_files_max: number = 8 + casts_max

/** Of a text from outside in a comment or a list. The record has all of it. */
export const text_characters_max = 4096

/** `bundle.json`: three documents of 4 MiB in base64, and room. */
export const proof_bytes_max: number = 20 * 1024 * 1024
