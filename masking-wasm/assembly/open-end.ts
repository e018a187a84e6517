/**
 * What is often written only to be overwritten, by who erases, wraps a full line or underlines: a would-be secret that it
 * ends waits for what comes next.
 */
import { before_space_bytes_min, before_underline_bytes_min } from './screen-limits'

/** What must be held before `byte` so that it waits; 0 when it never does. */
// @ts-ignore: decorator
@inline
export function openHeld(byte: u32): usize {
  return byte == 0x20 ? before_space_bytes_min : byte == 0x5f ? before_underline_bytes_min : 0
}

/** Whether the byte at `at` may be overwritten by what comes next, as far as what is before `end` tells. */
// @ts-ignore: decorator
@inline
export function isOpen(at: usize, end: usize): bool {
  const byte: u32 = load<u8>(at)
  if (byte != 0x20 && byte != 0x5f) return false
  if (at + 1 >= end) return true
  const next: u32 = load<u8>(at, 1)
  return next == 0x0d || next == 0x08
}
