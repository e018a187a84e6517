/**
 * Sessions that are gone because their time had come. The log says so; whether it was true is looked up here: how long each
 * had to be kept, what time it was, and that no legal hold was over it.
 *
 * @module
 */
import { digestOf, openDocument } from '../evidence/document.ts'
import { readErasure, readShredding } from '../evidence/erasure.ts'
import { isOver as isOverFacts, mayBeOver, needsNames } from '../evidence/hold.ts'
import { decodeLogEntry, type StoredLogEntry } from '../evidence/log-entry.ts'
import { readStartDocument } from '../evidence/manifest.ts'
import { daysOfLog, readRetention } from '../evidence/retention.ts'
import type { Trust } from '../evidence/trust.ts'
import { HoldBook, type HoldEntry, type KnownHold } from './holds.ts'
import { day_ms, named_sessions_max, own_clock_slack_ms, witness_slack_ms } from './limits.ts'
import { type CheckedLog, entriesOf } from './log-check.ts'
import { ReleaseBook } from './releases.ts'
import type { Findings } from './report.ts'
import type { EvidenceSource } from './source.ts'
import type { Stamped } from './timestamp-check.ts'
import type { SeenCheckpoint } from './witness-check.ts'

export interface ErasureParts {
  readonly source: EvidenceSource
  readonly findings: Findings
  readonly trust: Trust | undefined
  readonly stamped: Stamped
  readonly cosigned: readonly SeenCheckpoint[]
  /** Holds of the gateway's own log, where this is a worker's. */
  readonly outside: HoldBook | undefined
  /** UTC, of who verifies. */
  readonly now_ms: number
}

/** What the signed part of a log says about what is not there any more. */
export interface Erasures {
  /** Entry by which each session was erased. */
  readonly sessions: ReadonlyMap<string, number>
  /** Those of them that had a key of their own, each with its start: what is under lock in a bucket stays, and says nothing. */
  readonly keyed: ReadonlyMap<string, StoredLogEntry>
  readonly holds: HoldBook
  /** Sessions whose time was over when the entry was made, by entry: a bucket took it no earlier. */
  readonly dues: readonly {
    readonly entry: number
    readonly due_ms: number
    readonly session: string
  }[]
  /** Sessions that a hold in force is over; filled as their start documents are read. */
  readonly held: Map<string, KnownHold>
  /** ... and when each began that any hold was ever over. */
  readonly touched: Map<string, number>
  /** Time of the last entry. */
  readonly newest_ms: number
}

interface Life {
  readonly started: StoredLogEntry
  ended_ms: number | undefined
}

/** Reads the log once, and of its documents those of holds and erasures. */
export async function readErasures(log: CheckedLog, parts: ErasureParts): Promise<Erasures> {
  const { source, findings } = parts
  const lives = new Map<string, Life>()
  const sessions = new Map<string, number>()
  const keyed = new Map<string, StoredLogEntry>()
  const holds = new HoldBook()
  const releases = new ReleaseBook()
  const dues: { entry: number; due_ms: number; session: string }[] = []
  let days_max: number | undefined
  let newest_ms = 0
  const missing = new Set(log.missing)
  let index = 0
  for await (const bytes of entriesOf(source, log.stored)) {
    while (missing.has(index)) index++
    const entry = index++
    if (entry >= log.signed) break
    if (log.edited.has(entry)) continue
    const decoded = decodeLogEntry(bytes)
    if (decoded === undefined) continue
    const { type, id, time, digest } = decoded
    newest_ms = Date.parse(time)
    if (type === 'session.started') {
      if (!lives.has(id)) lives.set(id, { started: decoded, ended_ms: undefined })
    } else if (type === 'session.ended') {
      const life = lives.get(id)
      if (life !== undefined) life.ended_ms ??= Date.parse(time)
    } else if (type === 'configuration.changed') {
      const facts = await factsOf(source, digest)
      releases.configured(facts, entry, time, findings)
      const rules = readRetention(facts?.['retention'])
      if (rules !== undefined) days_max = Math.max(days_max ?? 0, daysOfLog(rules))
    } else if (type === 'hold.set' || type === 'hold.lifted') {
      const at = { entry, time_ms: Date.parse(time) }
      holds.add(type, await factsOf(source, digest), at, findings, releases)
    } else if (type === 'retention.applied') await applied(decoded, entry)
    else if (type === 'session.shredded') await shreddedBy(decoded, entry)
  }
  return { sessions, keyed, holds, dues, held: new Map(), touched: new Map(), newest_ms }

  async function applied({ time, digest }: StoredLogEntry, entry: number): Promise<void> {
    const facts = await factsOf(source, digest)
    const erased = facts === undefined ? undefined : readErasure(facts)
    // That the document is gone is said where all documents are read, and what it named is missing then.
    if (erased === undefined) return
    const at: HoldEntry = { entry, time_ms: Date.parse(time) }
    const said: string[] = []
    for (const { session } of erased) {
      if (sessions.has(session)) continue
      sessions.set(session, entry)
      const life = lives.get(session)
      if (life?.started.keyed === true) keyed.set(session, life.started)
      const early = life === undefined ? 'the log has no start of it' : whyEarly(life, at)
      const place = { entry, session }
      if (early !== undefined)
        findings.fail(
          'expired_early',
          `Session ${session} was erased by log entry ${entry} before its time: ${early}.`,
          place,
        )
      const hold = life === undefined ? undefined : await whyHeld(session, life, at)
      if (hold !== undefined)
        findings.fail(
          'expired_under_hold',
          `Session ${session} was erased by log entry ${entry} in spite of a legal hold: ${hold}.`,
          place,
        )
      if (early === undefined && hold === undefined) said.push(session)
    }
    sayExpired(said, time, entry)
  }

  async function shreddedBy(
    { id: session, time, digest }: StoredLogEntry,
    entry: number,
  ): Promise<void> {
    const life = lives.get(session)
    if (life === undefined || sessions.has(session)) {
      const why = life === undefined ? 'which it has no start of' : 'which was erased before'
      const what = `Log entry ${entry} shreds session ${session}, ${why}.`
      findings.fail('log_contradicts', what, { entry, session })
      return
    }
    sessions.set(session, entry)
    const place = { entry, session }
    const early =
      life.started.keyed !== true
        ? 'its start does not say that it may be'
        : life.ended_ms === undefined
          ? 'it had not ended'
          : undefined
    if (early !== undefined)
      findings.fail(
        'expired_early',
        `Session ${session} was shredded by log entry ${entry}: ${early}.`,
        place,
      )
    else keyed.set(session, life.started)
    const hold = await whyHeld(session, life, { entry, time_ms: Date.parse(time) })
    if (hold !== undefined)
      findings.fail(
        'expired_under_hold',
        `Session ${session} was shredded by log entry ${entry} in spite of a legal hold: ${hold}.`,
        place,
      )
    const facts = await factsOf(source, digest)
    const said = facts && readShredding(facts)
    if (facts !== undefined && said?.session !== session)
      findings.fail(
        'document_malformed',
        `Log entry ${entry} does not say who shredded session ${session}, and why.`,
        place,
      )
    const approved =
      facts === undefined || said === undefined
        ? ''
        : releases.check(facts, { change: 'shred', of: session, by: said.by }, entry, findings)
    if (early !== undefined || hold !== undefined) return
    const who = said === undefined ? '' : ` by ${JSON.stringify(said.by.subject)}${approved}`
    const why = said === undefined ? '' : `: ${JSON.stringify(said.reason)}`
    findings.notice(
      'session_shredded',
      `Session ${session} was shredded at ${time}${who}, as log entry ${entry} says${why}. What is left of it is in the log.`,
      place,
    )
  }

  function sayExpired(said: readonly string[], time: string, entry: number): void {
    const [only] = said
    if (only === undefined) return
    const named = said.slice(0, named_sessions_max).join(', ')
    const more =
      said.length > named_sessions_max ? ` and ${said.length - named_sessions_max} more` : ''
    const whose = (parts.trust?.authorities.length ?? 0) > 0 ? '' : " by the gateway's own clock"
    findings.notice(
      'session_expired',
      `Expired at ${time}${whose}, as log entry ${entry} says: ${said.length === 1 ? 'session' : `${said.length} sessions,`} ${named}${more}. ` +
        'What is left of it is in the log.',
      said.length === 1 ? { entry, session: only } : { entry },
    )
  }

  /** Undefined when its time had come. */
  function whyEarly(
    { started, ended_ms }: Life,
    { entry, time_ms }: HoldEntry,
  ): string | undefined {
    if (ended_ms === undefined) return 'it had not ended'
    // Where the log promised nothing when the session began, the longest rule that it ever had counts.
    const days = started.days ?? days_max
    if (days === undefined) return 'no rule of the log says that it may ever be'
    const due_ms = ended_ms + days * day_ms
    const due = new Date(due_ms).toISOString()
    const until = `it had to be kept for ${days} days, until ${due}`
    if (time_ms < due_ms) return until
    dues.push({ entry, due_ms, session: started.id })
    if (time_ms > parts.now_ms + own_clock_slack_ms)
      return `${until}, and the entry is dated in the future: the gateway's clock was ahead`
    const saw = parts.cosigned.find(({ seen }) => seen.size > entry)
    if (saw !== undefined && saw.time_s * 1000 + witness_slack_ms < due_ms)
      return `${until}, and the witness ${JSON.stringify(saw.witness.name)} saw the entry before: the gateway's clock was ahead`
    if ((parts.trust?.authorities.length ?? 0) === 0) return undefined
    const shown = parts.stamped.tokens.some(
      (token) => token.entry < entry && token.time_ms + witness_slack_ms >= due_ms,
    )
    return shown
      ? undefined
      : `${until}, and no timestamp before the entry shows that it was so late`
  }

  async function whyHeld(
    session: string,
    { started }: Life,
    at: HoldEntry,
  ): Promise<string | undefined> {
    const facts = { session, time: started.time }
    const held = [...holds.inForce(at), ...(parts.outside?.inForceElsewhere(at) ?? [])]
    for (const { id, scope } of held) {
      if (!mayBeOver(scope, facts)) continue
      if (!needsNames(scope)) return `hold ${id} was over it`
      const bytes = (await source.document(started.digest))?.bytes
      const start =
        bytes !== undefined && digestOf(bytes) === started.digest
          ? readStartDocument(openDocument(bytes) ?? {})
          : undefined
      if (start === undefined)
        return `hold ${id} may have been over it, and the start document that would show otherwise is gone`
      const { subject, issuer } = start.identity
      if (isOverFacts(scope, { ...facts, subject, issuer, target: start.target }))
        return `hold ${id} was over it`
    }
    return undefined
  }
}

async function factsOf(
  source: EvidenceSource,
  digest: string,
): Promise<ReturnType<typeof openDocument>> {
  const bytes = (await source.document(digest))?.bytes
  return bytes !== undefined && digestOf(bytes) === digest ? openDocument(bytes) : undefined
}
