/**
 * The exports of `component/masking.wit` in the canonical ABI, over the same streams and hashes as `index.ts`. The build
 * gives them the names that the component model asks for (`compile/exports.ts`).
 *
 * Arguments are lowered into memory of {@link cabi_realloc} and used up within the call; what a call returns stands
 * until the next one. So both are one place each, which grows and is never given back.
 */
import { take } from './memory'
import { closeHash, finishHash, initHash, openHash, resetHash, updateHash } from './sha256'
import { hashLanes, initLanes } from './sha256-lanes'
import { closeReader, flushReader, initReaders, openReader, pushReader, Reader, resizeReader } from './reader'
import { initStreams, input, result, result_spans, window_max } from './stream'
import { initCheck } from './check'
import { install } from './tables'

// Of interface `masking`; `hashing` has the first, and its own second.
const memory_problem: u8 = 0
const tables_problem: u8 = 1
const not_started: u8 = 2
const too_long: u8 = 3
const not_whole: u8 = 1

// @ts-ignore: decorator
@external("[export]sluice:masking/masking@0.1.0", "[resource-new]masker")
declare function newMasker(stream: usize): u32
// @ts-ignore: decorator
@external("[export]sluice:masking/hashing@0.1.0", "[resource-new]hash")
declare function newHash(hash: usize): u32

let started: bool = false
/** Arguments that the window does not take: the tables, and much to be hashed. */
let scratch: usize = 0
let scratch_bytes: usize = 0
let answer: usize = 0
let answer_bytes: usize = 0

/** A `result`: whether it is an error u8 @0, what it is from @4 on. */
const area_bytes: usize = 32
const area: usize = memory.data(32, 8)

/** Twice as much as before at least, so that all that was given up is less than what is there. 0 when there is none. */
function grown(bytes: usize, before: usize): usize {
  return max(bytes, before * 2)
}

/** The component model has no answer but a trap where there is no memory for an argument. */
export function cabi_realloc(old: usize, old_bytes: usize, _align: usize, bytes: usize): usize {
  let at = input
  if (!started || bytes > window_max) {
    if (bytes > scratch_bytes || scratch == 0) {
      const more = grown(bytes, scratch_bytes)
      scratch = take(more)
      if (scratch == 0) unreachable()
      scratch_bytes = more
    }
    at = scratch
  }
  if (old != 0 && old != at) memory.copy(at, old, min(old_bytes, bytes))
  return at
}

function problem(which: u8): usize {
  store<u8>(area, 1)
  store<u8>(area, which, 4)
  return area
}

function done(): usize {
  memory.fill(area, 0, area_bytes)
  return area
}

/** `result<_, problem>` has its problem at @1. */
export function useTables(tables: usize, bytes: usize): usize {
  store<u8>(area, 1)
  store<u8>(area, tables_problem, 1)
  if (started || !install(tables, <u32>bytes)) return area
  // They stay where they are.
  scratch = 0
  scratch_bytes = 0
  store<u8>(area, memory_problem, 1)
  if (!initCheck() || !initStreams() || !initReaders()) return area
  started = true
  return done()
}

export function maskerOpen(unit: u32, reading: u32): usize {
  if (!started) return problem(not_started)
  const stream = openReader(unit != 0, reading != 0)
  if (stream == 0) return problem(memory_problem)
  store<u8>(area, 0)
  store<u32>(area, newMasker(stream), 4)
  return area
}

export function maskerPush(stream: usize, _from: usize, bytes: usize): usize {
  // What is longer is not in the window.
  if (bytes > window_max) return problem(too_long)
  return pushReader(changetype<Reader>(stream), bytes) == 0 ? problem(memory_problem) : masked()
}

export function maskerFlush(stream: usize, event: u32): usize {
  return flushReader(changetype<Reader>(stream), event) ? masked() : problem(memory_problem)
}

export function maskerResize(stream: usize, columns: u32): void {
  resizeReader(changetype<Reader>(stream), columns)
}

export function maskerDrop(stream: usize): void {
  closeReader(changetype<Reader>(stream))
}

/** The spans stand as the record has them. */
function masked(): usize {
  store<u8>(area, 0)
  store<u32>(area, load<u32>(result), 4)
  store<u32>(area, load<u32>(result, 4), 8)
  store<u32>(area, <u32>result_spans, 12)
  store<u32>(area, load<u32>(result, 12), 16)
  store<u32>(area, load<u32>(result, 8), 20)
  store<u32>(area, load<u32>(result, 16), 24)
  store<u32>(area, load<u32>(result, 20), 28)
  return area
}

/** An answer of that many bytes, or a problem. */
function answered(bytes: usize): bool {
  if (bytes > answer_bytes || answer == 0) {
    const more = grown(bytes, answer_bytes)
    const at = take(more)
    if (at == 0) return false
    answer = at
    answer_bytes = more
  }
  store<u8>(area, 0)
  store<u32>(area, <u32>answer, 4)
  store<u32>(area, <u32>bytes, 8)
  return true
}

export function sha256(from: usize, bytes: usize): usize {
  return sha256Each(from, bytes, <u32>bytes)
}

/** Messages of no bytes are one, as nobody could count them. */
export function sha256Each(from: usize, bytes: usize, length: u32): usize {
  const each = <usize>length
  const count: usize = each == 0 ? 1 : bytes / each
  if (each == 0 ? bytes != 0 : count * each != bytes) return problem(not_whole)
  if (count > (<usize>0xffffffff >>> 5) || !initHash() || !initLanes()) return problem(memory_problem)
  if (!answered(count << 5)) return problem(memory_problem)
  const hash = openHash()
  if (hash == 0) return problem(memory_problem)
  let i: usize = 0
  for (; i + 4 <= count; i += 4) hashLanes(from + i * each, each, each, answer + (i << 5))
  for (; i < count; i++) {
    updateHash(hash, from + i * each, each)
    finishHash(hash, answer + (i << 5))
    resetHash(hash)
  }
  closeHash(hash)
  return area
}

export function hashOpened(): usize {
  const hash = initHash() ? openHash() : 0
  if (hash == 0) return problem(memory_problem)
  store<u8>(area, 0)
  store<u32>(area, newHash(hash), 4)
  return area
}

export function hashUpdated(hash: usize, from: usize, bytes: usize): void {
  updateHash(hash, from, bytes)
}

/** A list alone: address @0, length @4. */
export function hashDigest(hash: usize): usize {
  finishHash(hash, digest)
  resetHash(hash)
  store<u32>(area, <u32>digest)
  store<u32>(area, 32, 4)
  return area
}
const digest: usize = memory.data(32, 8)

export function hashDropped(hash: usize): void {
  closeHash(hash)
}
