/**
 * How a handler comes to evidence: only for who may read it, and only after the reading was recorded.
 *
 * @module
 */
import type { EvidencePart } from '../core/duty.ts'
import { type Person, readableSubject } from './guard.ts'
import type { ApiCaller, ApiPorts, EvidenceReader, SessionFacts } from './ports.ts'
import { notFound, ProblemError } from './problem.ts'

/** One page of records from the store; small against the memory of the gateway. */
const page_bytes = 1024 * 1024

/** Resolves with the session when the caller may read it and the log says so; otherwise it is not there. */
export async function openSession(
  ports: ApiPorts,
  caller: ApiCaller,
  id: string,
  part: EvidencePart,
  from?: number,
): Promise<SessionFacts> {
  const readable = readableSubject(caller)
  const session = await ports.reader.session(id)
  if (session === undefined && readable === 'everyone') await refuseErased(ports, id)
  // The same answer for both: whether a session exists is evidence too.
  if (session === undefined) throw notFound()
  if (readable !== 'everyone' && !isOwn(session, readable.only)) throw notFound()
  if (!ports.mayRead(caller, session, part)) throw notFound()
  const where = from === undefined ? '' : ` from ${from}`
  await recordReading(ports, caller, `session ${id} ${part}${where}`)
  return session
}

/** Whose it was is gone with it, so that only who may read everything is told. */
export async function refuseErased(ports: ApiPorts, id: string): Promise<void> {
  const digest = await ports.reader.erasedBy(id)
  if (digest === undefined) return
  const order = await ports.reader.document(digest)
  const why = order?.type === 'session.shredded' ? 'shredded' : 'erased when its retention ended'
  throw new ProblemError({
    status: 410,
    title: 'Gone',
    detail: `session ${id} was ${why}; its hashes are in the log`,
  })
}

const isOwn = (session: SessionFacts, { subject, issuer }: Person): boolean =>
  session.subject === subject && (issuer === undefined || session.issuer === issuer)

/** Nothing is answered that the log does not know of. */
export async function recordReading(
  ports: ApiPorts,
  caller: ApiCaller,
  what: string,
): Promise<void> {
  try {
    await ports.evidenceRead(caller, what)
  } catch (error) {
    throw new ProblemError(
      {
        status: 503,
        title: 'Service Unavailable',
        detail: 'reading evidence cannot be recorded now, so nothing is shown',
      },
      { cause: error },
    )
  }
}

/** All records from `from` on, read page by page as they are asked for. */
export async function* storedRecords(
  reader: EvidenceReader,
  id: string,
  from = 0,
): AsyncGenerator<Uint8Array, void> {
  for (let next: number | undefined = from; next !== undefined; ) {
    const page: Awaited<ReturnType<EvidenceReader['records']>> = await reader.records(
      id,
      next,
      page_bytes,
    )
    yield* page.records
    // A page that goes nowhere would be asked for again for ever.
    next = page.next !== undefined && page.next > next ? page.next : undefined
  }
}
