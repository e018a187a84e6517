/**
 * What a `retention.applied` says: which sessions were erased because their time had come. Normative: FORMAT.md,
 * section 3.7.
 *
 * @module
 */
import { isObject, isSessionId, type JsonObject } from './bytes.ts'
import { erased_sessions_max } from './limits.ts'

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
  const isErased = (each: unknown): boolean =>
    isObject(each) &&
    isSessionId(each['session']) &&
    (each['keeps_start'] === undefined || typeof each['keeps_start'] === 'boolean')
  return sessions.every(isErased) ? (sessions as readonly ErasedSession[]) : undefined // Each was checked.
}
