/**
 * The messages of C2SP tlog-witness (https://c2sp.org/tlog-witness), add-checkpoint: a log sends its new checkpoint with
 * the proof that it continues the one that the witness saw last, and gets cosignatures.
 *
 * @module
 */
import { fromBase64, hash_bytes, toBase64, toText } from '../evidence/bytes.ts'
import type { Proof } from '../evidence/proof.ts'
import { proof_lines_max, request_bytes_max } from './limits.ts'

export interface AddCheckpoint {
  /** What the log believes that the witness saw last; 0 for nothing. */
  readonly old_size: number
  readonly proof: Proof
  /** A signed note. */
  readonly checkpoint: Uint8Array
}

/** Relative to the witness's address. */
export const add_checkpoint_path = 'add-checkpoint'
/** Of the answer 409: the size that the witness saw last follows. */
export const size_type = 'text/x.tlog.size'

export function encodeAddCheckpoint({ old_size, proof, checkpoint }: AddCheckpoint): Uint8Array {
  const lines = [`old ${old_size}`, ...proof.map(toBase64), ''].join('\n')
  return Buffer.concat([Buffer.from(`${lines}\n`), checkpoint])
}

/** Undefined when the body is malformed. */
export function parseAddCheckpoint(body: Uint8Array): AddCheckpoint | undefined {
  const text = body.length > request_bytes_max ? undefined : toText(body)
  const end = text?.indexOf('\n\n') ?? -1
  if (text === undefined || end < 0) return undefined
  const [first = '', ...lines] = text.slice(0, end).split('\n')
  const old_size = sizeOf(/^old (.+)$/.exec(first)?.[1])
  if (old_size === undefined || lines.length > proof_lines_max) return undefined
  const proof: Uint8Array[] = []
  for (const line of lines) {
    const hash = fromBase64(line)
    if (hash?.length !== hash_bytes) return undefined
    proof.push(hash)
  }
  // Section "add-checkpoint": the proof is empty if the old size is zero.
  if (old_size === 0 && proof.length > 0) return undefined
  return { old_size, proof, checkpoint: new TextEncoder().encode(text.slice(end + 2)) }
}

/** A size in decimal digits without leading zeros. */
export function sizeOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined
  return Number.isSafeInteger(Number(text)) ? Number(text) : undefined
}
