/**
 * Finds a document's entry in a log, and makes the proof that the log has it.
 *
 * @module
 */
import { hash_bytes } from '../evidence/bytes.ts'
import { parseCheckpoint } from '../evidence/checkpoint.ts'
import { decodeLogEntry, type StoredLogEntry } from '../evidence/log-entry.ts'
import type { LoggedDocument } from '../evidence/logged.ts'
import { leafHash } from '../evidence/merkle.ts'
import { parseNote } from '../evidence/note.ts'
import { inclusionProof, verifyInclusion } from '../evidence/proof.ts'
import type { EvidenceSource } from '../verify/source.ts'
import { log_page_entries } from './limits.ts'

/** A log, and the documents behind its entries. */
export type LogSource = Pick<
  EvidenceSource,
  'log' | 'logEntries' | 'logHashes' | 'document' | 'cosigned'
>

export type Proven =
  | { readonly ok: true; readonly logged: LoggedDocument }
  /** One line for a person, without what it is of. */
  | {
      readonly ok: false
      readonly reason: string
      /** It is logged: a gateway that runs signs it within a second. */
      readonly is_early?: true
    }

/** Which entry, and from when on to look: UTC, ISO 8601. Entries are in the order of time. */
export interface Sought {
  readonly type: string
  readonly id: string
  readonly digest: string
  readonly not_before: string
}

/** Proves the document of that entry to the newest checkpoint. Rejects when the store cannot be read. */
export async function proveDocument(source: LogSource, sought: Sought): Promise<Proven> {
  const head = await headOf(source)
  if (head === undefined) return { ok: false, reason: 'the log has no checkpoint yet' }
  const isSought = ({ type, id, digest }: StoredLogEntry): boolean =>
    type === sought.type && id === sought.id && digest === sought.digest
  const from = await firstNotBefore(source, head.stored, sought.not_before)
  for (let at = from; at < head.stored; at += log_page_entries) {
    const page = await source.logEntries(at, Math.min(at + log_page_entries, head.stored))
    const found = page.findIndex((bytes) => {
      const entry = decodeLogEntry(bytes)
      return entry !== undefined && isSought(entry)
    })
    const entry = page[found]
    if (entry !== undefined) return prove(source, head, at + found, entry, sought.digest)
    if (page.length === 0) break
  }
  return { ok: false, reason: 'the log has no entry of it: sluice verify says more' }
}

/** Proves the document of the entry at that place, as {@link proveDocument} does one that it has to look for. */
export async function proveEntry(
  source: LogSource,
  index: number,
  digest: string,
): Promise<Proven> {
  const head = await headOf(source)
  const [entry] = await source.logEntries(index, index + 1)
  if (head === undefined || entry === undefined)
    return { ok: false, reason: 'the log does not reach there yet', is_early: true }
  return prove(source, head, index, entry, digest)
}

/** Proves the newest configuration of a log, up to a moment, that names another log. */
export async function proveNaming(
  source: LogSource,
  named: string,
  not_after: string,
): Promise<Proven> {
  const head = await headOf(source)
  if (head === undefined) return { ok: false, reason: 'the log has no checkpoint yet' }
  const last = await firstNotBefore(source, head.size, not_after)
  // A configuration of the same moment comes before what it is the configuration of.
  for (let to = Math.min(last + log_page_entries, head.size); to > 0; to -= log_page_entries) {
    const from = Math.max(0, to - log_page_entries)
    const page = await source.logEntries(from, to)
    for (let at = page.length - 1; at >= 0; at--) {
      const bytes = page[at] ?? new Uint8Array()
      const entry = decodeLogEntry(bytes)
      if (entry?.type !== 'configuration.changed' || entry.time > not_after) continue
      const document = (await source.document(entry.digest))?.bytes
      if (document === undefined || !names(document, named)) continue
      return prove(source, head, from + at, bytes, entry.digest)
    }
  }
  return { ok: false, reason: "the gateway's own log does not name it" }
}

/** A verifier key begins with the log's name. */
const names = (document: Uint8Array, named: string): boolean =>
  Buffer.from(document).includes(JSON.stringify(`${named}+`).slice(0, -1))

interface Head {
  readonly note: Uint8Array
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
  readonly stored: number
}

async function headOf(source: LogSource): Promise<Head | undefined> {
  const { size: stored, checkpoint: note } = await source.log()
  const head = note === undefined ? undefined : readHead(note)
  return head === undefined ? undefined : { ...head, stored }
}

function readHead(note: Uint8Array): Omit<Head, 'stored'> | undefined {
  const text = parseNote(note)?.text
  const checkpoint = text === undefined ? undefined : parseCheckpoint(text)
  return checkpoint === undefined ? undefined : { note, ...checkpoint }
}

async function prove(
  source: LogSource,
  head: Head,
  index: number,
  entry: Uint8Array,
  digest: string,
): Promise<Proven> {
  if (index >= head.size) return { ok: false, reason: 'no checkpoint signs it yet', is_early: true }
  const document = (await source.document(digest))?.bytes
  if (document === undefined) return { ok: false, reason: 'its document is not in the store' }
  // One that a witness saw says more than the newest; what is beside the log is believed only if it fits.
  for (const { note, size, root } of [...(await cosignedHeads(source, head, index)), head]) {
    const path = await inclusionProof(size, index, async (places) => {
      const hashes = await source.logHashes(places)
      return places.map((_, at) => hashes[at] ?? new Uint8Array(hash_bytes))
    })
    if (verifyInclusion(leafHash(entry), index, size, root, path))
      return { ok: true, logged: { document, entry, index, path, checkpoint: note } }
  }
  return { ok: false, reason: 'the log is damaged: sluice verify says more' }
}

/** Checkpoints of this log that witnesses cosigned and that cover the entry, the largest first. */
async function cosignedHeads(
  source: LogSource,
  { origin, size }: Head,
  index: number,
): Promise<readonly Omit<Head, 'stored'>[]> {
  const notes = ((await source.cosigned?.()) ?? []).flatMap((note) => readHead(note) ?? [])
  return notes
    .filter((seen) => seen.origin === origin && seen.size > index && seen.size <= size)
    .toSorted((a, b) => b.size - a.size)
}

/** The first of `size` entries that is dated then or later; `size` when none is. */
async function firstNotBefore(source: LogSource, size: number, time: string): Promise<number> {
  let lo = 0
  let hi = size
  while (lo < hi) {
    const middle = Math.floor((lo + hi) / 2)
    const [bytes] = await source.logEntries(middle, middle + 1)
    const entry = bytes === undefined ? undefined : decodeLogEntry(bytes)
    // From a damaged entry on, all are looked at.
    if (entry === undefined || entry.time >= time) hi = middle
    else lo = middle + 1
  }
  return lo
}
