/**
 * The text of a checkpoint as C2SP tlog-checkpoint has it (https://c2sp.org/tlog-checkpoint): origin, size
 * and root of a log, to be signed as a note.
 *
 * @module
 */
import { assert } from './assert.ts'
import { fromBase64, hash_bytes, toBase64 } from './bytes.ts'

export interface Checkpoint {
  /** `NAME/LOGID`, which is also the name of the log's key. */
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

/** Ends in a newline. Sluice writes no extension lines. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  assert(Number.isSafeInteger(size) && size >= 0, 'a log has a size')
  assert(root.length === hash_bytes && origin.length > 0, 'a log has an origin and a root')
  return `${origin}\n${size}\n${toBase64(root)}\n`
}

/** Undefined when the text is not a checkpoint. Extension lines are allowed, and ignored. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  if (!text.endsWith('\n')) return undefined
  const lines = text.slice(0, -1).split('\n')
  const [origin = '', size = '', root64 = ''] = lines
  const root = fromBase64(root64)
  if (lines.includes('') || root?.length !== hash_bytes) return undefined
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    return undefined
  return { origin, size: Number(size), root }
}
