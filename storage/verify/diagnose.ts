/**
 * A session's records are not those of the logged root: which were edited, moved, taken away or added?
 *
 * With the session's leaf lists, which the root proves, every record is named for certain. Without them
 * only the sequence in the headers can tell, and an edit is narrowed down to the records between two
 * roots in the log.
 *
 * @module
 */
import { decodeRecord } from '../evidence/record.ts'
import { leafHash } from '../evidence/merkle.ts'
import { diagnosed_records_max, session_findings_max } from './limits.ts'
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
    if (seq !== undefined && seq >= expected && suspect.open) continue
    if (
      seq === undefined ||
      seq >= expected ||
      has(seq) ||
      !((await suspect.isLeaf?.(seq, leafHash(stored))) ?? true)
    ) {
      if (strays.length < session_findings_max) strays.push({ position: at, claimed: seq })
      continue
    }
    mark(seq)
    if (seq < highest) {
      reordered = true
      say('record_reordered', seq, seq, `is stored after record ${highest}: it was moved.`)
    }
    highest = Math.max(highest, seq)
  }

  let named = reordered
  for (const { position: at, claimed } of strays) {
    named = true
    // An edited record still fills its place; its own header may lie about which.
    const place = [claimed, at].find((seq) => seq !== undefined && seq < expected && !has(seq))
    if (place !== undefined) {
      mark(place)
      say(
        'record_edited',
        place,
        place,
        'is not the one that was recorded: its bytes were changed.',
      )
    } else {
      say(
        'record_added',
        at,
        at,
        'in the order of the store was never recorded here: it was added, or is there twice.',
      )
    }
  }
  for (const [first, last] of gaps(expected, has)) {
    named = true
    if (last === expected - 1)
      say(
        'session_truncated',
        first,
        last,
        `missing: the session was cut off there; the log has ${expected} records of it.`,
      )
    else say('record_missing', first, last, 'missing: taken out of the middle of the session.')
  }
  if (!named) sayEditedRange(suspect, findings)
}

function sayEditedRange({ session, from, to }: Suspect, findings: Findings): void {
  const last = Math.max(from, to - 1)
  const which = from === last ? `Record ${from}` : `One or more of the records ${from} to ${last}`
  const place = { session, record: from, ...(last > from ? { record_last: last } : {}) }
  findings.fail(
    'record_edited',
    `${which} of session ${session} changed after the log took their root.`,
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

/** Says the same thing of one session a limited number of times. */
function limited(
  session: string,
  findings: Findings,
): (code: FailureCode, first: number, last: number, what: string) => void {
  let said = 0
  return (code, first, last, what) => {
    if (said++ >= session_findings_max) return
    const verb = what.startsWith('missing') ? (first === last ? 'is ' : 'are ') : ''
    const records = first === last ? `Record ${first}` : `Records ${first} to ${last}`
    const place = { session, record: first, ...(last > first ? { record_last: last } : {}) }
    findings.fail(code, `${records} of session ${session} ${verb}${what}`, place)
  }
}
