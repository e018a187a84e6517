/**
 * Is a document the one that a trusted log has? From the document, its entry, a path and a signed checkpoint.
 *
 * @module
 */
import { equalBytes, type JsonObject } from '../evidence/bytes.ts'
import { type Checkpoint, parseCheckpoint } from '../evidence/checkpoint.ts'
import { cosignedBy } from '../evidence/cosignature.ts'
import { digestOf, openDocument } from '../evidence/document.ts'
import { decodeLogEntry } from '../evidence/log-entry.ts'
import type { LoggedDocument } from '../evidence/logged.ts'
import { leafHash } from '../evidence/merkle.ts'
import { type NoteVerifier, noteVerifier, parseNote } from '../evidence/note.ts'
import { verifyInclusion } from '../evidence/proof.ts'
import type { Trust } from '../evidence/trust.ts'
import { signedBy } from './checkpoint-check.ts'
import { worker_logs_max } from './limits.ts'
import type { Findings } from './report.ts'

export interface CheckedDocument {
  readonly facts: JsonObject
  readonly checkpoint: Checkpoint
  /** When it was logged: UTC, ISO 8601. */
  readonly time: string
}

/** What it has to be. */
export interface Wanted {
  readonly type: string
  /** As the entry names it; absent where any will do. */
  readonly id?: string
  /** Begins a sentence. */
  readonly what: string
}

/** Undefined after a finding. Without `logs` signatures are not looked at. */
export function checkLogged(
  logged: LoggedDocument,
  { type, id, what }: Wanted,
  logs: readonly NoteVerifier[] | undefined,
  findings: Findings,
): CheckedDocument | undefined {
  const checkpoint = checkNote(logged.checkpoint, logs, findings)
  if (checkpoint === undefined) return undefined
  const { entry: bytes, index, path } = logged
  findings.counts.log_entries++
  if (!verifyInclusion(leafHash(bytes), index, checkpoint.size, checkpoint.root, path)) {
    findings.fail(
      'log_proof_wrong',
      `${what}: its entry is not entry ${index} of the signed log. The entry, its place or the proof was changed.`,
      { entry: index },
    )
    return undefined
  }
  const entry = decodeLogEntry(bytes)
  if (entry === undefined || entry.type !== type || (id !== undefined && entry.id !== id)) {
    findings.fail(
      'log_entry_malformed',
      `${what}: entry ${index} of the signed log is another, not ${type}.`,
      { entry: index },
    )
    return undefined
  }
  findings.counts.documents++
  if (digestOf(logged.document) !== entry.digest) {
    findings.fail('document_edited', `${what} is not the one that was logged: it was changed.`, {
      entry: index,
    })
    return undefined
  }
  const facts = openDocument(logged.document)
  if (facts !== undefined && facts['type'] === type) return { facts, checkpoint, time: entry.time }
  findings.fail('document_malformed', `${what} was logged without being a document.`, {
    entry: index,
  })
  return undefined
}

function checkNote(
  note: Uint8Array,
  logs: readonly NoteVerifier[] | undefined,
  findings: Findings,
): Checkpoint | undefined {
  const text = parseNote(note)?.text
  const checkpoint = text === undefined ? undefined : parseCheckpoint(text)
  if (checkpoint === undefined) {
    findings.fail(
      'checkpoint_malformed',
      'The checkpoint is not a signed note with a checkpoint in it: it was changed.',
    )
    return undefined
  }
  return logs === undefined ? checkpoint : signedBy(logs, note, checkpoint, findings)
}

/**
 * The keys that count: those of the trust file, and what a log among those names. Undefined without a trust
 * file.
 */
export function trustedLogs(
  named_by: LoggedDocument | undefined,
  trust: Trust | undefined,
  findings: Findings,
): readonly NoteVerifier[] | undefined {
  if (named_by === undefined) return trust?.logs
  const what = "The configuration that names the worker's log"
  const wanted = { type: 'configuration.changed', what }
  const logged = checkLogged(named_by, wanted, trust?.logs, findings)
  if (logged !== undefined) checkOutside(named_by.checkpoint, logged.checkpoint, trust, findings)
  const named = logged?.facts['logs']
  const keys = Array.isArray(named) ? named.slice(0, worker_logs_max) : []
  const verifiers = keys.map((key) => (typeof key === 'string' ? noteVerifier(key) : undefined))
  return trust && [...trust.logs, ...verifiers.filter((key) => key !== undefined)]
}

/** What the trust file knows of a checkpoint besides its log's key: others of the same log, and witnesses. */
export function checkOutside(
  note: Uint8Array,
  { origin, size, root }: Checkpoint,
  trust: Trust | undefined,
  findings: Findings,
): void {
  const other = trust?.checkpoints.find(
    (known) => known.origin === origin && known.size === size && !equalBytes(known.root, root),
  )
  if (other !== undefined)
    findings.fail(
      'log_forked',
      `The first ${size} entries are not those of the checkpoint that the trust file remembers: ` +
        'this log is another history under the same name.',
    )
  if ((trust?.authorities.length ?? 0) > 0)
    findings.notice(
      'entries_not_timestamped',
      `The trust file has timestamp authorities, and timestamps are in the log of ${JSON.stringify(origin)} alone: the ` +
        'times in this file are as that log has them.',
    )
  const parsed = parseNote(note)
  for (const witness of trust?.witnesses ?? []) {
    const by = parsed && cosignedBy(witness, parsed.text, parsed.signatures).kind
    if (by === 'wrong')
      findings.fail(
        'cosignature_wrong',
        `A cosignature of the witness ${JSON.stringify(witness.name)} is wrong: the checkpoint under it was changed, ` +
          'or it never saw it.',
      )
    else if (by !== 'seen')
      findings.notice(
        'entries_not_witnessed',
        `The witness ${JSON.stringify(witness.name)} had not cosigned the checkpoint of ${JSON.stringify(origin)}, size ${size}: ` +
          'it vouches for none of this.',
      )
  }
}
