/**
 * Work is paid for by bytes. One thread that goes on costs nothing; each step of another beside it, a thread that begins and lives on, each
 * byte of a context that comes to its end, and each checksum are a debt, and a byte of the stream pays for four units. Clean streams owe
 * nothing, nor do tables of numbers, in which each of four digits may begin a card's, and files full of secrets little.
 * But who repeats what begins many matches could make each byte cost fifty times as much: past {@link debt_max} all is
 * masked until the debt is repaid, a unit a byte, and the line has ended.
 *
 * What is charged must not depend on how the stream is cut. So a thread that the filter would have ruled out, had it
 * seen the bytes to come, costs nothing: it is dead before it is as old as the filter's reach.
 */

/** In quarters of a unit, like all debts. */
const paid_by_byte: u32 = 16
const repaid_by_byte: u32 = 4
/** Sixteen thousand units: what a few thousand bytes may cost before anybody has to pay for it. */
const debt_max: u32 = 65536
/** A checksum over a would-be match, and what it costs when it is one: of a table's numbers one in ten is. */
export const check_units: u32 = 2
export const found_units: u32 = 16
/** What begins is charged for so many bytes when it counts. */
export const first_bytes: usize = 9
/** For each of the last bytes of a context that comes to its end: a thread of the pattern begins, and most likely a match. */
export const context_units: u32 = 12
/**
 * For each of the first bytes of a thread that lives on, where a number's cost one: tables are full of those. So do those of what goes over
 * the end of a line, which is followed in the dark too, and more slowly.
 */
export const token_units: u32 = 6

export let debt: u32 = 0
/** Everything is masked until nothing is owed. */
export let repaying: bool = false

export function setDebt(quarters: u32, repaying_: bool): void {
  debt = quarters
  repaying = repaying_
}

/** So many bytes were read at no cost. */
export function pay(bytes: usize): void {
  // A window has 64 KiB at most: no overflow.
  const paid = <u32>bytes * (repaying ? repaid_by_byte : paid_by_byte)
  debt = debt > paid ? debt - paid : 0
}

/** What is left of a debt when so many bytes are read at no cost and nothing is to be repaid. */
// @ts-ignore: decorator
@inline
export function debtPaid(quarters: u32, bytes: usize): u32 {
  const paid = <u32>bytes * paid_by_byte
  return quarters > paid ? quarters - paid : 0
}

/** One byte was read and cost `units`. True when too much is owed. */
// @ts-ignore: decorator
@inline
export function charge(units: u32): bool {
  const too_much = owesTooMuch(units)
  debt = debtAfter(units)
  return too_much
}

/** Would {@link charge} say so? */
// @ts-ignore: decorator
@inline
export function owesTooMuch(units: u32): bool {
  return !repaying && debt + (units << 2) > debt_max + paid_by_byte
}

/** Can what begins within a few bytes not make it too much? If a context ended with each of them, of each age, that were 1,440 units. */
// @ts-ignore: decorator
@inline
export function isFarFromDebt(): bool {
  return debt < debt_max / 2
}

/** What is owed once a byte is read that costs `units`. */
// @ts-ignore: decorator
@inline
export function debtAfter(units: u32): u32 {
  const owed = repaying ? debt : debt + (units << 2)
  const paid = repaying ? repaid_by_byte : paid_by_byte
  return owed > paid ? owed - paid : 0
}

/** How many bytes that cost `units` each can be read for sure before too much is owed. Not while something is repaid. */
// @ts-ignore: decorator
@inline
export function affordable(units: u32): usize {
  const owed = units << 2
  return owed <= paid_by_byte ? 0xffff : debt < debt_max ? (debt_max - debt) / (owed - paid_by_byte) : 0
}

/** So many bytes were read that cost `units` each, no more than {@link affordable}. */
// @ts-ignore: decorator
@inline
export function payFor(bytes: usize, units: u32): void {
  const owed = units << 2
  if (owed > paid_by_byte) debt += <u32>bytes * (owed - paid_by_byte)
  else pay4(<u32>bytes * (paid_by_byte - owed))
}

// @ts-ignore: decorator
@inline
function pay4(quarters: u32): void {
  debt = debt > quarters ? debt - quarters : 0
}
