/**
 * Places where something was taken out of what the window has: the screen shows nothing there, so a match may go on
 * over it, and it is an escape all the same, beside which a word ends. So at a boundary both are true: what begins
 * there may stand behind the byte before it or behind an escape, and what waits for the next byte may see either.
 */
/** What stands for everything that was taken out. */
export const escape: u32 = 0x1b
const never: usize = 0xffffffff

/** u32: distances from the window's input, ascending. */
let boundaries: usize = 0
let listed: u32 = 0
let passed: u32 = 0
let origin: usize = 0

/** The next one that was not read yet. */
export let boundary: usize = never

/** The next call has those that stand at `list`. */
export function listBoundaries(list: usize, count: u32, input: usize): void {
  boundaries = list
  listed = count
  passed = 0
  origin = input
  boundary = listed != 0 ? input + load<u32>(boundaries) : never
}

export function passBoundary(): void {
  passed++
  boundary = passed < listed ? origin + load<u32>(boundaries + (passed << 2)) : never
}

/** They are of one call. */
export function forgetBoundaries(): void {
  boundary = never
}
