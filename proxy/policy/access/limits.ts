/**
 * The limits of grants and revocations, each with its reason.
 *
 * @module
 */

/** A task has begun and ended by then; what is needed for longer is a rule of the policy. */
export const grant_ms_max: number = 7 * 24 * 60 * 60 * 1000
export const grant_ms_min: number = 60 * 1000

/** A night without anybody who looks: longer than that wants an approval. */
export const break_glass_ms_max: number = 4 * 60 * 60 * 1000

/** Each is looked at by a person. */
export const grant_requests_max = 500
export const grant_requests_each_max = 8

/** Of one person, given up ones too: a day's work, and no way to fill a chat or the log. */
export const grant_requests_hour_max = 30

/** Each is looked at for every session that begins, and told to every worker. */
export const grants_max = 2_000
export const revocations_max = 10_000

/** A sentence for those who decide. */
export const reason_characters_max = 500
