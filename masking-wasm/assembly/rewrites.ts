/**
 * What reading a line again may cost: a rate, and a store for those who go back a lot on one line, such as someone
 * who corrects what they type. It counts bytes, so it is the same however the stream is cut.
 */
import { bytes_per_rewrite, cells_per_rewrite, rewrites_max, same_cost } from './screen-limits'

let owed: f64 = 0
/** Up to which place of the stream it is paid. */
let paid_at: i64 = 0
let is_spent: bool = false

export const rewrites_bytes: usize = 24

export function resetRewrites(): void {
  owed = 0
  paid_at = 0
  is_spent = false
}

export function saveRewrites(at: usize): usize {
  store<f64>(at, owed)
  store<i64>(at, paid_at, 8)
  store<u32>(at, <u32>is_spent, 16)
  return at + rewrites_bytes
}

export function loadRewrites(at: usize): usize {
  owed = load<f64>(at)
  paid_at = load<i64>(at, 8)
  is_spent = load<u32>(at, 16) != 0
  return at + rewrites_bytes
}

/** Something is overwritten at this place of the stream, or was about to be, on a line of which so much is read again. */
export function noteRewrite(place: i64, cells: usize): void {
  pay(place)
  owed += 1 + <f64>cells / cells_per_rewrite
  if (owed >= rewrites_max) is_spent = true
}

/** The same was written again where it stood. */
export function noteSame(place: i64): void {
  pay(place)
  owed += same_cost
  if (owed >= rewrites_max) is_spent = true
}

/** Too many: no line is read again until half of them are paid for. */
export function areSpent(place: i64): bool {
  pay(place)
  return is_spent
}

/** Nothing is owed at `place`, so nothing needs to be known of it. */
export function areFree(place: i64): bool {
  pay(place)
  return owed == 0 && !is_spent
}

function pay(place: i64): void {
  owed = max<f64>(0, owed - <f64>(place - paid_at) / bytes_per_rewrite)
  paid_at = place
  if (owed < rewrites_max / 2) is_spent = false
}
