/**
 * A session's records are not those of the logged root: which were edited, moved, taken away or added?
 *
 * With the session's leaf lists, which the root proves, every record is named for certain. Without them
 * only the sequence in the headers can tell, and an edit is narrowed down to the records between two
 * roots in the log.
 *
 * @module
 */

import { leafHash } from '../evidence/merkle.ts'
import { decodeRecord } from '../evidence/record.ts'
import { diagnosed_records_max, session_findings_max, strays_max } from './limits.ts'
import type { RecordReader } from './record-reader.ts'
import type { FailureCode, Findings } from './report.ts'

export interface Suspect {
  readonly session: string
  /** Records that the log vouches for. */
  readonly expected: number
  /** Whether the session goes on after them. */
  readonly open: boolean
  /** Records in which the roots say that something is wrong: `[from, to)`. */
  readonly from: number
  readonly to: number
  /** Whether a leaf is the one that the root has at a sequence; absent when nothing tells. */
  readonly isLeaf?: (seq: number, leaf: Uint8Array) => Promise<boolean>
}

/** A stored record that is not an expected one, or comes a second time. */
interface Stray {
  readonly position: number
  readonly claimed: number | undefined
}

/** Reads the records again, from the beginning. Adds at least one finding. */
export async function diagnose(
  suspect: Suspect,
  reader: RecordReader,
  findings: Findings,
): Promise<void> {
  const { expected } = suspect
  if (expected > diagnosed_records_max) {
    sayEditedRange(suspect, findings)
    return
  }
  const seen = new Uint8Array(Math.ceil(expected / 8))
  const has = (seq: number): boolean => (((seen[seq >> 3] ?? 0) >> (seq & 7)) & 1) === 1
  const mark = (seq: number): void => {
    seen[seq >> 3] = (seen[seq >> 3] ?? 0) | (1 << (seq & 7))
  }
  const say = limited(suspect.session, findings)
  const strays: Stray[] = []
  let reordered = false
  let highest = -1
  let position = 0
  const readable_max = expected + session_findings_max
  while (position < readable_max) {
    const stored = reader.take()
    if (stored === undefined) {
      if (await reader.fill()) continue
      break
    }
    const at = position++
    const decoded = decodeRecord(stored)
    const own = decoded.ok && decoded.header.session === suspect.session
    const seq = own ? decoded.header.seq : undefined
    // What the log does not have yet cannot be judged.
    if (suspect.open && (seq ?? at) >= expected) continue
    if (
      seq === undefined ||
      seq >= expected ||
      has(seq) ||
      !((await suspect.isLeaf?.(seq, leafHash(stored))) ?? true)
    ) {
      strays.push({ position: at, claimed: seq })
      if (strays.length > strays_max) {
        sayEditedRange({ ...suspect, from: 0, to: expected }, findings)
        return
      }
      continue
    }
    mark(seq)
    if (seq < highest) {
      reordered = true
      say('record_reordered', seq, seq, `moved: stored after record ${highest}.`)
    }
    highest = Math.max(highest, seq)
  }

  const edited: number[] = []
  const added: number[] = []
  for (const { position: at, claimed } of strays) {
    // An edited record still fills its place; its own header may lie about which.
    const place = [claimed, at].find((seq) => seq !== undefined && seq < expected && !has(seq))
    if (place === undefined) {
      added.push(at)
    } else {
      mark(place)
      edited.push(place)
    }
  }
  for (const [first, last] of runs(edited))
    say('record_edited', first, last, "changed since the log took the session's root.")
  for (const [first, last] of runs(added))
    say('record_added', first, last, 'added: none was recorded there, or it is there twice.')
  let named = reordered || strays.length > 0
  for (const [first, last] of gaps(expected, has)) {
    named = true
    if (last === expected - 1)
      say('session_truncated', first, last, `cut off: the log has ${expected} records.`)
    else say('record_missing', first, last, 'missing: taken out of the middle.')
  }
  if (!named) sayEditedRange(suspect, findings)
}

function sayEditedRange({ session, from, to }: Suspect, findings: Findings): void {
  const last = Math.max(from, to - 1)
  const which = from === last ? `Record ${from}` : `At least one of the records ${from} to ${last}`
  const place = { session, record: from, ...(last > from ? { record_last: last } : {}) }
  findings.fail(
    'record_edited',
    `${which} of session ${session} was changed since the log took the session's root; nothing tells more exactly.`,
    place,
  )
}

/** Runs of sequences that were not seen. */
function* gaps(expected: number, has: (seq: number) => boolean): Generator<[number, number]> {
  for (let seq = 0; seq < expected; seq++) {
    if (has(seq)) continue
    const first = seq
    while (seq + 1 < expected && !has(seq + 1)) seq++
    yield [first, seq]
  }
}

/** Numbers that follow each other, as `[first, last]`. */
function runs(numbers: readonly number[]): readonly (readonly [number, number])[] {
  const found: [number, number][] = []
  for (const n of numbers.toSorted((a, b) => a - b)) {
    const run = found.at(-1)
    if (run?.[1] === n - 1) run[1] = n
    else found.push([n, n])
  }
  return found
}

/** Says what was done to records; the same of one session a limited number of times. */
function limited(
  session: string,
  findings: Findings,
): (code: FailureCode, first: number, last: number, what: string) => void {
  let said = 0
  return (code, first, last, what) => {
    if (said++ >= session_findings_max) return
    const records = first === last ? `Record ${first}` : `Records ${first} to ${last}`
    const were = first === last ? 'was' : 'were'
    const place = { session, record: first, ...(last > first ? { record_last: last } : {}) }
    findings.fail(code, `${records} of session ${session} ${were} ${what}`, place)
  }
}
