/**
 * How a bucket keeps the objects that were read: in sight, locked, and for as long as the log says that policy was.
 *
 * @module
 */
import { daysFor, daysOfLog, type RetentionRule, readRetention } from '../evidence/retention.ts'
import { retention_slack_ms, retention_window_ms } from './limits.ts'
import type { Findings } from './report.ts'
import type { EvidenceSource, KeptObject } from './source.ts'

/** What the log says about retention, as it is read. */
export class RetentionBook {
  readonly #rules: { readonly from_ms: number; readonly rules: readonly RetentionRule[] }[] = []
  readonly #labels = new Map<string, Readonly<Record<string, string>>>()
  /** Many sessions have the same. */
  readonly #same = new Map<string, Readonly<Record<string, string>>>()

  /** A `configuration.changed`: whatever its retention is, it holds from here on. */
  changed(time: string, retention: unknown): void {
    const rules = readRetention(retention)
    if (rules !== undefined) this.#rules.push({ from_ms: Date.parse(time), rules })
  }

  started(session: string, labels: Readonly<Record<string, string>>): void {
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
      session === undefined
        ? daysOfLog(rules)
        : (daysFor(rules, this.#labels.get(session) ?? {}) ?? daysOfLog(rules)),
    )
    return days.length === 0 ? undefined : Math.min(...days)
  }
}

/** Call when everything was read. */
export function checkKept(source: EvidenceSource, book: RetentionBook, findings: Findings): void {
  for (const object of source.objects?.() ?? []) {
    const place = object.session === undefined ? {} : { session: object.session }
    sayState(object, place, findings)
    if (object.is_permanent && object.state !== 'missing') sayLock(object, place, book, findings)
  }
  const newer = source.newerSessions?.() ?? 0
  if (newer > 0)
    findings.notice(
      'sessions_not_logged',
      `${newer} sessions came to the bucket after its newest checkpoint: nothing proves them yet.`,
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
