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

/** Characters of a command that policy sees; `like` takes time by its length. */
export const command_characters_max = 4_096
export const arguments_max = 256
