/**
 * Legal holds: what must be kept although its time has come, who said so and why. Normative: FORMAT.md, section 3.7.
 *
 * @module
 */
import { isObject, isSessionId, type JsonObject } from './bytes.ts'
import { isTime } from './log-entry.ts'

/** All of what is given must fit; a hold over everything gives nothing but a window. */
export interface HoldScope {
  readonly session?: string
  readonly subject?: string
  /** Whoever vouches for the subject, unless told. */
  readonly issuer?: string
  readonly target?: string
  /** Sessions that started at or after this time, and before that one. */
  readonly since?: string
  readonly until?: string
}

export interface HoldActor {
  readonly subject: string
  readonly issuer: string
}

export interface Hold {
  readonly id: string
  readonly scope: HoldScope
  readonly reason: string
  readonly by: HoldActor
}

/** What a scope is compared with. */
export interface HeldFacts {
  readonly session: string
  readonly subject: string
  readonly issuer: string
  readonly target: string
  /** When it started, ISO 8601. */
  readonly time: string
}

/** Whether the hold is over the session. */
export function isOver(scope: HoldScope, facts: HeldFacts): boolean {
  return (
    mayBeOver(scope, facts) &&
    (scope.subject === undefined || scope.subject === facts.subject) &&
    (scope.issuer === undefined || scope.issuer === facts.issuer) &&
    (scope.target === undefined || scope.target === facts.target)
  )
}

/** The same as far as the log alone can tell, which knows no names. */
export function mayBeOver(
  { session, since, until }: HoldScope,
  facts: Pick<HeldFacts, 'session' | 'time'>,
): boolean {
  return (
    (session === undefined || session === facts.session) &&
    (since === undefined || facts.time >= since) &&
    (until === undefined || facts.time < until)
  )
}

/** Whether who and where decide: then only a start document shows that the hold is not over a session. */
export function needsNames({ subject, issuer, target }: HoldScope): boolean {
  return subject !== undefined || issuer !== undefined || target !== undefined
}

/** The facts of a `hold.set`; undefined when it is none. */
export function readHold(facts: JsonObject): Hold | undefined {
  const { hold, scope, reason, by } = facts as Record<string, unknown>
  if (typeof hold !== 'string' || typeof reason !== 'string') return undefined
  const read = readScope(scope)
  const actor = readActor(by)
  if (read === undefined || actor === undefined) return undefined
  return { id: hold, scope: read, reason, by: actor }
}

/** The facts of a `hold.lifted`. */
export function readLift(
  facts: JsonObject,
): { readonly hold: string; readonly reason: string; readonly by: HoldActor } | undefined {
  const { hold, reason, by } = facts as Record<string, unknown>
  const actor = readActor(by)
  if (typeof hold !== 'string' || typeof reason !== 'string' || actor === undefined)
    return undefined
  return { hold, reason, by: actor }
}

function readScope(value: unknown): HoldScope | undefined {
  if (!isObject(value)) return undefined
  const { session, subject, issuer, target, since, until } = value as Record<string, unknown>
  const is_whole =
    (session === undefined || isSessionId(session)) &&
    [subject, issuer, target].every((name) => name === undefined || typeof name === 'string') &&
    [since, until].every((time) => time === undefined || isTime(time))
  return is_whole ? value : undefined
}

/** Who did something; undefined when it is nobody. */
export function readActor(value: unknown): HoldActor | undefined {
  if (!isObject(value)) return undefined
  const { subject, issuer } = value as Record<string, unknown>
  return typeof subject === 'string' && typeof issuer === 'string' ? { subject, issuer } : undefined
}
