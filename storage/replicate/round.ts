/**
 * One round: everything that the store had at one moment goes to the bucket, and when all of it has arrived, the
 * checkpoint that signs it. So what a checkpoint in the bucket covers is in the bucket.
 *
 * @module
 */

import { openDocument } from '../evidence/document.ts'
import { erasedIn, isErasing } from '../evidence/erasure.ts'
import { decodeLogEntry } from '../evidence/log-entry.ts'
import { daysLocked, daysOfLog, type RetentionRule } from '../evidence/retention.ts'
import {
  encodeEntryBundle,
  fullTiles,
  parseTilePath,
  type Tile,
  tile_width,
  tileData,
  tilePath,
} from '../evidence/tile.ts'
import type { Snapshot } from '../store/backlog.ts'
import { encodeEntries, type LoggedEntry } from './body.ts'
import { ReplicaError } from './errors.ts'
import { type Gathered, Gathering } from './gathering.ts'
import { Keying } from './keying.ts'
import { checkpointKey, documentKey, entriesKey, recordsKey } from './keys.ts'
import {
  entries_bytes,
  entries_count_max,
  gathered_bytes_max,
  page_bytes,
  planned_bytes,
} from './limits.ts'
import type { Plan } from './receipts.ts'
import { documentsBody, sessionObjects } from './session-documents.ts'
import { encodeSessionKey, encryptObject } from './session-key.ts'
import { type Body, bodyOf, type UploadParts, Uploads } from './uploads.ts'

export interface RoundParts extends UploadParts {
  readonly retention: readonly RetentionRule[]
}

/** Rejects with `ReplicaError` or `StoreError`; what arrived until then stays, and the next round goes on behind it. */
export async function runRound(parts: RoundParts, snapshot: Snapshot): Promise<void> {
  const uploads = new Uploads(parts)
  try {
    await sendAll({ ...parts, uploads, keying: new Keying(parts.receipts) }, snapshot)
  } finally {
    // Those that are on their way arrive, and their receipts count, whatever the failure was.
    await uploads.settle().catch(() => {})
  }
}

interface Sending extends RoundParts {
  readonly uploads: Uploads
  readonly keying: Keying
}

async function sendAll(parts: Sending, snapshot: Snapshot): Promise<void> {
  const { receipts, backlog, uploads, now_ms } = parts
  const at_ms = now_ms()
  await uploads.resend((plan) => plannedBody(parts, plan))
  // Both end before this does: a round must not go on beside the next one.
  const both = [sendRecords(parts, snapshot), sendLog(parts, snapshot.log_size)]
  for (const outcome of await Promise.allSettled(both))
    if (outcome.status === 'rejected') throw outcome.reason
  await uploads.settle()
  receipts.advance({ chunk_no: snapshot.chunk_no, log_size: snapshot.log_size })
  const { checkpoint, watermark_lsn } = snapshot
  if (checkpoint !== undefined && checkpoint.size > receipts.place.checkpoint_size) {
    const { size } = checkpoint
    const bytes = backlog.checkpoint(size) ?? checkpoint.bytes
    const plan = { ...logPlan(parts, 'checkpoint', size), key: checkpointKey(size) }
    await uploads.add([bodyOf(plan, bytes)])
    await uploads.settle()
    receipts.advance({ checkpoint_size: size })
  }
  receipts.advance({ watermark_lsn, at_ms })
}

async function sendRecords(parts: Sending, snapshot: Snapshot): Promise<void> {
  const { backlog, receipts, retention, uploads, keying } = parts
  const gathering = new Gathering()
  interface Place {
    readonly session: string
    readonly is_keyed: boolean
    readonly retain_days: number
    /** Records before this were planned in a round before. */
    readonly sent_to: number
  }
  const places = new Map<number, Place>()
  let full: Body[] = []
  let full_bytes = 0

  const placeOf = (no: number): Place => {
    const known = places.get(no)
    if (known !== undefined) return known
    const found = backlog.session(no)
    if (found === undefined)
      throw new ReplicaError('store_contradicts', 'records of a session that is not there')
    const { id, is_keyed } = found
    const retain_days = daysLocked(retention, found)
    const place = { session: id, is_keyed, retain_days, sent_to: receipts.sentTo(id) }
    places.set(no, place)
    return place
  }
  const makeBodies = (gathered: readonly Gathered[]): void => {
    for (const { session_no, first, next, parts: records } of gathered) {
      const { session, is_keyed, retain_days } = placeOf(session_no)
      const key = recordsKey(session, first)
      const place = { key, kind: 'records', subject: session, first, next, retain_days } as const
      const bodies = keying.bodies(place, records, is_keyed)
      full.push(...bodies)
      for (const { plan } of bodies) full_bytes += plan.bytes
    }
  }
  const sendFull = async (): Promise<void> => {
    const bodies = full
    full = []
    full_bytes = 0
    await uploads.add(bodies)
  }

  let at = receipts.place.chunk_no
  while (at < snapshot.chunk_no) {
    const page = backlog.chunks(at, snapshot.chunk_no, page_bytes)
    const last = page.at(-1)
    if (last === undefined) break
    for (const chunk of page) {
      const { session_no, first_seq, count } = chunk
      if (first_seq + count > placeOf(session_no).sent_to) makeBodies(gathering.add(chunk))
    }
    at = last.no
    if (gathering.bytes > gathered_bytes_max) makeBodies(gathering.close())
    if (full_bytes >= planned_bytes || uploads.isIdle) await sendFull()
  }
  makeBodies(gathering.close())
  await sendFull()
}

/** The entries of the log up to `log_size`, with the documents that they name, and the tiles that they fill. */
async function sendLog(parts: Sending, log_size: number): Promise<void> {
  const { backlog, receipts, uploads } = parts
  // Entries are planned together with their tiles and behind their documents, so that these are planned too.
  for (let from = Math.max(receipts.place.log_size, receipts.entriesTo()); from < log_size; ) {
    const logged = entriesFrom(parts, from, log_size)
    const to = from + logged.length
    for (const [at, one] of logged.entries()) noteErased(parts, one, from + at)
    await uploads.add(documentBodies(parts, logged))
    const plan = { ...logPlan(parts, 'entries', from, to), key: entriesKey(from) }
    const bodies = [bodyOf(plan, encodeEntries(logged))]
    for (const tile of fullTiles(from, to)) {
      const key = tilePath(tile)
      bodies.push(bodyOf({ ...logPlan(parts, 'tile', 0), key }, await tileBody(backlog, tile)))
    }
    await uploads.add(bodies)
    from = to
  }
}

/** From `from` on, as many as one object takes, and at least one. */
function entriesFrom(parts: RoundParts, from: number, log_size: number): readonly LoggedEntry[] {
  const { backlog } = parts
  const entries = backlog.logEntries(from, Math.min(log_size, from + entries_count_max))
  const logged: LoggedEntry[] = []
  let bytes = 0
  for (const entry of entries) {
    const decoded = decodeLogEntry(entry)
    const is_inside = decoded !== undefined && isImpersonal(decoded.type)
    const document = is_inside ? (backlog.document(decoded.digest) ?? none) : none
    if (logged.length > 0 && bytes + entry.length + document.length > entries_bytes) break
    bytes += entry.length + document.length
    logged.push({ entry, document })
  }
  if (logged.length === 0)
    throw new ReplicaError('store_contradicts', `entry ${from} of the log is not in the store`)
  return logged
}

const none = new Uint8Array()

/**
 * Documents that speak of nobody, and lie locked beside their entries. The others lie by themselves, unlocked, so that
 * a person can be erased: a type that is not known may speak of somebody.
 */
const isImpersonal = (type: string): boolean =>
  [
    'configuration.changed',
    'session.running',
    'heartbeat',
    'evidence.replicated',
    'retention.applied',
  ].includes(type)

/** What is erased is sent no more, and its key goes: marked before the entry is planned, so that a crash loses no mark. */
function noteErased({ backlog, receipts }: RoundParts, one: LoggedEntry, index: number): void {
  const decoded = decodeLogEntry(one.entry)
  if (decoded === undefined || !isErasing(decoded.type)) return
  const document = one.document.length > 0 ? one.document : backlog.document(decoded.digest)
  const erased = erasedIn(decoded, document && openDocument(document))
  receipts.shred(
    erased.map(({ session, keeps_start }) => ({ session, keeps_start: keeps_start === true })),
    index,
  )
}

/** The objects of what entries name and {@link isImpersonal} does not cover. */
function documentBodies(parts: Sending, logged: readonly LoggedEntry[]): readonly Body[] {
  const entries = logged.flatMap(({ entry }) => decodeLogEntry(entry) ?? [])
  const others = entries.filter(({ type }) => !isImpersonal(type) && !isOfSession(type))
  const bodies = others.flatMap(({ digest }) => {
    const document = parts.backlog.document(digest)
    const plan = { kind: 'document', subject: digest, first: 0, next: 0 } as const
    // An erased document is not missed here; verification says that it is gone.
    return document === undefined ? [] : [bodyOf({ key: documentKey(digest), ...plan }, document)]
  })
  return [...sessionObjects(parts, entries), ...bodies]
}

const isOfSession = (type: string): boolean =>
  type === 'session.started' || type === 'session.ended'

const logPlan = (
  { retention }: RoundParts,
  kind: 'entries' | 'tile' | 'checkpoint',
  first: number,
  next: number = first,
): Omit<Plan, 'sha256' | 'bytes' | 'key'> => ({
  ...{ kind, subject: '', first, next },
  retain_days: daysOfLog(retention),
})

/** Bytes of a tile, full or partial. */
export async function tileBody(
  backlog: RoundParts['backlog'],
  { level, index, width }: Tile,
): Promise<Uint8Array> {
  const first = index * tile_width
  if (level === 'entries') return encodeEntryBundle(backlog.logEntries(first, first + width))
  return tileData({ level, index, width }, (places) =>
    places.map((place) => {
      const hash = backlog.logHash(place)
      if (hash !== undefined) return hash
      throw new ReplicaError('store_contradicts', `hash ${place} of the log is not in the store`)
    }),
  )
}

/** The body of an object that was planned before, made again. */
async function plannedBody(parts: RoundParts, plan: Plan): Promise<Uint8Array | undefined> {
  const { kind, key: name, subject: session, secret } = plan
  if (kind === 'key') return secret && encodeSessionKey(secret)
  const body = await plainBody(parts, plan, kind)
  if (body === undefined || secret === undefined) return body
  const key = parts.receipts.keys.key(session)
  return key && encryptObject([body], { key, session, name, nonce: secret })
}

async function plainBody(
  parts: RoundParts,
  { key, subject, first, next }: Plan,
  kind: Exclude<Plan['kind'], 'key'>,
): Promise<Uint8Array | undefined> {
  const { backlog } = parts
  switch (kind) {
    case 'records':
      return backlog.records(subject, first, next)
    case 'entries':
      return encodeEntries(entriesFrom(parts, first, next))
    case 'checkpoint':
      return backlog.checkpoint(first)
    case 'document':
      return backlog.document(subject)
    case 'tile': {
      const tile = parseTilePath(key)
      return tile === undefined ? undefined : tileBody(backlog, tile)
    }
    case 'documents':
      return documentsBody(backlog, subject, [first, next])
    // Of a version before these were in one object.
    case 'start':
    case 'envelope':
    case 'manifest':
    case 'leaves':
      return sessionPart(parts, subject, kind)
  }
}

function sessionPart(
  { backlog }: RoundParts,
  session: string,
  part: 'start' | 'envelope' | 'manifest' | 'leaves',
): Uint8Array | undefined {
  const { start_digest, envelope_digest, manifest_digest } = backlog.digests(session)
  if (part === 'start') return backlog.document(start_digest)
  if (part === 'envelope') return backlog.document(envelope_digest)
  const manifest = backlog.document(manifest_digest ?? '')
  return part === 'manifest' || manifest === undefined ? manifest : backlog.leaves(manifest)
}
