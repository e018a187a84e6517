/**
 * What of the last bytes was masked: a character that is written again where it stands, as by a cursor that moves
 * right, is masked if it was. Each stream has a list of its own, once something was masked.
 */
import { line_end, line_from, placeAt } from './line'
import { giveBlock, takeBlock } from './memory'
import { line_bytes_max } from './screen-limits'

/** Where the span starts i64 @0, its length u16 @8, its rule u16 @10. */
const entry_bytes: usize = 16
const entries_min: u32 = 16
export const entries_max: u32 = 512
/** Of what counts, each span has a byte of the line at least. */
export const kept_entries: u32 = <u32>line_bytes_max

/** What stands for a rule where nothing is masked. */
export const not_masked: u32 = 0xffffffff

@unmanaged
export class Fates {
  list: usize
  capacity: u32
  count: u32
}

/** [place, place + length) was masked, behind all that was before. False when there is no memory. */
export function noteFate(fates: Fates, place: i64, length: usize, rule: u32): bool {
  if (fates.count == fates.capacity && !makeRoom(fates)) return false
  const at = fates.list + fates.count++ * entry_bytes
  store<i64>(at, place)
  store<u16>(at, <u16>length, 8)
  store<u16>(at, <u16>rule, 10)
  return true
}

/**
 * Where there are `most` or more, those that no byte of the line has are forgotten: one byte that is written again without
 * end makes any number of spans, and what stands beside it counts as long as it stands there. In a stretch only, as else the line is
 * not told of all.
 */
export function keepOfLine(fates: Fates, most: u32): void {
  if (fates.count < most) return
  const end = fates.list + fates.count * entry_bytes
  let kept = fates.list
  let cell = line_from
  // Both are in order.
  for (let at = fates.list; at < end; at += entry_bytes) {
    const from = load<i64>(at)
    while (cell < line_end && placeAt(cell) < from) cell++
    if (cell == line_end) break
    if (placeAt(cell) >= from + load<u16>(at, 8)) continue
    memory.copy(kept, at, entry_bytes)
    kept += entry_bytes
  }
  fates.count = (kept - fates.list) / entry_bytes
}

function makeRoom(fates: Fates): bool {
  if (fates.capacity == entries_max) {
    // Of plain text, which is not read again: each span has a byte behind all that the line had before.
    const gone = entries_max - kept_entries
    memory.copy(fates.list, fates.list + gone * entry_bytes, kept_entries * entry_bytes)
    fates.count = kept_entries
    return true
  }
  const capacity = fates.capacity == 0 ? entries_min : fates.capacity * 2
  const list = takeBlock(capacity * entry_bytes)
  if (list == 0) return false
  memory.copy(list, fates.list, fates.count * entry_bytes)
  forgetFates(fates)
  fates.list = list
  fates.capacity = capacity
  return true
}

/** The rule by which `place` was masked, which has left. */
export function fateAt(fates: Fates, place: i64): u32 {
  // The last that begins no later: they are in order.
  let low: u32 = 0
  let high = fates.count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (load<i64>(fates.list + middle * entry_bytes) <= place) low = middle + 1
    else high = middle
  }
  if (low == 0) return not_masked
  const at = fates.list + (low - 1) * entry_bytes
  return place < load<i64>(at) + load<u16>(at, 8) ? load<u16>(at, 10) : not_masked
}

export function forgetFates(fates: Fates): void {
  if (fates.capacity != 0) giveBlock(fates.list, fates.capacity * entry_bytes)
  fates.list = 0
  fates.capacity = 0
}
