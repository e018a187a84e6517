/**
 * Offline verification, from public material only: is this the evidence that was recorded? Nothing that
 * the source says is believed unless a signature of the trust file's log covers it.
 *
 * @module
 */
import type { NoteVerifier } from '../evidence/note.ts'
import type { Trust } from '../evidence/trust.ts'
import { createDocuments } from './documents.ts'
import { type Erasures, readErasures } from './erased.ts'
import { HoldBook } from './holds.ts'
import { checkKept, RetentionBook } from './kept.ts'
import { session_page } from './limits.ts'
import { checkLog, describeLog } from './log-check.ts'
import { replayLog } from './replay-log.ts'
import { type Counts, Findings, type Report } from './report.ts'
import type { EvidenceSource } from './source.ts'
import { checkTimestamps } from './timestamp-check.ts'
import { checkWitnesses, cosignedCheckpoints } from './witness-check.ts'

/**
 * Reads the log three times and every record once, in memory that does not grow with the length of a session.
 * It grows with the number of sessions, by about 100 bytes for each.
 *
 * Never rejects: a source that cannot be read is a finding.
 */
export async function verify(
  source: EvidenceSource,
  trust: Trust | undefined,
  on_progress: (so_far: Counts) => void = () => {},
  around: VerifyAround = {},
): Promise<Report> {
  return (await verifyNaming(source, trust, on_progress, around)).report
}

/** What a source does not say of itself. */
export interface VerifyAround {
  /** Of who verifies, UTC. */
  readonly now_ms?: number
  /** Of the gateway's own log, where the source is that of a worker. */
  readonly holds?: HoldBook
}

/** As {@link verify}, and the logs that this one names as those of its gateway's workers. */
export async function verifyNaming(
  source: EvidenceSource,
  trust: Trust | undefined,
  on_progress: (so_far: Counts) => void,
  { now_ms = Date.now(), holds: outside }: VerifyAround = {},
): Promise<{
  readonly report: Report
  readonly worker_logs: readonly NoteVerifier[]
  readonly holds: HoldBook
}> {
  const findings = new Findings()
  const progress = (): void => on_progress({ ...findings.counts })
  try {
    // Before the log: a session that starts meanwhile is in the log and not here, never the other way.
    const stored = await storedSessions(source)
    const cosigned = await cosignedCheckpoints(source, trust, findings)
    const stamped = await checkTimestamps(source, trust, findings)
    const remembered = trust && {
      ...trust,
      checkpoints: [
        ...trust.checkpoints,
        ...cosigned.map(({ seen }) => seen),
        ...stamped.checkpoints,
      ],
    }
    const log = await checkLog(source, remembered, findings)
    checkWitnesses(log.checkpoint, cosigned, trust, findings)
    const erasures = await readErasures(log, {
      ...{ source, findings, trust, stamped, cosigned, outside, now_ms },
    })
    const documents = createDocuments(source, findings)
    const budget = { open: 0 }
    const book = new RetentionBook()
    const worker_logs = await replayLog(log, {
      source,
      documents,
      findings,
      budget,
      progress,
      trust,
      stored,
      book,
      erasures,
    })
    await checkErased(source, erasures, findings)
    erasures.holds.say(findings)
    await checkKept(source, book, findings, erasures)
    await checkDerived(source, findings)
    if (findings.counts.log_entries === 0)
      findings.fail(
        'nothing_to_verify',
        'There is no log entry here: an empty store proves nothing, not even that nothing happened.',
      )
    return {
      report: findings.report(trust !== undefined, describeLog(log.checkpoint)),
      worker_logs,
      holds: erasures.holds,
    }
  } catch (error) {
    const reason = error instanceof Error ? error.name : 'unknown'
    findings.fail(
      'source_unreadable',
      `The store cannot be read to its end (${reason}): what is in it is damaged, or it is not a store.`,
    )
    return { report: findings.report(false, undefined), worker_logs: [], holds: new HoldBook() }
  }
}

/** Without their key they say nothing; that they are there, unchanged and locked, still counts. */
async function checkErased(
  source: EvidenceSource,
  { keyed, sessions }: Erasures,
  findings: Findings,
): Promise<void> {
  for (const session of keyed.keys())
    if ((await source.readEncrypted?.(session)) === true)
      findings.notice(
        'session_key_kept',
        `The bucket still has the key of session ${session}, which log entry ${sessions.get(session)} says was erased: ` +
          'who reads the bucket can read it.',
        { session },
      )
}

/** Evidence is what was signed; this is what people see of it first. */
async function checkDerived(source: EvidenceSource, findings: Findings): Promise<void> {
  const fail = (of: string, what: string, place: { readonly session?: string }): void =>
    findings.fail(
      'derived_edited',
      `${of}${what} is not as the evidence gives it: what lists and searches show was changed, or is damaged.`,
      place,
    )
  try {
    for (const { session, what } of (await source.derived?.()) ?? [])
      if (session === undefined) fail('', what, {})
      else fail(`Of session ${session}, `, what, { session })
  } catch (error) {
    const reason = error instanceof Error ? error.name : 'unknown'
    fail('', `a part of the store that cannot be read (${reason})`, {})
  }
}

async function storedSessions(source: EvidenceSource): Promise<Set<string>> {
  const ids = new Set<string>()
  let cursor: string | undefined
  do {
    const before = ids.size
    const query = { limit: session_page, ...(cursor === undefined ? {} : { cursor }) }
    const page = await source.sessions(query)
    for (const { id } of page.sessions) ids.add(id)
    // A page without a new session: the source goes in circles.
    cursor = ids.size > before ? page.cursor : undefined
  } while (cursor !== undefined)
  return ids
}
