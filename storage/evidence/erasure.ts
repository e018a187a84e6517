/**
 * What a `retention.applied` says: which sessions were erased because their time had come; and a `session.shredded`: which one
 * was erased before, and why. Normative: FORMAT.md, section 3.7.
 *
 * @module
 */
import { isObject, isSessionId, type JsonObject } from './bytes.ts'
import { type HoldActor, readActor } from './hold.ts'
import { erased_sessions_max } from './limits.ts'
import type { StoredLogEntry } from './log-entry.ts'

export interface ErasedSession {
  readonly session: string
  /** Its start document stays: a hold over people or targets might have been over it, and it shows that none was. */
  readonly keeps_start?: boolean
}

/** Undefined when it is not a list of sessions. */
export function readErasure(facts: JsonObject): readonly ErasedSession[] | undefined {
  if (facts['v'] !== 1 || facts['type'] !== 'retention.applied') return undefined
  const { sessions } = facts as Record<string, unknown>
  if (!Array.isArray(sessions) || sessions.length > erased_sessions_max) return undefined
  return sessions.every(isErased) ? sessions : undefined
}

/** Whether entries of that type erase sessions. */
export function isErasing(type: string): boolean {
  return type === 'retention.applied' || type === 'session.shredded'
}

/** Sessions that an entry of the log erases, of a document that may be gone. */
export function erasedIn(
  { type, id }: Pick<StoredLogEntry, 'type' | 'id'>,
  facts: JsonObject | undefined,
): readonly ErasedSession[] {
  if (type === 'retention.applied') return readErasure(facts ?? {}) ?? []
  if (type !== 'session.shredded' || !isSessionId(id)) return []
  const shredding = readShredding(facts ?? {})
  // The entry says which; without its document nobody knows that a hold does not need the start.
  return [{ session: id, keeps_start: shredding === undefined || shredding.keeps_start === true }]
}

export interface Shredding extends ErasedSession {
  readonly reason: string
  readonly by: HoldActor
}

/** Undefined when it does not say which session, who and why. */
export function readShredding(facts: JsonObject): Shredding | undefined {
  if (facts['v'] !== 1 || facts['type'] !== 'session.shredded' || !isErased(facts)) return undefined
  const { session, keeps_start, reason, by } = facts
  const actor = readActor(by)
  if (typeof reason !== 'string' || actor === undefined) return undefined
  return { session, ...(keeps_start === undefined ? {} : { keeps_start }), reason, by: actor }
}

function isErased(value: unknown): value is ErasedSession {
  return (
    isObject(value) &&
    isSessionId(value['session']) &&
    (value['keeps_start'] === undefined || typeof value['keeps_start'] === 'boolean')
  )
}
