/**
 * Did the witnesses of the trust file see this log? Each has to have cosigned a checkpoint of it, and what it saw
 * has to be the beginning of what is there.
 *
 * @module
 */
import { type Checkpoint, parseCheckpoint } from '../evidence/checkpoint.ts'
import { cosignedBy, type Witness } from '../evidence/cosignature.ts'
import { parseNote } from '../evidence/note.ts'
import type { Trust } from '../evidence/trust.ts'
import { cosigned_notes_max } from './limits.ts'
import type { Findings } from './report.ts'
import type { EvidenceSource } from './source.ts'

export interface SeenCheckpoint {
  readonly witness: Witness
  readonly seen: Checkpoint
  /** UTC, seconds. */
  readonly time_s: number
}

/** The checkpoints that witnesses of the trust file signed, of whatever log. */
export async function cosignedCheckpoints(
  source: EvidenceSource,
  trust: Trust | undefined,
  findings: Findings,
): Promise<readonly SeenCheckpoint[]> {
  if (trust === undefined || trust.witnesses.length === 0) return []
  const notes = ((await source.cosigned?.()) ?? []).slice(0, cosigned_notes_max)
  return notes.flatMap((bytes) => seenBy(trust.witnesses, bytes, findings))
}

function seenBy(
  witnesses: readonly Witness[],
  bytes: Uint8Array,
  findings: Findings,
): readonly SeenCheckpoint[] {
  const note = parseNote(bytes)
  const seen = note === undefined ? undefined : parseCheckpoint(note.text)
  // Of no witness: that of one that is missed is said to be missing.
  if (note === undefined || seen === undefined) return []
  return witnesses.flatMap((witness) => {
    const by = cosignedBy(witness, note.text, note.signatures)
    if (by.kind === 'seen') return [{ witness, seen, time_s: by.time_s }]
    if (by.kind === 'wrong')
      findings.fail(
        'cosignature_wrong',
        `A cosignature of the witness ${JSON.stringify(witness.name)} is wrong: the checkpoint under it was changed, ` +
          'or it never saw it.',
      )
    return []
  })
}

/** Whether each witness saw this log, and how much of it; that it saw this history is checked with the log. */
export function checkWitnesses(
  checkpoint: Checkpoint | undefined,
  cosigned: readonly SeenCheckpoint[],
  trust: Trust | undefined,
  findings: Findings,
): void {
  if (checkpoint === undefined) return
  for (const { name, verifier_key } of trust?.witnesses ?? []) {
    const own = cosigned.filter(
      ({ witness, seen }) =>
        witness.verifier_key === verifier_key && seen.origin === checkpoint.origin,
    )
    const newest = own.toSorted((a, b) => b.seen.size - a.seen.size)[0]
    if (newest === undefined)
      findings.fail(
        'cosignature_missing',
        `The witness ${JSON.stringify(name)} of the trust file never cosigned ${JSON.stringify(checkpoint.origin)}, or what it ` +
          'cosigned was taken away.',
      )
    else if (newest.seen.size < checkpoint.size)
      findings.notice(
        'entries_not_witnessed',
        `The witness ${JSON.stringify(name)} saw the first ${newest.seen.size} of ${checkpoint.size} entries, at ` +
          `${formatSeconds(newest.time_s)}: it vouches for nothing after them.`,
        { entry: newest.seen.size },
      )
  }
}

/** A date holds 8.64e12 seconds; a signature may say more. */
const formatSeconds = (time_s: number): string =>
  time_s <= 8.64e12 ? new Date(time_s * 1000).toISOString() : 'no time'
