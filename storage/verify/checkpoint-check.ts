/**
 * Did this log sign the checkpoints that the source keeps: the newest, and those before it, each of which was shown to somebody
 * once? That its entries give their roots, `log-check.ts` says.
 *
 * @module
 */
import { type Checkpoint, parseCheckpoint } from '../evidence/checkpoint.ts'
import { type NoteVerifier, openNote, parseNote } from '../evidence/note.ts'
import type { Trust } from '../evidence/trust.ts'
import type { Findings } from './report.ts'
import type { EvidenceSource } from './source.ts'

/** The newest checkpoint, once its signature is believed; without a trust file it is only read. */
export function readCheckpoint(
  note: Uint8Array | undefined,
  size: number,
  trust: Trust | undefined,
  findings: Findings,
): Checkpoint | undefined {
  if (note === undefined) {
    if (size > 0 || (trust?.checkpoints.length ?? 0) > 0)
      findings.fail(
        'checkpoint_missing',
        'The log has no signed checkpoint: nothing says that its entries are the ones that were written.',
      )
    return undefined
  }
  const text = parseNote(note)?.text
  const checkpoint = text === undefined ? undefined : parseCheckpoint(text)
  if (checkpoint === undefined) {
    findings.fail(
      'checkpoint_malformed',
      "The log's checkpoint is not a signed note with a checkpoint in it: it was changed.",
    )
    return undefined
  }
  return trust === undefined ? checkpoint : signedBy(trust.logs, note, checkpoint, findings)
}

/** Those before the newest that a log of the trust file signed as its own, by size; without a trust file they are only read. */
export async function* olderCheckpoints(
  source: EvidenceSource,
  newest: Checkpoint | undefined,
  trust: Trust | undefined,
  findings: Findings,
): AsyncGenerator<Checkpoint, void, void> {
  for await (const { size, note } of source.checkpoints?.() ?? []) {
    const text = parseNote(note)?.text
    const checkpoint = text === undefined ? undefined : parseCheckpoint(text)
    const is_of_log = checkpoint?.origin === (newest?.origin ?? checkpoint?.origin)
    if (checkpoint === undefined || checkpoint.size !== size || !is_of_log) {
      findings.fail(
        'checkpoint_malformed',
        `What is kept as the checkpoint over ${size} entries is not one of this log: it was changed.`,
      )
      continue
    }
    const signed =
      trust === undefined ? checkpoint : signedBy(trust.logs, note, checkpoint, findings)
    if (signed !== undefined) yield signed
  }
}

/** The checkpoint, if one of these logs signed it as its own; undefined after a finding. */
export function signedBy(
  logs: readonly NoteVerifier[],
  note: Uint8Array,
  checkpoint: Checkpoint,
  findings: Findings,
): Checkpoint | undefined {
  const opened = openNote(note, logs)
  if (opened.ok && opened.signed_by.some(({ name }) => name === checkpoint.origin))
    return checkpoint
  const unknown = !opened.ok && opened.reason === 'unknown_key'
  findings.fail(
    'checkpoint_signature_wrong',
    unknown
      ? `No key of the trust file signed the checkpoint of ${JSON.stringify(checkpoint.origin)}: ` +
          'it is the log of another gateway, or was signed by someone else.'
      : `The signature of the checkpoint of ${JSON.stringify(checkpoint.origin)} is wrong: it was changed ` +
          'after it was signed, or was never signed by this log.',
  )
  return undefined
}
