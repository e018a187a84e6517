/**
 * Finds the session that a person means: `last`, its id, or a beginning of it that no other has.
 *
 * @module
 */
import type { FileReader, SessionRow } from '../../storage/store/reader.ts'
import { UsageError, VerbError } from './verb.ts'

/** Sessions looked through for a beginning; the newest come first. */
const sessions_max = 100_000
const page = 500

export async function findSession(
  data: Pick<FileReader, 'session' | 'sessions' | 'erasedBy' | 'document'>,
  given: string,
): Promise<SessionRow> {
  if (given === 'last') {
    const [newest] = (await data.sessions({ limit: 1, canaries: 'hidden' })).sessions
    if (newest === undefined) throw new VerbError('no session was recorded yet')
    return newest
  }
  const id = given.toLowerCase()
  if (!/^[0-9a-f-]{1,36}$/.test(id))
    throw new UsageError('ID must be a session id, a beginning of one, or last')
  const exact = id.length === 36 ? await data.session(id) : undefined
  if (exact !== undefined) return exact
  const erased = id.length === 36 ? await data.erasedBy(id) : undefined
  if (erased !== undefined) {
    const order = await data.document(erased)
    const why = order?.type === 'session.shredded' ? 'shredded' : 'erased when its retention ended'
    throw new VerbError(
      `session ${id} was ${why}: what is left of it is in the log, and sluice verify tells when`,
    )
  }
  let found: SessionRow | undefined
  let cursor: string | undefined
  for (let seen = 0; seen < sessions_max && id.length < 36; seen += page) {
    const { sessions, cursor: next } = await data.sessions({
      limit: page,
      ...(cursor === undefined ? {} : { cursor }),
    })
    for (const session of sessions) {
      if (!session.id.startsWith(id)) continue
      if (found !== undefined)
        throw new VerbError(`${id} is the beginning of more than one session: give more of it`)
      found = session
    }
    if (next === undefined) break
    cursor = next
  }
  if (found === undefined) throw new VerbError(`no session ${id}`)
  return found
}
