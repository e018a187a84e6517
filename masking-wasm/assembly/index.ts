/**
 * The module's exports. The host writes at `input`, calls, and reads at `output` what a call's result
 * names; every address is good until the next call. What the component has instead is in `component.ts`.
 */
import { take } from './memory'
import { initCheck } from './check'
import { setFilter } from './matcher'
import { closeReader, flushReader, initReaders, openReader, pushReader, Reader, resizeReader } from './reader'
import { hashLanes, initLanes } from './sha256-lanes'
import { closeHash, finishHash, initHash, openHash, updateHash } from './sha256'
import { initStreams, input, result, result_spans, window_max } from './stream'
import { install } from './tables'

/** Where to write tables of that many bytes; once. 0 when there is no memory. */
export function reserve(bytes: u32): usize {
  return take(bytes)
}

/** Takes the tables into use. False when they are none, or when there is no memory. */
export function start(tables: usize, bytes: u32): bool {
  return install(tables, bytes) && initCheck() && initStreams() && initReaders() && initHash() && initLanes()
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

/** A stream. `width`: a mask keeps the columns, not the bytes. `of_terminal`: whose bytes they are. 0 when there is no memory. */
export function open(width: bool, of_terminal: bool): usize {
  return openReader(width, of_terminal)
}

export function close(stream: usize): void {
  closeReader(changetype<Reader>(stream))
}

/** From here on the terminal has so many columns; 0 when they are not known. */
export function resize(stream: usize, columns: u32): void {
  resizeReader(changetype<Reader>(stream), columns)
}

/**
 * 0 when there is no memory, and the stream cannot go on, or no room in the window; 2 when the bytes leave as they came;
 * else 1, and the result says what has left.
 */
export function push(stream: usize, bytes: usize): u32 {
  return bytes > window_max ? 0 : pushReader(changetype<Reader>(stream), bytes)
}

/** 0 idle, 1 echo, 2 end. False when there is no memory, or it is none of these. */
export function flush(stream: usize, event: u32): bool {
  return event <= 2 && flushReader(changetype<Reader>(stream), event)
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
