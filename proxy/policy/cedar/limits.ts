/**
 * The limits of policies, each with its reason.
 *
 * @module
 */

/** Somebody reads them, and each start validates them. */
export const policies_max = 10_000
export const policy_characters_max: number = 4 * 1024 * 1024

/** A wait that a person can sit through, at least, and not for ever. */
export const expires_ms_default: number = 15 * 60 * 1000
export const expires_ms_min: number = 1_000
export const expires_ms_max: number = 24 * 60 * 60 * 1000

export const quorum_max = 10

/** Prepared sets of policies: Cedar keeps each until another takes its name. */
export const slices_max = 256

/** Which slice is whose: a name, its groups, a target. */
export const slice_keys_max = 8_192

/** Answers that are kept: a person repeats commands. */
export const answers_max = 4_096

/** Of a question that is kept with its answer: longer ones are rare, and thousands of them much. */
export const answer_key_characters_max = 4_096

/** All commands of a line as Cedar gets them: braces can make a long line of a short one. */
export const context_characters_max: number = 256 * 1024
