/**
 * The proof of a session's documents from a data directory: from the log that has the session, and where that is
 * a worker's, from the gateway's own, which names it.
 *
 * @module
 */

import { type Proven, proveDocument, proveNaming } from '../../storage/bundle/prove.ts'
import { parseCheckpoint } from '../../storage/evidence/checkpoint.ts'
import type { LoggedDocument } from '../../storage/evidence/logged.ts'
import { parseNote } from '../../storage/evidence/note.ts'
import { plainText } from '../../storage/replay/plain.ts'
import type { HeldSession } from './audited-session.ts'
import type { Data } from './data.ts'
import { type Call, VerbError } from './verb.ts'

/** A gateway signs at most a second after a change; a disk may be slow. */
const signing_ms_max = 3000
const signing_poll_ms = 100

/** Throws a {@link VerbError} when the log does not have it, or does not sign it soon. */
export async function provenDocument(
  session: HeldSession,
  type: 'session.started' | 'session.ended',
): Promise<LoggedDocument> {
  const { id, start, manifest, row, reader } = session
  const is_start = type === 'session.started'
  const digest = is_start ? row.start_digest : row.manifest_digest
  const not_before = is_start ? start.time : manifest?.ended
  if (digest === undefined || not_before === undefined)
    throw new VerbError(`session ${id} is running: its records are proven once it has ended`)
  const sought = { type, id, digest, not_before }
  const until_ms = performance.now() + signing_ms_max
  for (;;) {
    const found = await proveDocument(reader, sought)
    if (found.ok || found.is_early !== true || performance.now() > until_ms)
      return proven(found, `the ${type} of ${id}`)
    await Bun.sleep(signing_poll_ms)
  }
}

/**
 * Nothing where the session's log is the gateway's own; where the gateway's log does not name it, a word to the
 * user: then its own key has to be in the trust file.
 */
export async function provenNaming(
  { console }: Call,
  data: Data,
  { reader, start }: HeldSession,
): Promise<{ readonly named_by?: LoggedDocument }> {
  const [own] = data.parts
  if (own === undefined || own.reader === reader) return {}
  const note = (await reader.log()).checkpoint
  const text = note === undefined ? undefined : parseNote(note)?.text
  const origin = text === undefined ? undefined : parseCheckpoint(text)?.origin
  if (origin === undefined) throw new VerbError("the worker's log has no checkpoint yet")
  const found = await proveNaming(own.reader, origin, start.time)
  if (found.ok) return { named_by: found.logged }
  console.note(
    `the log ${plainText(origin, 200)} is a worker's, and ${found.reason}: its key has to be trusted itself`,
  )
  return {}
}

function proven(found: Proven, what: string): LoggedDocument {
  if (found.ok) return found.logged
  throw new VerbError(`${what} cannot be proven: ${found.reason}`)
}
