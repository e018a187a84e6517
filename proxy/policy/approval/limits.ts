/**
 * The limits of commands that wait, each with its reason.
 *
 * @module
 */

/** Each keeps a session open and a command of up to 128 KiB; more is somebody's mistake. */
export const requests_max = 2_000

/** A person waits for one or two; a program that asks for more floods those who decide. */
export const requests_each_max = 16
