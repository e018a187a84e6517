/**
 * Lets sessions go whose time has come: every six hours, and when somebody asks. Each erasure is a fact of the log first; the
 * store erases as it reads that fact, so that a crash in between changes nothing.
 *
 * @module
 */
import type { ErasedSession } from '../../storage/evidence/erasure.ts'
import {
  type HeldFacts,
  type Hold,
  isOver,
  mayBeOver,
  needsNames,
} from '../../storage/evidence/hold.ts'
import { erased_sessions_max } from '../../storage/evidence/limits.ts'
import { daysFor, daysOfLog, type RetentionRule } from '../../storage/evidence/retention.ts'
import type { DueSession, Reader, SessionRow } from '../../storage/store/reader.ts'
import type { Log } from '../log.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { retention_first_ms, retention_ms, retention_page } from './limits.ts'

export interface RetentionOptions {
  /** Undefined: everything is kept for ever. */
  readonly rules: readonly RetentionRule[] | undefined
  readonly reader: Pick<Reader, 'due'>
  readonly recorder: Pick<RecorderClient, 'note'>
  /** Undefined while they are not known: nothing is erased then. */
  readonly holds: () => readonly Hold[] | undefined
  /**
   * What time it is beyond doubt, UTC in microseconds: where an authority stamps the log, its newest token says so, and
   * without one nothing is erased. Elsewhere the gateway's own clock.
   */
  readonly sure_us: () => number
  readonly log: Log
}

export interface Retention {
  /** Resolves with the number of sessions that were let go. Rejects when the log cannot be written. */
  apply(): Promise<number>
  stop(): void
}

export function startRetention(options: RetentionOptions): Retention {
  const { log, rules } = options
  let is_stopped = false
  let running: Promise<number> = Promise.resolve(0)
  const apply = (): Promise<number> => {
    const pass = async (): Promise<number> => (is_stopped ? 0 : applyRetention(options))
    running = running.then(pass, pass)
    return running
  }
  const pass = async (): Promise<void> => {
    await apply().catch((error: unknown) =>
      log('error', 'retention_failed', { reason: error instanceof Error ? error.name : 'unknown' }),
    )
    if (!is_stopped) timer = setTimeout(() => void pass(), retention_ms)
  }
  let timer = rules && setTimeout(() => void pass(), retention_first_ms)
  return {
    apply,
    stop() {
      is_stopped = true
      clearTimeout(timer)
    },
  }
}

async function applyRetention(options: RetentionOptions): Promise<number> {
  const { recorder, holds, log } = options
  let count = 0
  for await (const page of duePages(options)) {
    const held = holds()
    if (held === undefined) return count
    // Between here and the note nobody can set a hold: who does later is behind it in the log.
    const sessions: readonly ErasedSession[] = page
      .filter((each) => fateOf(each, options.rules ?? [], held).kind === 'due')
      .map((each) => erasureOf(each, held))
    for (let at = 0; at < sessions.length; at += erased_sessions_max)
      await recorder.note('retention.applied', {
        sessions: sessions.slice(at, at + erased_sessions_max),
      })
    count += sessions.length
    if (sessions.length > 0) log('info', 'retention_applied', { sessions: sessions.length })
  }
  return count
}

/** What becomes of a session whose time has come by the log's promise. */
export type Fate =
  | { readonly kind: 'due' }
  /** A legal hold is over it. */
  | { readonly kind: 'held'; readonly hold: string }
  /** The rules of today keep it longer. */
  | { readonly kind: 'kept'; readonly until_us: number }

interface Planned {
  readonly session: DueSession
  readonly fate: Fate
}

/** The first so many of those whose time has come, the oldest end first. */
export async function planRetention(
  options: Pick<RetentionOptions, 'rules' | 'reader' | 'holds' | 'sure_us'>,
  count_max: number,
): Promise<readonly Planned[]> {
  const planned: Planned[] = []
  for await (const page of duePages(options))
    for (const session of page) {
      if (planned.length >= count_max) return planned
      const fate = fateOf(session, options.rules ?? [], options.holds() ?? [])
      planned.push({ session, fate })
    }
  return planned
}

async function* duePages({
  rules,
  reader,
  sure_us,
}: Pick<RetentionOptions, 'rules' | 'reader' | 'sure_us'>): AsyncGenerator<
  readonly DueSession[],
  void
> {
  if (rules === undefined) return
  const query = { now_us: sure_us(), days_otherwise: daysOfLog(rules), limit: retention_page }
  let last: DueSession | undefined
  for (;;) {
    const after = last && { after_us: last.closed_us, after_no: last.no }
    const page: readonly DueSession[] = await reader.due({ ...query, ...after })
    yield page
    last = page.at(-1)
    if (last === undefined || page.length < retention_page) return
  }
}

function fateOf(
  session: DueSession,
  rules: readonly RetentionRule[],
  holds: readonly Hold[],
): Fate {
  const facts = startFactsOf(session)
  const hold = holds.find(({ scope }) => isOver(scope, facts))
  if (hold !== undefined) return { kind: 'held', hold: hold.id }
  const days = daysFor(rules, session.labels) ?? daysOfLog(rules)
  return days > session.days
    ? { kind: 'kept', until_us: session.closed_us + days * day_us }
    : { kind: 'due' }
}

const day_us = 86_400_000_000

function erasureOf(session: DueSession, holds: readonly Hold[]): ErasedSession {
  const keeps_start = keepsStart(startFactsOf(session), holds)
  return { session: session.id, ...(keeps_start ? { keeps_start } : {}) }
}

/** Whether its start document must show that a hold over people or targets is not over it. */
export function keepsStart(facts: HeldFacts, holds: readonly Hold[]): boolean {
  return holds.some(({ scope }) => needsNames(scope) && mayBeOver(scope, facts))
}

/** What holds are compared with. */
export function startFactsOf({ id, subject, issuer, target, started_us }: SessionRow): HeldFacts {
  const time = new Date(Math.floor(started_us / 1000)).toISOString()
  return { session: id, subject, issuer, target, time }
}
