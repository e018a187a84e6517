/** Bounds of the second reading, and their reasons. */

/** What is held back at most, the module's own bound: what is taken out of the second reading counts as well. */
export const held_bytes_max: usize = 4096
/** The second reading sees so many bytes at a time: as many as may be held, so that what is due is never passed over. */
export const piece_bytes_max: usize = 4096
/** The first such piece of a call, each next one twice as much: most stretches are short. */
export const first_piece_bytes_max: usize = 128
/** Of a sequence: true-colour ones have some 40. What is longer is text again, so that nothing is hidden by it. */
export const control_bytes_max: u32 = 256
/** Of a string: titles and links are shorter, and of an image nothing is lost. */
export const string_bytes_max: u32 = 4096
/** What is known of the current line, for whoever goes back in it: an assignment with its name. */
export const line_bytes_max: usize = 256
/** A row with more text has no known column: no terminal is as wide. */
export const column_bytes_max: u32 = 1000
/**
 * What may be owed for text that was overwritten, a microsecond or two each. It is paid for by bytes, so whoever erases a long
 * line some thousand times without seeing anything else has used it up; a tenth of a second is what it costs at most.
 */
export const rewrites_max: f64 = 65_536
export const bytes_per_rewrite: f64 = 32
/** So much of a line is read again at the price of one. */
export const cells_per_rewrite: f64 = 8
/** What it costs to write the same again, as bold print does. */
export const same_cost: f64 = 0.25
/**
 * So much of a would-be secret waits for what may overwrite a space behind it, and a line below. Less says nothing, and ends
 * many a prompt: `$ `.
 */
export const before_space_bytes_min: usize = 4
export const before_underline_bytes_min: usize = 1
