/**
 * One entry of a gateway's log: what happened, when, to what, and the digest of the document that says
 * more. It holds no personal data, so that it can stay for ever. Normative: FORMAT.md, section 4.
 *
 * @module
 */
import { assert } from './assert.ts'
import { isCount, isDigest, parseObject } from './bytes.ts'
import { log_entry_bytes_max } from './limits.ts'

export type LogEntryType =
  | 'configuration.changed'
  | 'session.started'
  | 'session.running'
  | 'session.ended'
  | 'session.shredded'
  | 'evidence.read'
  | 'evidence.replicated'
  | 'identity.refused'
  | 'certificate.issued'
  | 'token.issued'
  | 'approval.decided'
  | 'approval.refused'
  | 'approval.opened'
  | 'passkey.registered'
  | 'passkey.removed'
  | 'grant.requested'
  | 'grant.decided'
  | 'grant.refused'
  | 'grant.revoked'
  | 'grant.reviewed'
  | 'access.revoked'
  | 'access.restored'
  | 'heartbeat'
  | 'retention.applied'
  | 'hold.set'
  | 'hold.lifted'
  | 'release.requested'
  | 'release.decided'
  | 'release.refused'
  | 'timestamp.taken'

export interface LogEntry {
  readonly v: 1
  readonly type: LogEntryType
  /** UTC, ISO 8601 with milliseconds. */
  readonly time: string
  /** A session's id, or the gateway's name. */
  readonly id: string
  /** Of the entry's document, hex. */
  readonly digest: string
  /** Of a `session.started`, where there is a rule: for how many days after its end the session is kept at least. */
  readonly days?: number
  /** Of a `session.started`: its objects in a bucket are encrypted under a key of its own, which may be erased. */
  readonly keyed?: boolean
}

/** As it is in the log. `type` may be one that this version does not know. */
export type StoredLogEntry = Omit<LogEntry, 'type'> & { readonly type: string }

const id_length_max = 255
const iso_time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** The leaf's bytes; owned by the caller. */
export function encodeLogEntry({ v, type, time, id, digest, days, keyed }: LogEntry): Uint8Array {
  const text = JSON.stringify({ v, type, time, id, digest, days, keyed })
  const bytes = new TextEncoder().encode(text)
  assert(decodeLogEntry(bytes) !== undefined, 'a log entry has what FORMAT.md asks of it')
  return bytes
}

/** Undefined when the bytes are not an entry of version 1. */
export function decodeLogEntry(bytes: Uint8Array): StoredLogEntry | undefined {
  if (bytes.length > log_entry_bytes_max) return undefined
  const facts = { ...parseObject(bytes) } as Record<string, unknown>
  const { v, type, time, id, digest, days, keyed } = facts
  if (v !== 1 || typeof type !== 'string' || !/^[a-z][a-z_.]{0,63}$/.test(type)) return undefined
  if (!isTime(time) || !isDigest(digest)) return undefined
  if (typeof id !== 'string' || id.length === 0 || id.length > id_length_max) return undefined
  return {
    ...{ v, type, time, id, digest },
    ...(isCount(days) ? { days } : {}),
    ...(keyed === true ? { keyed } : {}),
  }
}

/** ISO 8601 in UTC with milliseconds, of a moment that exists. */
export function isTime(value: unknown): value is string {
  return typeof value === 'string' && iso_time.test(value) && !Number.isNaN(Date.parse(value))
}
