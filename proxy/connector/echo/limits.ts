/**
 * The limits of the echo protocol.
 *
 * @module
 */

/** A line is held until its newline comes: it must not be able to fill the memory. */
export const line_bytes_max: number = 64 * 1024

/** The first line says who and where; nobody's name needs more. */
export const hello_bytes_max = 1024
