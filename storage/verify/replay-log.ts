/**
 * What the log says, entry by entry: each document is the one that was logged, each session starts, grows
 * and ends as logged, the gateway was alive in between, times go forward.
 *
 * @module
 */
import { isSessionId, type JsonObject, toText } from '../evidence/bytes.ts'
import { digestOf, openDocument } from '../evidence/document.ts'
import { type Hold, isOver } from '../evidence/hold.ts'
import { decodeLogEntry, type StoredLogEntry } from '../evidence/log-entry.ts'
import {
  readManifest,
  readRunningDocument,
  readStartDocument,
  repeatsStart,
  type StartDocument,
} from '../evidence/manifest.ts'
import { type NoteVerifier, noteVerifier } from '../evidence/note.ts'
import type { RetentionRule } from '../evidence/retention.ts'
import type { Trust } from '../evidence/trust.ts'
import { checkRecipients } from './envelope-check.ts'
import type { Erasures } from './erased.ts'
import type { RetentionBook } from './kept.ts'
import { heartbeat_gap_ms_max, unsigned_ms_max, worker_logs_max } from './limits.ts'
import { endMisfits, type Listing, startMisfits } from './listing.ts'
import { type CheckedLog, entriesOf } from './log-check.ts'
import type { Place } from './report.ts'
import { SessionCheck, type SessionCheckParts } from './session-check.ts'

export interface ReplayParts extends SessionCheckParts {
  readonly trust: Trust | undefined
  /** Ids of the sessions in the store; those that the log knows are taken out. */
  readonly stored: Set<string>
  readonly book: RetentionBook
  /** Sessions that the log says were erased: nothing of them is looked for. */
  readonly erasures: Pick<Erasures, 'sessions' | 'holds' | 'held' | 'touched'>
}

interface OpenSession {
  readonly start: StartDocument
  readonly check: SessionCheck
}

/** Resolves with the verifier keys of the logs that the signed part of this one says belong to it. */
export async function replayLog(
  log: CheckedLog,
  parts: ReplayParts,
): Promise<readonly NoteVerifier[]> {
  const { source, findings, documents, budget } = parts
  const worker_logs = new Map<string, NoteVerifier>()
  const open = new Map<string, OpenSession>()
  const known = new Set<string>()
  /** Sessions of which an entry was changed: what follows from that is not said again. */
  const tainted = new Set<string>()
  const unreadable = new Set<string>()
  /** Sessions whose key is lost: nothing of them can be read. */
  const lost = new Set<string>()
  const missing = new Set(log.missing)
  let last_time = ''
  /** Of the first entry that no checkpoint signs. */
  let unsigned_ms: number | undefined
  let alive_ms: number | undefined
  let index = 0

  for await (const bytes of entriesOf(source, log.stored)) {
    while (missing.has(index)) {
      index++
      alive_ms = undefined
    }
    const entry = index++
    findings.counts.log_entries++
    if (log.edited.has(entry)) {
      await sayEdited(bytes, entry)
      alive_ms = undefined
      continue
    }
    const decoded = decodeLogEntry(bytes)
    if (decoded === undefined) {
      const what = `Entry ${entry} of the log is signed without being an entry.`
      findings.fail('log_entry_malformed', what, { entry })
      continue
    }
    if (entry >= log.signed) unsigned_ms ??= Date.parse(decoded.time)
    checkTime(decoded, entry)
    await read(decoded, entry)
  }
  checkAlive(Date.parse(last_time), 'end of the log')
  for (const [id, { check }] of open) await guarded(id, () => check.finishOpen(tainted.has(id)))
  for (const id of parts.stored)
    if (!known.has(id) && !tainted.has(id))
      findings.fail(
        'session_missing_from_log',
        `Session ${id} is in the store, and the log has no start of it: it was taken out of the log, or put into the store.`,
        { session: id },
      )
  if (log.stored > log.signed) sayUnsigned()
  return [...worker_logs.values()]

  /** A checkpoint is signed within a second: one that is long due was taken away, so that what follows could be changed. */
  function sayUnsigned(): void {
    const late_ms = Date.parse(last_time) - (unsigned_ms ?? Number.POSITIVE_INFINITY)
    const count = log.stored - log.signed
    const place = { entry: log.signed }
    if (late_ms > unsigned_ms_max)
      findings.fail(
        'checkpoint_missing',
        `The last ${count} entries of the log are of ${seconds(late_ms)}, and no checkpoint signs them: the newer checkpoints ` +
          'were taken away, or the gateway stopped signing. Nothing proves what is in them.',
        place,
      )
    else
      findings.notice(
        'entries_unsigned',
        `The last ${count} entries of the log are newer than its checkpoint: nothing proves them yet.`,
        place,
      )
  }

  function checkTime({ type, time }: StoredLogEntry, entry: number): void {
    if (time < last_time)
      findings.fail(
        'time_went_back',
        `Entry ${entry} of the log is dated ${time}, before the one that it follows (${last_time}).`,
        { entry },
      )
    last_time = time > last_time ? time : last_time
    const now_ms = Date.parse(time)
    if (type === 'configuration.changed') {
      // Written at every start.
      const down_ms = now_ms - (alive_ms ?? now_ms)
      if (down_ms > heartbeat_gap_ms_max)
        findings.notice(
          'gateway_was_down',
          `The gateway did not run for ${seconds(down_ms)} before entry ${entry} of the log (${time}).`,
          { entry },
        )
      alive_ms = now_ms
    } else if (type === 'heartbeat') {
      checkAlive(now_ms, `heartbeat of entry ${entry} (${time})`, { entry })
      alive_ms = now_ms
    }
  }

  function checkAlive(now_ms: number, until: string, place: Place = {}): void {
    const quiet_ms = now_ms - (alive_ms ?? now_ms)
    if (quiet_ms > heartbeat_gap_ms_max)
      findings.fail(
        'heartbeat_gap',
        `There is no heartbeat in the ${seconds(quiet_ms)} before the ${until}, and the gateway was not restarted: ` +
          'it was suspended, or held entries back.',
        place,
      )
  }

  async function read(decoded: StoredLogEntry, entry: number): Promise<void> {
    const { type, id, digest } = decoded
    const is_of_session = /^session\.(?:started|ended|shredded)$/.test(type)
    const session = is_of_session ? id : undefined
    const place: Place = session === undefined ? { entry } : { entry, session }
    if (session !== undefined && type === 'session.started') {
      if (known.has(session))
        findings.fail('log_contradicts', `The log starts session ${session} twice.`, place)
      known.add(session)
      parts.stored.delete(session)
    }
    if (session !== undefined && type !== 'session.shredded') {
      if (parts.erasures.sessions.has(session) || lost.has(session)) return
      if (decoded.keyed === true && (await isLost(session, place))) return
    }
    const of = session === undefined ? '' : ` of session ${session}`
    const what = `The document of log entry ${entry} (${type}${of})`
    const facts = await documents.facts(digest, what, place)
    if (facts === undefined) {
      if (session !== undefined) tainted.add(session)
      return
    }
    if (facts['type'] !== type) {
      findings.fail('document_malformed', `${what} is of another type than its entry.`, place)
      return
    }
    if (type === 'session.started') await started(decoded, facts, place, what)
    else if (type === 'session.running') await running(facts, place, what)
    else if (type === 'session.ended') await ended(id, digest, facts, place, what)
    else if (type === 'configuration.changed' && entry < log.signed) {
      nameLogs(facts['logs'], entry)
      sayShortened(parts.book.changed(decoded.time, facts['retention']), decoded.time, entry)
    }
  }

  function sayShortened(rules: readonly RetentionRule[], time: string, entry: number): void {
    if (rules.length === 0) return
    const which = rules.map(({ labels, days }) => `${days} days for ${JSON.stringify(labels)}`)
    findings.notice(
      'retention_shortened',
      `From ${time} on, as log entry ${entry} says, less is kept than ${which.join(', ')}, which held before.`,
      { entry },
    )
  }

  async function isLost(session: string, place: Place): Promise<boolean> {
    const how = await source.lostKey?.(session)
    if (how === undefined) return false
    lost.add(session)
    tainted.add(session)
    if (how === 'missing')
      findings.fail(
        'session_key_missing',
        `The key of session ${session} is not in the bucket, and the log does not say that it was shredded: nobody can read it.`,
        place,
      )
    else
      findings.fail(
        'session_key_wrong',
        `The key of session ${session} in the bucket is not the one that its objects were encrypted under: it was replaced.`,
        place,
      )
    return true
  }

  function nameLogs(logs: unknown, entry: number): void {
    if (!Array.isArray(logs)) return
    for (const text of logs) {
      const verifier = typeof text === 'string' ? noteVerifier(text) : undefined
      if (verifier === undefined || worker_logs.has(verifier.verifier_key)) continue
      const { name, verifier_key } = verifier
      const others = [...worker_logs.values(), ...(parts.trust?.logs ?? [])]
      // A log has one key for good: a second one is for another history under its name.
      if (others.some((other) => other.name === name && other.verifier_key !== verifier_key))
        findings.fail(
          'log_forked',
          `Log entry ${entry} names another key for the log ${JSON.stringify(name)} than is known of it: what that key signs is ` +
            'another history under the same name, and does not count.',
          { entry },
        )
      else if (worker_logs.size < worker_logs_max) worker_logs.set(verifier_key, verifier)
    }
  }

  async function started(
    { id, digest, days }: StoredLogEntry,
    facts: JsonObject,
    place: Place,
    what: string,
  ): Promise<void> {
    const start = readStartDocument(facts)
    if (start?.session !== id || open.has(id)) {
      findings.fail('document_malformed', `${what} does not say how that session started.`, place)
      return
    }
    findings.counts.sessions++
    const check = new SessionCheck(id, { document: digest, envelope: start.envelope }, parts)
    open.set(id, { start, check })
    parts.book.started(id, start.labels, days)
    noteHolds(start)
    budget.open = open.size
    parts.progress()
    await checkEnvelope(start, place)
    await checkListing(id, (listed) => startMisfits(listed, start, digest))
  }

  function noteHolds({ session, time, target, identity }: StartDocument): void {
    const { subject, issuer } = identity
    const { holds, held, touched } = parts.erasures
    const isOverIt = ({ scope }: Hold): boolean =>
      isOver(scope, { session, time, target, subject, issuer })
    if (holds.all.some(isOverIt)) touched.set(session, Date.parse(time))
    const hold = holds.standing.find(isOverIt)
    if (hold !== undefined) held.set(session, hold)
  }

  async function checkListing(
    id: string,
    misfits: (listed: Listing) => readonly string[],
  ): Promise<void> {
    await guarded(id, async () => {
      const listed = await source.session?.(id)
      const wrong = listed === undefined ? [] : misfits(listed)
      if (wrong.length > 0)
        findings.fail(
          'session_listed_wrong',
          `Session ${id} is listed with another ${wrong.join(', ')} than its signed documents have: the list was changed.`,
          { session: id },
        )
    })
  }

  async function checkEnvelope(start: StartDocument, place: Place): Promise<void> {
    const sealed = await documents.envelope(start.envelope, place)
    checkRecipients(start, sealed, parts.trust, findings, place)
  }

  async function running(facts: JsonObject, place: Place, what: string): Promise<void> {
    const document = readRunningDocument(facts)
    if (document === undefined) {
      findings.fail('document_malformed', `${what} does not list running sessions.`, place)
      return
    }
    for (const { session, records, root } of document.sessions) {
      const check = open.get(session)?.check
      if (check !== undefined) await guarded(session, () => check.advance(records, root))
      else if (!tainted.has(session) && !parts.erasures.sessions.has(session))
        findings.fail(
          'log_contradicts',
          `Log entry ${place.entry} has session ${session} running, but it is not: the log has no start of it, or has its end.`,
          { ...place, session },
        )
    }
  }

  async function ended(
    id: string,
    digest: string,
    facts: JsonObject,
    place: Place,
    what: string,
  ): Promise<void> {
    const manifest = readManifest(facts)
    const session = open.get(id)
    if (manifest?.session !== id) {
      findings.fail('document_malformed', `${what} is not a manifest of that session.`, place)
      return
    }
    if (session === undefined) {
      if (!tainted.has(id))
        findings.fail(
          'log_contradicts',
          `Log entry ${place.entry} ends session ${id}, which is not open: the log has no start of it, or ends it twice.`,
          place,
        )
      return
    }
    if (!repeatsStart(session.start, manifest))
      findings.fail(
        'log_contradicts',
        `The end of session ${id} tells of another identity, target or policy than its start.`,
        place,
      )
    await checkListing(id, (listed) => endMisfits(listed, manifest, digest))
    await guarded(id, () => session.check.finish(manifest))
    open.delete(id)
    budget.open = open.size
  }

  /** A source that fails in the middle of one session says nothing about the others. */
  async function guarded(session: string, run: () => Promise<void>): Promise<void> {
    if (unreadable.has(session)) return
    try {
      await run()
    } catch (error) {
      unreadable.add(session)
      const reason = error instanceof Error ? error.name : 'unknown'
      findings.fail(
        'source_unreadable',
        `Session ${session} cannot be read from the store (${reason}): what is stored of it is damaged.`,
        { session },
      )
    }
  }

  /** Whose entry it was: its document knows best, since an id in the entry may be what was changed. */
  async function sayEdited(bytes: Uint8Array, entry: number): Promise<void> {
    const text = toText(bytes) ?? new TextDecoder('latin1').decode(bytes)
    const digest = /[0-9a-f]{64}/.exec(text)?.[0]
    const document = digest === undefined ? undefined : (await source.document(digest))?.bytes
    const facts =
      document !== undefined && digestOf(document) === digest ? openDocument(document) : undefined
    const inside = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(text)?.[0]
    const session = facts === undefined ? inside : facts['session']
    const of = isSessionId(session) ? `, of session ${session},` : ''
    if (isSessionId(session)) tainted.add(session)
    findings.fail(
      'log_entry_edited',
      `Entry ${entry} of the log${of} is not the one that was signed: it was changed or moved.`,
      isSessionId(session) ? { entry, session } : { entry },
    )
  }
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
