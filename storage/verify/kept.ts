/**
 * How a bucket keeps the objects that were read: in sight, locked, and for as long as the log says that policy was.
 *
 * @module
 */
import { daysFor, daysOfLog, type RetentionRule, readRetention } from '../evidence/retention.ts'
import type { Erasures } from './erased.ts'
import {
  hold_placed_ms,
  own_clock_slack_ms,
  retention_slack_ms,
  retention_window_ms,
} from './limits.ts'
import type { Findings } from './report.ts'
import type { EvidenceSource, KeptObject } from './source.ts'

/** What the log says about retention, as it is read. */
export class RetentionBook {
  readonly #rules: { readonly from_ms: number; readonly rules: readonly RetentionRule[] }[] = []
  readonly #labels = new Map<string, Readonly<Record<string, string>>>()
  readonly #promised = new Map<string, number>()
  /** Many sessions have the same. */
  readonly #same = new Map<string, Readonly<Record<string, string>>>()

  /** A `configuration.changed`: whatever its retention is, it holds from here on. Returns rules of before that had more days. */
  changed(time: string, retention: unknown): readonly RetentionRule[] {
    const rules = readRetention(retention)
    if (rules === undefined) return []
    const before = this.#rules.at(-1)?.rules ?? []
    this.#rules.push({ from_ms: Date.parse(time), rules })
    return before.filter(({ labels, days }) => (daysFor(rules, labels) ?? Infinity) < days)
  }

  /** @param days that its start promised */
  started(session: string, labels: Readonly<Record<string, string>>, days?: number): void {
    if (days !== undefined) this.#promised.set(session, days)
    const text = JSON.stringify(labels)
    const known = this.#same.get(text) ?? labels
    this.#same.set(text, known)
    this.#labels.set(session, known)
  }

  /**
   * Days that an object which the store took then must be kept for. The gateway's clock and the store's may differ, so
   * of the rules around that moment the shortest counts. Undefined when the log names none.
   */
  days(modified_ms: number, session: string | undefined): number | undefined {
    const before = this.#rules.findLast(
      ({ from_ms }) => from_ms <= modified_ms - retention_window_ms,
    )
    const around = this.#rules.filter(
      ({ from_ms }) => Math.abs(from_ms - modified_ms) <= retention_window_ms,
    )
    const days = [...(before === undefined ? [] : [before]), ...around].map(({ rules }) =>
      session === undefined ? daysOfLog(rules) : daysOf(rules, this.#labels.get(session)),
    )
    if (days.length === 0) return undefined
    return Math.max(Math.min(...days), this.#promised.get(session ?? '') ?? 0)
  }
}

/** Of one whose start cannot be read, those of the shortest rule. */
const daysOf = (
  rules: readonly RetentionRule[],
  labels: Readonly<Record<string, string>> | undefined,
): number =>
  labels === undefined
    ? Math.min(...rules.map(({ days }) => days))
    : (daysFor(rules, labels) ?? daysOfLog(rules))

/** Call when everything was read. */
export async function checkKept(
  source: EvidenceSource,
  book: RetentionBook,
  findings: Findings,
  erasures?: Erasures,
): Promise<void> {
  const objects = [...((await source.objects?.()) ?? [])]
  if (erasures !== undefined) sayTaken(objects, erasures, findings)
  for (const object of objects) {
    const is_there = !['missing', 'absent', 'added'].includes(object.state)
    // The owner of the bucket removes what is erased, once its lock lets them.
    const is_erased = erasures?.sessions.has(object.session ?? '') === true
    const is_encrypted = is_erased && erasures.keyed.has(object.session ?? '')
    if (is_erased && !(is_encrypted && object.is_permanent && is_there)) continue
    if (erasures !== undefined && is_there) sayHeld(object, erasures, findings)
    const place = object.session === undefined ? {} : { session: object.session }
    sayState(object, place, findings)
    if (object.is_permanent && is_there) sayLock(asTaken(object, erasures), place, book, findings)
  }
  const newer = source.newerSessions?.() ?? 0
  if (newer > 0)
    findings.notice(
      'sessions_not_logged',
      `${newer} sessions came to the bucket after its newest checkpoint: nothing proves them yet.`,
    )
}

/**
 * Some stores date an object anew when a legal hold is put on it: one that a hold was ever over was taken no earlier than its
 * session began.
 */
function asTaken(object: KeptObject, erasures: Erasures | undefined): KeptObject {
  const { session = '' } = object
  // Which holds were over one that cannot be read is not known.
  const erased = erasures?.keyed.get(session)
  const began_ms = erased ? Date.parse(erased.time) : erasures?.touched.get(session)
  return { ...object, modified_ms: Math.min(object.modified_ms, began_ms ?? Infinity) }
}

/** The store dates what it takes by its own clock: an erasure that it took before its time was dated ahead. */
function sayTaken(objects: readonly KeptObject[], { dues }: Erasures, findings: Findings): void {
  if (dues.length === 0) return
  const taken = objects
    .flatMap(({ key, modified_ms }) => {
      const first = /^entries\/(\d{16})$/.exec(key)?.[1]
      return first === undefined ? [] : { first: Number(first), modified_ms }
    })
    .toSorted((a, b) => a.first - b.first)
  for (const { entry, due_ms, session } of dues) {
    const holder = taken.findLast(({ first }) => first <= entry)
    if (holder !== undefined && holder.modified_ms + own_clock_slack_ms < due_ms)
      findings.fail(
        'expired_early',
        `Session ${session} was erased by log entry ${entry} before its time: the bucket had that entry at ` +
          `${new Date(holder.modified_ms).toISOString()}, and it had to be kept until ${new Date(due_ms).toISOString()}.`,
        { entry, session },
      )
  }
}

/** A hold in the log is kept by the store too, soon after. */
function sayHeld(
  { key, session = '', is_held }: KeptObject,
  { held, newest_ms }: Erasures,
  findings: Findings,
): void {
  const hold = held.get(session)
  if (hold === undefined || is_held === true) return
  if (hold.set.time_ms + hold_placed_ms > newest_ms) return
  findings.fail(
    'hold_missing',
    `${key}: legal hold ${hold.id} is over its session, and the bucket does not hold it.`,
    { session },
  )
}

function sayState({ key, state }: KeptObject, place: object, findings: Findings): void {
  switch (state) {
    case 'shown':
      return
    case 'shadowed':
      findings.fail(
        'object_shadowed',
        `${key}: a newer version with another content hides the one that is evidence.`,
        place,
      )
      return
    case 'deleted':
      findings.fail(
        'object_deleted',
        `${key}: a delete marker hides it; the version that is evidence is still there.`,
        place,
      )
      return
    case 'missing':
      findings.fail(
        'object_missing',
        `${key}: the version that the gateway had a receipt for is not in the bucket.`,
        place,
      )
      return
    case 'absent':
      findings.fail(
        'object_missing',
        `${key}: it is not in the bucket, and the log has all of it.`,
        place,
      )
      return
    case 'added':
      findings.fail(
        'object_added',
        `${key}: it is no part of the evidence, though its name says so. Somebody put it there.`,
        place,
      )
      return
    case 'edited':
      findings.fail(
        'object_edited',
        `${key}: the version that the gateway had a receipt for is not what it sent.`,
        place,
      )
  }
}

function sayLock(object: KeptObject, place: object, book: RetentionBook, findings: Findings): void {
  const { key, mode, retain_until_ms, modified_ms, session } = object
  if (mode !== 'COMPLIANCE' || retain_until_ms === undefined) {
    const how = mode === undefined ? 'nothing' : `only ${JSON.stringify(mode)}`
    findings.fail(
      'object_not_locked',
      `${key}: ${how} keeps it from being deleted, where COMPLIANCE must.`,
      place,
    )
    return
  }
  const days = book.days(modified_ms, session)
  if (days === undefined) return
  const wanted_ms = modified_ms + days * 86_400_000 - retention_slack_ms
  if (retain_until_ms >= wanted_ms) return
  const until = new Date(retain_until_ms).toISOString()
  findings.fail(
    'retention_short',
    `${key}: it is locked until ${until}, and the policy in the log wants ${days} days from ${new Date(modified_ms).toISOString()}.`,
    place,
  )
}
