/**
 * A witness: cosigns the checkpoints of the logs that it knows, each only if it continues the one that it saw last.
 * So a log cannot show one history to some and another to others, nor take anything back, without the
 * witness's refusal. What it saw last is durable before it signs.
 *
 * @module
 */
import { equalBytes } from '../evidence/bytes.ts'
import { type Checkpoint, parseCheckpoint } from '../evidence/checkpoint.ts'
import type { Cosigner } from '../evidence/cosignature.ts'
import { type NoteVerifier, openNote, parseNote } from '../evidence/note.ts'
import { verifyConsistency } from '../evidence/proof.ts'
import { parseAddCheckpoint, size_type } from './protocol.ts'

/** What was seen last of each log, by its origin. */
export interface WitnessState {
  /** The signed note; undefined when nothing was seen. Throws when it cannot be read. */
  last(origin: string): Uint8Array | undefined
  /** Durable when it returns. Throws when it cannot be written. */
  keep(origin: string, note: Uint8Array): void
}

export interface WitnessParts {
  readonly logs: readonly NoteVerifier[]
  readonly cosigner: Cosigner
  readonly state: WitnessState
  readonly now_s: () => number
  /** One line for who runs the witness. A refusal may be an attack on somebody. */
  readonly said: (event: 'cosigned' | 'refused', fields: Readonly<Record<string, unknown>>) => void
}

export interface Answer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422
  readonly type: string
  readonly body: string
}

const text_type = 'text/plain; charset=utf-8'

/** Synchronous: two requests of one log cannot come between each other. Throws when the state fails. */
export function addCheckpoint(parts: WitnessParts, body: Uint8Array): Answer {
  const request = parseAddCheckpoint(body)
  if (request === undefined) return refused(400, 'malformed request')
  const { old_size, proof, checkpoint: note } = request
  const parsed = parseNote(note)
  const checkpoint = parsed === undefined ? undefined : parseCheckpoint(parsed.text)
  if (parsed === undefined || checkpoint === undefined) return refused(400, 'malformed checkpoint')
  const { origin, size, root } = checkpoint
  const known = parts.logs.filter(({ name }) => name === origin)
  if (known.length === 0) return refused(404, 'unknown log')
  if (!openNote(note, known).ok) return refused(403, 'no valid signature of the log')
  if (old_size > size) return refused(400, 'the old size is larger than the new one')

  const last = lastSeen(parts.state, origin)
  const seen = last?.size ?? 0
  const conflict = (why: string): Answer => {
    parts.said('refused', { origin, size, seen, why })
    return { status: 409, type: size_type, body: `${seen}\n` }
  }
  if (old_size !== seen) return conflict('old_size')
  if (last !== undefined && last.size === size && !equalBytes(last.root, root))
    return conflict('fork')
  if (last !== undefined && !verifyConsistency(seen, last.root, size, root, proof)) {
    parts.said('refused', { origin, size, seen, why: 'inconsistent' })
    return refused(422, 'the proof does not lead from what was seen to this checkpoint')
  }
  if (last === undefined || size > seen) parts.state.keep(origin, note)
  parts.said('cosigned', { origin, size })
  return { status: 200, type: text_type, body: parts.cosigner.cosign(parsed.text, parts.now_s()) }
}

/** Throws when what is kept is not a checkpoint: a witness that forgot would sign anything. */
function lastSeen(state: WitnessState, origin: string): Checkpoint | undefined {
  const note = state.last(origin)
  if (note === undefined) return undefined
  const text = parseNote(note)?.text
  const checkpoint = text === undefined ? undefined : parseCheckpoint(text)
  if (checkpoint?.origin === origin) return checkpoint
  throw new Error('what this witness saw last of a log is damaged: it signs nothing of it')
}

const refused = (status: 400 | 403 | 404 | 422, why: string): Answer => ({
  status,
  type: text_type,
  body: `${why}\n`,
})
