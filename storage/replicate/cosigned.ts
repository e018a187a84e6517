/**
 * Checkpoints that witnesses cosigned, on their way to the bucket: with them it proves by itself that somebody else saw
 * this log.
 *
 * @module
 */
import { toHex } from '../evidence/bytes.ts'
import { parseCheckpoint } from '../evidence/checkpoint.ts'
import { parseNote } from '../evidence/note.ts'

export interface CosignedNote {
  readonly note: Uint8Array
  /** Of the witness, 8 hex digits. */
  readonly key_id: string
  readonly size: number
}

/** Undefined for what is no checkpoint of that log, or has the log's own signature alone. */
export function readCosignedNote(note: Uint8Array, origin: string): CosignedNote | undefined {
  const parsed = parseNote(note)
  const checkpoint = parsed === undefined ? undefined : parseCheckpoint(parsed.text)
  if (parsed === undefined || checkpoint?.origin !== origin) return undefined
  // The log's key has its name.
  const witness = parsed.signatures.find(({ name }) => name !== origin)
  if (witness === undefined) return undefined
  return { note, key_id: toHex(witness.key_id), size: checkpoint.size }
}
