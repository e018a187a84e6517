/**
 * A reading of the stream with something left out: a stream of the matcher for what is left, and where each of
 * its bytes stands in the whole.
 */
import { listBoundaries } from './boundary'
import { take } from './memory'
import { addFound, setVoid } from './pending'
import { held_bytes_max, line_bytes_max, piece_bytes_max } from './screen-limits'
import { open, spanEnd, spanRule, spanStart } from './spans'
import { closeStream, cloneStream, flushReading, heldAt, heldOf, input, openStream, quietStream, readPart, result } from './stream'

/** A piece, and what an edit or the end of a line adds to it. */
const bytes_max: usize = piece_bytes_max + line_bytes_max + 8
/** One for each byte that is held or added at most. */
const runs_max: usize = held_bytes_max + bytes_max + line_bytes_max
/** Where it begins here, and where it stands there; i64. */
const run_bytes: usize = 16

/** What {@link branchHold} says when all can leave. */
export const holds_nothing: i64 = i64.MAX_VALUE

@unmanaged
export class Branch {
  /** 0 when there is no such reading. */
  stream: usize
  /** Among the readings. */
  number: u32
  /** Nothing is masked before it: it has left. */
  floor: i64
  /** Bytes of it that are settled. */
  settled: i64
  /** Where the next byte would stand if nothing is left out. */
  next_place: i64
  /** Something was left out before the next byte. */
  is_boundary: bool
  /** Runs of bytes that stand together in the whole; those before `first` are settled. */
  runs: usize
  first: usize
  end: usize
  /** What was added and not read. */
  bytes: usize
  length: usize
  /** Boundaries in it. */
  marks: usize
  marked: u32
}

export function newBranch(number: u32): Branch {
  const at = take(offsetof<Branch>())
  const runs = take((runs_max + 1) * run_bytes)
  const bytes = take(bytes_max)
  const marks = take(piece_bytes_max * 4)
  if (at == 0 || runs == 0 || bytes == 0 || marks == 0) return changetype<Branch>(0)
  memory.fill(at, 0, offsetof<Branch>())
  const branch = changetype<Branch>(at)
  branch.number = number
  branch.runs = runs
  branch.bytes = bytes
  branch.marks = marks
  return branch
}

function begin(branch: Branch, stream: usize, settled: i64, floor: i64): void {
  if (stream == 0) setVoid()
  branch.stream = stream
  branch.settled = settled
  branch.floor = floor
  branch.next_place = -1
  branch.is_boundary = false
  branch.first = branch.runs
  branch.end = branch.runs
  branch.length = 0
  branch.marked = 0
}

/** A reading from its beginning. */
export function openBranch(branch: Branch, floor: i64): void {
  begin(branch, openStream(false), 0, floor)
}

/** Begins as a twin of `whole`, of which so much is settled: what that holds stands where it does. */
export function twinOf(branch: Branch, whole: usize, settled: i64, of_terminal: bool): void {
  begin(branch, cloneStream(whole), settled, 0)
  const held = heldOf(whole)
  const bytes = heldAt(whole)
  for (let at: usize = 0; at < held; at++) {
    // The end of a line stands where its line feed does, as in `screen.ts`.
    const shift = of_terminal && at + 1 < held && load<u16>(bytes + at) == 0x0a0d ? 1 : 0
    run(branch, settled + <i64>at, settled + <i64>at + shift, 1)
  }
}

/** Begins as another that has read the same. */
export function forkOf(branch: Branch, other: Branch): void {
  begin(branch, cloneStream(other.stream), other.settled, other.floor)
  memory.copy(branch.runs, other.first, other.end - other.first)
  branch.end = branch.runs + (other.end - other.first)
  branch.next_place = other.next_place
  branch.is_boundary = other.is_boundary
}

export function closeBranch(branch: Branch): void {
  if (branch.stream != 0) closeStream(branch.stream)
  branch.stream = 0
}

const fixed_bytes: usize = 48

export function branchBytes(branch: Branch): usize {
  return fixed_bytes + (branch.stream == 0 ? 0 : branch.end - branch.first)
}

export function saveBranch(branch: Branch, at: usize): usize {
  store<u32>(at, branch.stream)
  if (branch.stream == 0) return at + fixed_bytes
  const bytes = branch.end - branch.first
  store<u32>(at, bytes, 4)
  store<i64>(at, branch.floor, 8)
  store<i64>(at, branch.settled, 16)
  store<i64>(at, branch.next_place, 24)
  store<u32>(at, <u32>branch.is_boundary, 32)
  memory.copy(at + fixed_bytes, branch.first, bytes)
  return at + fixed_bytes + bytes
}

export function loadBranch(branch: Branch, at: usize): usize {
  branch.stream = load<u32>(at)
  if (branch.stream == 0) return at + fixed_bytes
  const bytes: usize = load<u32>(at, 4)
  branch.floor = load<i64>(at, 8)
  branch.settled = load<i64>(at, 16)
  branch.next_place = load<i64>(at, 24)
  branch.is_boundary = load<u32>(at, 32) != 0
  memory.copy(branch.runs, at + fixed_bytes, bytes)
  branch.first = branch.runs
  branch.end = branch.runs + bytes
  branch.length = 0
  branch.marked = 0
  return at + fixed_bytes + bytes
}

/** Something is left out here. */
// @ts-ignore: decorator
@inline
export function interrupt(branch: Branch): void {
  branch.is_boundary = true
}

export function addByte(branch: Branch, byte: u32, place: i64): void {
  prepare(branch, place, 1)
  store<u8>(branch.bytes + branch.length++, <u8>byte)
}

/** Adds [from, to), of which the first stands at `place`. */
export function addRun(branch: Branch, from: usize, to: usize, place: i64): void {
  prepare(branch, place, to - from)
  memory.copy(branch.bytes + branch.length, from, to - from)
  branch.length += to - from
}

/** Reads what was added. */
export function readBranch(branch: Branch): void {
  if (branch.length == 0) return
  const length = branch.length
  memory.copy(input, branch.bytes, length)
  listBoundaries(branch.marks, branch.marked, input)
  branch.length = 0
  branch.marked = 0
  if (readPart(branch.stream, length)) takeFound(branch)
  else setVoid()
}

export function flushBranch(branch: Branch, event: u32): void {
  if (flushReading(branch.stream, event)) takeFound(branch)
  else setVoid()
}

/** Reports the spans of what its stream did last. */
export function takeFound(branch: Branch): void {
  const from: usize = load<u32>(result, 24)
  for (let i: u32 = 0; i < open; i++) {
    const at = branch.settled + <i64>(spanStart(i) - from)
    const last = branch.settled + <i64>(spanEnd(i) - from) - 1
    const start = max(branch.floor, placeOfByte(branch, at))
    const end = placeOfByte(branch, last) + 1
    if (end > start) addFound(start, end, spanRule(i), branch.number)
  }
  branch.settled += <i64>load<u32>(result, 8)
  while (branch.first + run_bytes < branch.end && load<i64>(branch.first, run_bytes) <= branch.settled)
    branch.first += run_bytes
}

/** The first place that cannot leave yet. */
export function branchHold(branch: Branch): i64 {
  if (branch.stream == 0 || heldOf(branch.stream) == 0) return holds_nothing
  return max(branch.floor, placeOfByte(branch, branch.settled))
}

/** The byte before when nothing else is known, else -1. */
export function quietBranch(branch: Branch): i32 {
  return branch.stream == 0 || branch.is_boundary ? -1 : quietStream(branch.stream)
}

function prepare(branch: Branch, place: i64, count: usize): void {
  if (branch.is_boundary && branch.marked < <u32>piece_bytes_max)
    store<u32>(branch.marks + (branch.marked++ << 2), <u32>branch.length)
  branch.is_boundary = false
  run(branch, branch.settled + <i64>(heldOf(branch.stream) + branch.length), place, count)
}

function run(branch: Branch, at: i64, place: i64, count: usize): void {
  if (place != branch.next_place) {
    if (branch.end == branch.runs + runs_max * run_bytes) compact(branch)
    store<i64>(branch.end, at)
    store<i64>(branch.end, place, 8)
    branch.end += run_bytes
  }
  branch.next_place = place + <i64>count
}

function compact(branch: Branch): void {
  memory.copy(branch.runs, branch.first, branch.end - branch.first)
  branch.end -= branch.first - branch.runs
  branch.first = branch.runs
}

/** Where the byte at `at` of this reading stands in the whole: in the last run that begins no later. */
function placeOfByte(branch: Branch, at: i64): i64 {
  let low = branch.first
  let high = branch.end - run_bytes
  while (low < high) {
    const middle = low + (((high - low) / run_bytes + 1) >>> 1) * run_bytes
    if (load<i64>(middle) <= at) low = middle
    else high = middle - run_bytes
  }
  return load<i64>(low, 8) + at - load<i64>(low)
}
