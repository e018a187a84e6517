/**
 * The documents of a session, as objects: what its start names, and what its end names, in one where both are sent together.
 * Most sessions are short, and a store asks as much for a small object as for half a megabyte.
 *
 * @module
 */
import { openDocument } from '../evidence/document.ts'
import { leaf_list_bytes } from '../evidence/limits.ts'
import type { StoredLogEntry } from '../evidence/log-entry.ts'
import { readStartDocument } from '../evidence/manifest.ts'
import { daysLocked, type RetentionRule } from '../evidence/retention.ts'
import type { Backlog } from '../store/backlog.ts'
import { encodeDocuments } from './body.ts'
import type { Keying } from './keying.ts'
import { documentsKey, sessionKey } from './keys.ts'
import type { Plan, Receipts } from './receipts.ts'
import type { Body } from './uploads.ts'

interface Parts {
  readonly backlog: Backlog
  readonly receipts: Pick<Receipts, 'documentsTo'>
  readonly keying: Keying
  readonly retention: readonly RetentionRule[]
}

/** The parts of a session's documents that an object has, the end excluded: 0 is what the start names, 1 what the end does. */
type Range = readonly [first: 0 | 1, next: 1 | 2]

/** The objects of these entries of the log, in their order, that are starts and ends of sessions. */
export function sessionObjects(parts: Parts, entries: readonly StoredLogEntry[]): readonly Body[] {
  const ends = new Map(
    entries
      .filter(({ type }) => type === 'session.ended')
      .toReversed()
      .map(({ id, digest }) => [id, digest]),
  )
  const is_whole = new Set<string>()
  const bodies: Body[] = []
  for (const { type, id, digest } of entries) {
    // An erased document is not missed here; verification says that it is gone.
    const document = parts.backlog.document(digest)
    if (document === undefined) continue
    const planned = parts.receipts.documentsTo(id)
    if (type === 'session.started') {
      if (planned > 0) continue
      const manifest = parts.backlog.document(ends.get(id) ?? '')
      if (manifest !== undefined) is_whole.add(id)
      bodies.push(...documentsObject(parts, id, { start: document, manifest }))
    } else if (type === 'session.ended') {
      if (planned < 2 && !is_whole.has(id))
        bodies.push(...documentsObject(parts, id, { manifest: document }))
      bodies.push(...leavesObject(parts, id, document))
    }
  }
  return bodies
}

/** The body of an object that was planned before; undefined when not all of it is there. */
export function documentsBody(
  backlog: Backlog,
  session: string,
  [first, next]: readonly [number, number],
): Uint8Array | undefined {
  const { start_digest, manifest_digest } = backlog.digests(session)
  const start = backlog.document(start_digest)
  const manifest = backlog.document(manifest_digest ?? '')
  const is_gone = (first === 0 && start === undefined) || (next === 2 && manifest === undefined)
  if (is_gone) return undefined
  return encodeNamed(backlog, {
    start: first === 0 ? start : undefined,
    manifest: next === 2 ? manifest : undefined,
  })
}

interface Named {
  readonly start?: Uint8Array | undefined
  readonly manifest?: Uint8Array | undefined
}

function documentsObject(
  { backlog, keying }: Parts,
  session: string,
  { start, manifest }: Named,
): readonly Body[] {
  const [first, next]: Range = [start === undefined ? 1 : 0, manifest === undefined ? 1 : 2]
  const key = documentsKey(session, first)
  return keying.bodies(
    { key, kind: 'documents', subject: session, first, next },
    [encodeNamed(backlog, { start, manifest })],
    backlog.isKeyed(session),
  )
}

const encodeNamed = (backlog: Backlog, { start, manifest }: Named): Uint8Array =>
  encodeDocuments([...namedByStart(backlog, start), ...namedByEnd(backlog, manifest)])

/** Leaf lists that are too many to lie beside their manifest. */
function leavesObject(
  { backlog, keying, retention }: Parts,
  session: string,
  manifest: Uint8Array,
): readonly Body[] {
  const lists = backlog.leaves(manifest)
  if (lists === undefined || lists.length <= leaf_list_bytes) return []
  const retain_days = daysLocked(retention, backlog.keeping(session))
  const plan: Omit<Plan, 'sha256' | 'bytes'> = {
    ...{ key: sessionKey(session, 'leaves'), kind: 'leaves', subject: session },
    ...{ first: 0, next: 0, retain_days },
  }
  return keying.bodies(plan, [lists], backlog.isKeyed(session))
}

function namedByStart(backlog: Backlog, start: Uint8Array | undefined): readonly Uint8Array[] {
  if (start === undefined) return []
  const facts = readStartDocument(openDocument(start) ?? {})
  const envelope = facts === undefined ? undefined : backlog.document(facts.envelope)
  return envelope === undefined ? [start] : [start, envelope]
}

function namedByEnd(backlog: Backlog, manifest: Uint8Array | undefined): readonly Uint8Array[] {
  if (manifest === undefined) return []
  const list = backlog.leaves(manifest)
  return list === undefined || list.length > leaf_list_bytes ? [manifest] : [manifest, list]
}
