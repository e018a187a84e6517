/**
 * What a starting gateway must know of the one before it: where the journal and the log go on, which
 * sessions were never ended, and how the evidence of those goes on.
 *
 * @module
 */
import { LeafList, type LeafListState } from '../evidence/leaf-list.ts'
import { leafHash, MerkleTree, storedHashIndex } from '../evidence/merkle.ts'
import { decodeRecord } from '../evidence/record.ts'
import { StoreError } from './errors.ts'
import { documentFacts } from './facts.ts'
import type { Queries } from './queries.ts'
import type { SessionTableRow } from './schema.ts'

export interface RecoveredState {
  /** Number of the last journal entry in the store. */
  readonly watermark_lsn: number
  /** The gateway's log: its entries, and the Merkle tree's roots to go on from, largest first. */
  readonly log: { readonly size: number; readonly frontier: readonly Uint8Array[] }
  /** Started, and without a manifest. In the order of starting. */
  readonly open_sessions: readonly OpenSession[]
  /** Open sessions whose records cannot be read to their end: nobody can end them, and verification names the place. */
  readonly unreadable: readonly { readonly id: string; readonly reason: string }[]
  /** Sessions were erased: the journal may have them still. */
  readonly has_erased: boolean
}

export interface OpenSession {
  readonly id: string
  /** Members of the start document, without `v` and `type`. */
  readonly facts: Readonly<Record<string, unknown>>
  /** Records, and the Merkle tree over them. */
  readonly records: number
  readonly frontier: readonly Uint8Array[]
  /** Its leaf lists so far; absent when the store lacks a full one. */
  readonly leaves?: LeafListState
  /** Held commands that nobody decided about. */
  readonly waiting: readonly { readonly channel: number; readonly request: string }[]
  /** Set when its `end` record is there and only the manifest is missing. */
  readonly end?: { readonly reason: string; readonly ended_us: number }
}

/**
 * Call when the whole journal is projected. Hashes every record of every open session: about a second
 * for each GiB of them.
 */
export function recover(queries: Queries): RecoveredState {
  const size = queries.logSize()
  const open_sessions: OpenSession[] = []
  const unreadable: { id: string; reason: string }[] = []
  for (const row of queries.openSessions()) {
    try {
      open_sessions.push(openSession(queries, row))
    } catch (error) {
      // One damaged session must not keep the gateway from recording others.
      if (!(error instanceof StoreError) || error.code !== 'store_damaged') throw error
      unreadable.push({ id: row.id, reason: error.message })
    }
  }
  return {
    watermark_lsn: queries.watermark(),
    log: { size, frontier: logFrontier(queries, size) },
    open_sessions,
    unreadable,
    has_erased: queries.hasErased(),
  }
}

function openSession(queries: Queries, row: SessionTableRow): OpenSession {
  const tree = new MerkleTree()
  const leaves = new LeafList()
  const waiting = new Map<string, number>()
  // A manifest must not name a list that nobody has. The recorder stored each full one before the record
  // that filled it, so one is missing only where somebody changed the store.
  let has_lists = true
  let next: number | undefined = 0
  while (next !== undefined) {
    const page: ReturnType<Queries['records']> = queries.records(row.id, next)
    for (const stored of page.records) {
      follow(waiting, stored)
      const leaf = leafHash(stored)
      tree.append(leaf)
      const full = leaves.append(leaf)
      if (full !== undefined && queries.document(full.digest) === undefined) has_lists = false
    }
    next = page.next
  }
  const document = queries.document(row.start_digest)
  const {
    v: _,
    type: __,
    ...facts
  } = document === undefined ? {} : (documentFacts(document.bytes) ?? {})
  return {
    id: row.id,
    facts,
    records: tree.size,
    frontier: tree.frontier(),
    waiting: [...waiting].map(([request, channel]) => ({ request, channel })),
    ...(has_lists ? { leaves: leaves.state() } : {}),
    ...(row.end_reason === null
      ? {}
      : { end: { reason: row.end_reason, ended_us: row.ended_us ?? 0 } }),
  }
}

function follow(waiting: Map<string, number>, stored: Uint8Array): void {
  const decoded = decodeRecord(stored)
  if (!decoded.ok) return
  const { header } = decoded
  if (header.kind === 'hold') waiting.set(header.request, header.channel)
  else if (header.kind === 'approval') waiting.delete(header.request)
}

/** Roots of the perfect subtrees that the size consists of. */
function logFrontier(queries: Queries, size: number): Uint8Array[] {
  const frontier: Uint8Array[] = []
  let done = 0
  for (let level = 52; level >= 0; level--) {
    const leaves = 2 ** level
    if (Math.floor(size / leaves) % 2 === 0) continue
    const hash = queries.logHash(storedHashIndex(level, done / leaves))
    if (hash === undefined)
      throw new StoreError('store_damaged', `the log's hashes end before entry ${done + leaves}`)
    frontier.push(hash)
    done += leaves
  }
  return frontier
}
