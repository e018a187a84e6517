/**
 * What the readings of a stretch hold, and what leaves: the bytes that none of them holds. And what is masked because too
 * much would be held, or was done.
 */
import { Branch, branchHold, closeBranch, flushBranch, holds_nothing, newBranch, openBranch, takeFound } from './branch'
import {
  addFound, bare, heldBytes, is_void, kind_text, markPlace, pending_end, pending_start, release, setVoid,
} from './pending'
import { held_bytes_max } from './screen-limits'
import { open, spanEnd, spanRule, spanStart } from './spans'
import { cutReading, flushReading, heldOf, result } from './stream'
import { rules } from './tables'

const reading_whole: u32 = 0
const reading_plain: u32 = 1
const reading_rewritten: u32 = 2
/** No reading, but too much of it. */
const given_up: u32 = 3

/** Nothing of the kind. */
export const nowhere: i64 = -1

/** Every byte as it is: its stream, and how many bytes of it are settled. */
export let whole: usize = 0
let whole_settled: i64 = 0
/** The text. */
export let plain: Branch = changetype<Branch>(0)
/** The text of the current line as it is after something was overwritten; only then. */
export let rewritten: Branch = changetype<Branch>(0)

/** What was held before a byte that is often overwritten. */
export let before_space: i64 = nowhere
/** A byte that may be text or begin a control. */
export let unsure_at: i64 = nowhere
/** It keeps what follows it: until a flush, or a cut. */
let unsure_holds: bool = false
/** From here to the end of the line everything is masked. */
export let dark_from: i64 = nowhere

export function initHolds(): bool {
  plain = newBranch(reading_plain)
  rewritten = newBranch(reading_rewritten)
  return changetype<usize>(plain) != 0 && changetype<usize>(rewritten) != 0
}

/** A stretch begins, or goes on: `stream` is that of every byte, of which so much is settled. */
export function beginHolds(stream: usize, settled: i64): void {
  whole = stream
  whole_settled = settled
  before_space = nowhere
  unsure_at = nowhere
  unsure_holds = false
  dark_from = nowhere
  rewritten.stream = 0
}

export const holds_bytes: usize = 40

export function saveHolds(at: usize): usize {
  store<i64>(at, before_space)
  store<i64>(at, unsure_at, 8)
  store<i64>(at, dark_from, 16)
  store<u32>(at, <u32>unsure_holds, 24)
  store<i64>(at, whole_settled, 32)
  return at + holds_bytes
}

export function loadHolds(at: usize): usize {
  before_space = load<i64>(at)
  unsure_at = load<i64>(at, 8)
  dark_from = load<i64>(at, 16)
  unsure_holds = load<u32>(at, 24) != 0
  whole_settled = load<i64>(at, 32)
  return at + holds_bytes
}

export function waitBefore(place: i64): void {
  before_space = place
}

export function beUnsure(place: i64): void {
  unsure_at = place
  unsure_holds = true
}

export function beSure(): void {
  unsure_at = nowhere
}

export function goDark(from: i64): void {
  dark_from = from
}

/** Too much was done for this line: from what is held on, all of it is masked. */
export function giveUpLine(): void {
  before_space = nowhere
  dark_from = pending_start
  closeBranch(rewritten)
}

/** The line ends: what was given up is masked, and the next one is read again. */
export function lighten(): void {
  addFound(dark_from, pending_end, rules, given_up)
  dark_from = nowhere
  settleHolds()
}

/** What the reading of every byte did last. */
export function takeWhole(): void {
  const from: usize = load<u32>(result, 24)
  for (let i: u32 = 0; i < open; i++) {
    const start = whole_settled + <i64>(spanStart(i) - from)
    const end = whole_settled + <i64>(spanEnd(i) - from)
    addFound(start, end, spanRule(i), reading_whole)
    bare(start, end)
  }
  whole_settled += <i64>load<u32>(result, 8)
}

// @ts-ignore: decorator
@inline
function wholeHold(): i64 {
  return heldOf(whole) != 0 ? whole_settled : holds_nothing
}

/** Lets go of what no reading holds. */
export function settleHolds(): void {
  let limit = min(pending_end, wholeHold())
  limit = min(limit, min(branchHold(plain), branchHold(rewritten)))
  if (dark_from != nowhere) limit = min(limit, dark_from)
  if (before_space != nowhere) limit = min(limit, before_space)
  if (unsure_at != nowhere && unsure_holds) limit = min(limit, unsure_at)
  release(limit)
}

/** As much is held as may be. What is held longest is masked up to here, and goes on behind it. */
export function cutHolds(): void {
  before_space = nowhere
  while (heldBytes() >= held_bytes_max && !is_void) {
    const of_whole = wholeHold()
    const of_plain = branchHold(plain)
    const of_rewritten = branchHold(rewritten)
    const least = min(of_whole, min(of_plain, of_rewritten))
    if (least != holds_nothing) {
      if (least == of_whole) {
        if (cutReading(whole)) takeWhole()
        else setVoid()
      }
      if (least == of_plain) cutBranch(plain)
      if (least == of_rewritten) cutBranch(rewritten)
    }
    if (dark_from != nowhere) darkenLine()
    if (least == holds_nothing) releaseAll()
    else settleHolds()
  }
}

function cutBranch(branch: Branch): void {
  if (cutReading(branch.stream)) takeFound(branch)
  else setVoid()
}

/** What was given up is masked so far. */
function darkenLine(): void {
  addFound(dark_from, pending_end, rules, given_up)
  dark_from = pending_end
}

/** All leaves. */
export function releaseAll(): void {
  before_space = nowhere
  if (dark_from != nowhere) darkenLine()
  if (unsure_at != nowhere && unsure_holds) {
    markPlace(unsure_at, kind_text)
    unsure_holds = false
  }
  release(pending_end)
}

/** 0 idle, 1 echo, 2 end. */
export function flushHolds(event: u32): void {
  if (flushReading(whole, event)) takeWhole()
  else setVoid()
  flushBranch(plain, event)
  if (rewritten.stream != 0) flushBranch(rewritten, event)
  releaseAll()
}

/** A reading of a line from its beginning: what waited for a byte behind the one before was whole until now. */
export function reopenRewritten(): void {
  if (rewritten.stream != 0) {
    flushBranch(rewritten, 2)
    closeBranch(rewritten)
  }
  openBranch(rewritten, pending_start)
}

