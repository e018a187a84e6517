/**
 * The limits of the emulated screen, each with its reason.
 *
 * @module
 */

/** Of what was printed since it was last looked at, so much is painted: a line is at its end, and bulk must cost nothing. */
export const painted_bytes_max: number = 64 * 1024

/** So much is not painted when somebody begins to type: the prompts and answers of a few lines are less than a screen is. */
export const unpainted_bytes_max: number = 4 * 1024

/** Changes of size that wait to be painted; whoever drags a window makes dozens. */
export const waiting_steps_max = 64

/** A client says any size; a screen of a wall of monitors has fewer cells. */
export const columns_max = 512
export const rows_max = 256

/** Rows that a line may be wrapped over: 16 KiB, which is what policy reads, on a narrow screen. */
export const wrapped_rows_max = 256

/** Painted in one go: the worst that fits keeps the loop for some milliseconds. */
export const slice_bytes: number = 2 * 1024
