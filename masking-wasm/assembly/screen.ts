/**
 * A stretch of a stream in which there is more than text, read several times: every byte as it is; only the text,
 * as a screen shows it; and, where text was overwritten, the line as it is then. What any of them finds is masked. None of
 * them can make another see less, so whatever the bytes claim to be, no match of the first is ever lost.
 *
 * Bytes leave when no reading holds them. Decisions are made at places that the bytes give, never a call's end: where
 * {@link held_bytes_max} are held, and where text is overwritten, every reading has read exactly up to there.
 */
import { listBoundaries } from './boundary'
import { addByte, addRun, branchBytes, closeBranch, forkOf, interrupt, loadBranch, quietBranch, readBranch, saveBranch, twinOf } from './branch'
import {
  back, begins_payload, carriage_return, control, control_column, control_count, controls_bytes, forward, is_late, isIdle,
  loadControls, move, newline, nextControl, payload, resetControls, runEnd, saveControls, sequenceEnd, text, unsure, wouldBeText,
} from './controls'
import {
  before_space, beginHolds, beSure, beUnsure, cutHolds, dark_from, flushHolds, giveUpLine, goDark, holds_bytes, lighten, loadHolds, nowhere, plain,
  reopenRewritten, rewritten, saveHolds, settleHolds, takeWhole, unsure_at, waitBefore, whole,
} from './holds'
import {
  appendCell, appendText, beginLine, cellAt, cutLine, goBack, goForward, goToEnd, interruptLine, is_rewritten, isSeamAt,
  line_column, line_cursor, line_end, line_from, passCell, placeAt, returned, setColumn, setRewritten,
} from './line'
import { take } from './memory'
import { isOpen, openHeld } from './open-end'
import {
  addressOf, assumeText, heldBytes, is_void, keepTo, kind_control, kind_overwritten, kind_payload, kind_text, markPlace,
  pending_end, pending_start, placeOf, setKind, setKinds, setVoid, writtenAgain,
} from './pending'
import { areSpent, noteRewrite, noteSame } from './rewrites'
import { held_bytes_max, piece_bytes_max } from './screen-limits'
import { input, quietStream, readPart } from './stream'

const lf: u32 = 0x0a
const cr: u32 = 0x0d
const tab: u32 = 0x09
const bs: u32 = 0x08

let is_terminal: bool = false
let columns: i32 = 0
/** Where strings begin, in the piece; u32. */
let marks: usize = 0
let marked: u32 = 0
/** One begins with the next byte. */
let payload_begins: bool = false
let space_at: i64 = nowhere
/** The last byte that may be overwritten. */
let open_at: i64 = nowhere
let unsure_byte: u32 = 0
/** The byte before was a carriage return; there was one, and no text since. */
let after_return: bool = false
let was_returned: bool = false
let column_before: i32 = 0
/** Up to here it is known what follows. */
let known: usize = 0

export function initScreen(): bool {
  marks = take(piece_bytes_max * 4)
  return marks != 0
}

/** A stretch begins. `stream` is that of every byte, of which so much is settled; nothing that it holds is a control. */
export function beginScreen(stream: usize, settled: i64, of_terminal: bool, of_columns: i32): void {
  is_terminal = of_terminal
  columns = of_columns
  payload_begins = false
  space_at = nowhere
  open_at = nowhere
  after_return = false
  was_returned = false
  column_before = 0
  resetControls(of_terminal)
  beginHolds(stream, settled)
  assumeText(addressOf(pending_start), addressOf(pending_end))
  twinOf(plain, stream, settled, of_terminal)
}

const fixed_bytes: usize = 32

export function screenBytes(): usize {
  return fixed_bytes + controls_bytes + holds_bytes + branchBytes(plain) + branchBytes(rewritten)
}

export function saveScreen(at: usize): usize {
  store<i64>(at, space_at)
  store<i64>(at, open_at, 8)
  store<i32>(at, column_before, 16)
  store<u8>(at, <u8>unsure_byte, 20)
  store<u8>(at, <u8>payload_begins, 21)
  store<u8>(at, <u8>after_return, 22)
  store<u8>(at, <u8>was_returned, 23)
  return saveBranch(rewritten, saveBranch(plain, saveHolds(saveControls(at + fixed_bytes))))
}

/** Of a stretch that goes on. */
export function loadScreen(at: usize, stream: usize, of_terminal: bool, of_columns: i32): usize {
  is_terminal = of_terminal
  columns = of_columns
  space_at = load<i64>(at)
  open_at = load<i64>(at, 8)
  column_before = load<i32>(at, 16)
  unsure_byte = load<u8>(at, 20)
  payload_begins = load<u8>(at, 21) != 0
  after_return = load<u8>(at, 22) != 0
  was_returned = load<u8>(at, 23) != 0
  beginHolds(stream, 0)
  return loadBranch(rewritten, loadBranch(plain, loadHolds(loadControls(at + fixed_bytes, of_terminal))))
}

/** Nothing is to be known of this stretch any more: what follows is read once again. */
export function isOver(): bool {
  if (pending_end > pending_start || !isIdle() || line_cursor != line_end) return false
  if (was_returned || before_space != nowhere || dark_from != nowhere || rewritten.stream != 0) return false
  const quiet = quietBranch(plain)
  return quiet >= 0 && quiet == quietStream(whole)
}

export function endScreen(): void {
  closeBranch(plain)
  closeBranch(rewritten)
}

/** Reads the piece from `from` on, up to `to` at most. Returns where it stopped. `known_end`: of the bytes of this call. */
export function readScreen(from: usize, to: usize, known_end: usize): usize {
  known = known_end
  const end = min(to, from + (held_bytes_max - heldBytes()))
  assumeText(from, end)
  marked = 0
  const stopped = parse(from, end)
  keepTo(stopped)
  memory.copy(input, from, stopped - from)
  listBoundaries(marks, marked, input)
  if (!readPart(whole, stopped - from)) {
    setVoid()
    return stopped
  }
  takeWhole()
  readBranch(plain)
  if (rewritten.stream != 0) readBranch(rewritten)
  if (load<u8>(stopped - 1) == lf) endLine()
  settleHolds()
  if (heldBytes() >= held_bytes_max) cutHolds()
  return stopped
}

/** 0 idle, 1 echo, 2 end. */
export function flushScreen(event: u32): void {
  flushHolds(event)
}

/** Sorts a piece's bytes into the readings. Stops sooner where all must have read what came before. */
function parse(from: usize, end: usize): usize {
  for (let at = from; at < end; ) {
    const byte: u32 = load<u8>(at)
    const is_idle = isIdle()
    if (is_terminal && is_idle && mustStop(at)) {
      if (at > from) return at
      stoppedBefore(byte)
      if (is_void) return end
    }
    if (payload_begins) {
      if (marked < <u32>piece_bytes_max) store<u32>(marks + (marked++ << 2), <u32>(at - from))
      payload_begins = false
    }
    const place = placeOf(at)
    if (space_at == place - 1 && byte != cr && byte != bs) waitBefore(nowhere)
    if (is_idle) {
      if (byte == 0x1b) {
        const to = sequenceEnd(at, end)
        if (to > at) {
          setKinds(at, to, kind_control)
          beSure()
          after_return = false
          interruptAll()
          at = to
          continue
        }
      } else if (!is_terminal || line_cursor == line_end) {
        const run = runEnd(at, end)
        const to = is_terminal && run > at && isOpen(run - 1, known) ? run - 1 : run
        if (to > at) {
          addText(at, to, place)
          at = to
          continue
        }
      }
    }
    const kind = nextControl(byte)
    if (is_late) addLate()
    if (kind == text) addCharacter(byte, place)
    else if (kind == newline) addNewline(byte, place)
    else if (kind == payload) {
      setKind(at, kind_payload)
      interruptAll()
    } else {
      setKind(at, kind_control)
      onControl(kind, byte, place)
    }
    after_return = byte == cr
    if (begins_payload) payload_begins = true
    at++
  }
  return end
}

function addText(from: usize, to: usize, place: i64): void {
  addRun(plain, from, to, place)
  after_return = false
  if (!is_terminal) return
  if (rewritten.stream != 0) addRun(rewritten, from, to, place)
  was_returned = false
  waitBefore(nowhere)
  appendText(from, to, place)
}

/** Whether all readings must have read what is before `at`. */
// @ts-ignore: decorator
@inline
function mustStop(at: usize): bool {
  const byte: u32 = load<u8>(at)
  if (dark_from != nowhere) return byte == lf
  if (!wouldBeText(byte)) return false
  if (line_cursor < line_end) return !isSameAgain(byte)
  return isOpen(at, known)
}

/** They have. */
function stoppedBefore(byte: u32): void {
  if (space_at == pending_end - 1) {
    waitBefore(nowhere)
    settleHolds()
  }
  if (byte == lf) {
    lighten()
    return
  }
  if (line_cursor < line_end && !overwrite(byte)) return
  const least = openHeld(byte)
  if (least == 0) return
  waitBefore(heldBytes() >= least ? pending_start : nowhere)
  space_at = pending_end
}

function onControl(kind: u32, byte: u32, place: i64): void {
  // Who writes what is often overwritten, and goes back, has made all readings stop.
  if (open_at == place - 1 && (kind == carriage_return || kind == back)) noteRewrite(place, 0)
  switch (kind) {
    case unsure:
      beUnsure(place)
      unsure_byte = byte
      return
    case carriage_return:
      if (!after_return) column_before = line_column
      was_returned = true
      returned()
      break
    case back:
      goBack(control_count)
      break
    case forward:
      goForward(control_count)
      break
    case move:
      waitBefore(nowhere)
      beginLine(control_column)
      break
    default:
      break
  }
  beSure()
  interruptAll()
}

function interruptAll(): void {
  interruptLine()
  interrupt(plain)
  if (rewritten.stream != 0) interrupt(rewritten)
}

function addCharacter(byte: u32, place: i64): void {
  was_returned = false
  if (openHeld(byte) == 0) waitBefore(nowhere)
  else open_at = place
  addByte(plain, byte, place)
  if (!is_terminal) return
  if (line_cursor < line_end && byte != tab && isSameAgain(byte)) {
    // The same again: the line stays as it is.
    noteFirst(place)
    noteSame(place)
    writtenAgain(placeAt(line_cursor), place)
    interrupt(rewritten)
    interruptLine()
    waitBefore(nowhere)
    passCell(byte)
    return
  }
  if (rewritten.stream != 0) addByte(rewritten, byte, place)
  // What was not overwritten stays, as far as this can tell.
  appendCell(byte, place)
}

/** The unsure byte was text. */
function addLate(): void {
  if (unsure_at == nowhere) return
  const place = unsure_at
  beSure()
  markPlace(place, kind_text)
  addCharacter(unsure_byte, place)
}

function addNewline(byte: u32, place: i64): void {
  const column = after_return ? column_before : 0
  was_returned = false
  waitBefore(nowhere)
  if (columns > 0 && column > 0 && column % columns == 0) {
    // The line was full: it goes on below.
    setKind(addressOf(place), kind_control)
    interruptAll()
    goToEnd()
    setColumn(0)
    return
  }
  // What begins with the end of a line begins with its line feed: the other has left perhaps.
  if (after_return) addByte(plain, cr, place)
  addByte(plain, byte, place)
  if (rewritten.stream != 0) {
    if (after_return) addByte(rewritten, cr, place)
    addByte(rewritten, byte, place)
  }
  beginLine(0)
  // Where nothing is read again, nothing is shown.
  if (areSpent(place)) goDark(place + 1)
}

/** The line is over: both see the same again, unless something goes on. */
function endLine(): void {
  const quiet = quietBranch(rewritten)
  if (quiet >= 0 && quiet == quietBranch(plain)) closeBranch(rewritten)
}

/** Whether the line is followed as it is, and `byte` stands at the cursor already. */
// @ts-ignore: decorator
@inline
function isSameAgain(byte: u32): bool {
  return rewritten.stream != 0 && cellAt(line_cursor) == byte
}

/**
 * `byte` comes where text stands already. All readings have read up to it, and what can leave has left. False when it
 * is the same again, or is not read.
 */
function overwrite(byte: u32): bool {
  waitBefore(nowhere)
  if (cellAt(line_cursor) == byte) {
    noteFirst(pending_end)
    closeBranch(rewritten)
    forkOf(rewritten, plain)
    return false
  }
  setRewritten()
  noteRewrite(pending_end, line_end - line_from)
  if (areSpent(pending_end)) {
    giveUpLine()
    goToEnd()
    return false
  }
  readLineAgain()
  return true
}

/** What stands on the line from the cursor on is overwritten: the rest is read again. All has left that can. */
function readLineAgain(): void {
  for (let at = line_cursor; at < line_end; at++) markPlace(placeAt(at), kind_overwritten)
  cutLine()
  reopenRewritten()
  if (is_void) return
  for (let at = line_from; at < line_end; at++) {
    if (isSeamAt(at)) interrupt(rewritten)
    addByte(rewritten, cellAt(at), placeAt(at))
  }
  readBranch(rewritten)
  interrupt(rewritten)
  interruptLine()
}

function noteFirst(place: i64): void {
  if (is_rewritten) return
  noteRewrite(place, 0)
  setRewritten()
}
