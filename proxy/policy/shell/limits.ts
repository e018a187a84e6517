/**
 * How much of a command line is read, each with its reason. What is beyond is opaque, never ignored.
 *
 * @module
 */

/** A line that a person or a tool sends is below it; the parser takes 0.1 s for a hostile one of this size. */
export const line_characters_max: number = 16 * 1024

/** Of the characters that open something: the parser's recovery from thousands of them takes quadratic time. */
export const openings_max = 512

/**
 * How often the parser may report that it goes on, which is about every 0.1 ms: an ordinary line is read before the
 * first time. Not a time on the clock, by which a busy machine would hold ordinary lines.
 */
export const parse_reports_max = 400

/** Nodes of one tree. */
export const nodes_max = 20_000

/** Levels of one tree: the reading of it is recursive. */
export const depth_max = 120

/** Shells in shells: `sh -c "sh -c ..."`. */
export const nesting_max = 8

/** Characters of all lines in lines together. */
export const read_characters_max: number = 64 * 1024

/** Commands of a line: each is decided, and more is a program. */
export const commands_max = 256

/** Words of one command, after braces were expanded. */
export const words_max = 2_048

/** What the braces of one word may expand to. */
export const braces_max = 128
