/**
 * Sessions that a gateway has with itself, to find out whether it masks, records and replicates.
 *
 * @module
 */

/** Their `protocol`, which no client's session has. */
export const canary_protocol = 'canary'
