/**
 * The module's exports. The host writes at `input`, calls, and reads at `output` what a call's result
 * names; every address is good until the next call. What the component has instead is in `component.ts`.
 */
import { boundaries, listBoundaries } from './boundary'
import { take } from './memory'
import { initCheck } from './check'
import { setFilter } from './matcher'
import { line_bytes, plainBytes, plainText } from './plain'
import { hashLanes, initLanes } from './sha256-lanes'
import { closeHash, finishHash, initHash, openHash, updateHash } from './sha256'
import {
  cloneStream, closeStream, coverInput, cutStream, flushStream, heldAt as heldAtStream, initStreams, input, openStream,
  pushStream, quietStream, result, result_spans, window_max,
} from './stream'
import { install } from './tables'

/** Where to write tables of that many bytes; once. 0 when there is no memory. */
export function reserve(bytes: u32): usize {
  return take(bytes)
}

/** Takes the tables into use. False when they are none, or when there is no memory. */
export function start(tables: usize, bytes: u32): bool {
  return install(tables, bytes) && initCheck() && initStreams() && initHash() && initLanes()
}

export function inputAddress(): usize {
  return input
}

export function inputBytesMax(): usize {
  return window_max
}

export function resultAddress(): usize {
  return result
}

export function spansAddress(): usize {
  return result_spans
}

/** For the test that shows that the filter changes nothing. */
export function useFilter(on: bool): void {
  setFilter(on)
}

/** 0 when there is no memory. */
export function open(width: bool): usize {
  return openStream(width)
}

export function close(stream: usize): void {
  closeStream(stream)
}

/** 0 when there is no memory, or no room in the window, and nothing was read then; 2 when the bytes leave as they came; else 1. */
export function push(stream: usize, bytes: usize): u32 {
  return bytes > window_max ? 0 : pushStream(stream, bytes, 0)
}

/**
 * The same if all of them are plain text, of a terminal or else of any stream; if not, 3, and nothing was read. What
 * may be overwritten at a terminal's end is not read when something is held before it.
 */
export function pushPlain(stream: usize, bytes: usize, of_terminal: bool, columns: u32, line_before: u32): u32 {
  if (bytes > window_max) return 0
  const end = input + bytes
  const plain = of_terminal ? plainText(input, end, columns, line_before) : plainBytes(input, end)
  if (plain < end) return 3
  return pushStream(stream, bytes, of_terminal && bytes != 0 ? openHeld(load<u8>(end - 1)) : 0)
}

/** Before a space or a line below so much waits: what follows often overwrites it. As in `host/open-end.ts`. */
function openHeld(byte: u32): usize {
  return byte == 0x20 ? 4 : byte == 0x5f ? 1 : 0
}

/** 0 idle, 1 echo, 2 end. False when there is no memory, or it is none of these. */
export function flush(stream: usize, event: u32): bool {
  return event <= 2 && flushStream(stream, event)
}

/** How many of the `bytes` bytes at the input are plain text: no more is to be done than to push them. */
export function plainTextBytes(bytes: usize, columns: u32, line_before: u32): usize {
  return plainText(input, input + min(bytes, window_max), columns, line_before) - input
}

/** Bytes of the line behind the last end of line, when all were plain. */
export function lineBytes(): u32 {
  return line_bytes
}

/** The same where the bytes are not those of a terminal. */
export function plainStreamBytes(bytes: usize): usize {
  return plainBytes(input, input + min(bytes, window_max)) - input
}

/** Where the host writes boundaries: u32, distances from the input. */
export function boundariesAddress(): usize {
  return boundaries
}

/** The next `push` has so many boundaries. */
export function withBoundaries(count: u32): void {
  listBoundaries(count, input)
}

/** Masks what is held and lets it go. False when there is no memory. */
export function cut(stream: usize): bool {
  return cutStream(stream)
}

/** 0 when there is no memory. */
export function clone(stream: usize): usize {
  return cloneStream(stream)
}

/** The byte before (256: none) when the stream is in no other state than that, else -1. */
export function quiet(stream: usize): i32 {
  return quietStream(stream)
}

/** Address of the held bytes. */
export function heldAt(stream: usize): usize {
  return heldAtStream(stream)
}

/** Length of the mask of the `bytes` bytes at the input, of a window at most; it stands where a result's bytes do. */
export function cover(bytes: usize, width: bool): u32 {
  return coverInput(min(bytes, window_max), width)
}

/** 0 when there is no memory. */
export function hashOpen(): usize {
  return openHash()
}

/** Takes `bytes` bytes at the input. False when so many are not there. */
export function hashUpdate(hash: usize, bytes: usize): bool {
  if (bytes > window_max) return false
  updateHash(hash, input, bytes)
  return true
}

/** The digest stands at the input, 32 bytes. */
export function hashFinish(hash: usize): void {
  finishHash(hash, input)
}

export function hashClose(hash: usize): void {
  closeHash(hash)
}

/** Four messages of `bytes` bytes stand at the input, one behind the other; their digests stand there afterwards. */
export function hashFour(bytes: u32): bool {
  if (bytes > <u32>window_max / 4) return false
  hashLanes(input, bytes, bytes, input)
  return true
}

export * from './component'
