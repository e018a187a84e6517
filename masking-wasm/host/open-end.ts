/**
 * What is often written only to be overwritten, by who erases, wraps a full line or underlines: a would-be secret that it
 * ends waits for what comes next.
 *
 * @module
 */
import { before_space_bytes_min, before_underline_bytes_min } from './limits.ts'

const BS = 0x08
const CR = 0x0d
const SPACE = 0x20
const UNDERLINE = 0x5f

/** What must be held before `byte` so that it waits; 0 when it never does. */
export function openHeld(byte: number | undefined): number {
  if (byte === SPACE) return before_space_bytes_min
  return byte === UNDERLINE ? before_underline_bytes_min : 0
}

/** Whether the byte at `at` may be overwritten by what comes next, as far as `bytes` tell. */
export function isOpen(bytes: Uint8Array, at: number): boolean {
  const next = bytes[at + 1]
  return openHeld(bytes[at]) > 0 && (next === undefined || next === CR || next === BS)
}
