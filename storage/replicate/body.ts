/**
 * The bodies of objects, byte by byte. Pure. Normative: storage/replicate/FORMAT.md.
 *
 * Records: each u32be length, then the stored bytes; the same as the store's rows. Entries: for each entry of the log
 * its length as u32be and its bytes, then the same of its document, of length 0 where that lies in an object of its own.
 * Documents of a session: as records.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { concat } from '../evidence/bytes.ts'
import {
  document_bytes_max,
  leaf_list_bytes,
  log_entry_bytes_max,
  record_bytes_max,
} from '../evidence/limits.ts'
import { entries_count_max, record_bytes_min, session_documents_max } from './limits.ts'

export interface LoggedEntry {
  readonly entry: Uint8Array
  /** Empty when the document is elsewhere. */
  readonly document: Uint8Array
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Undefined when a length does not fit. Records are borrowed from `body`. */
export function decodeRecords(body: Uint8Array): readonly Uint8Array[] | undefined {
  return decodeParts(body, record_bytes_max, body.length / record_bytes_min)
}

/** Documents of a session: each as a record is. */
export function encodeDocuments(documents: readonly Uint8Array[]): Uint8Array {
  return concat(documents.flatMap((bytes) => [lengthOf(bytes), bytes]))
}

/** Undefined when a length does not fit. Borrowed from `body`. */
export function decodeDocuments(body: Uint8Array): readonly Uint8Array[] | undefined {
  return decodeParts(body, document_bytes_max, session_documents_max)
}

export function encodeEntries(entries: readonly LoggedEntry[]): Uint8Array {
  return concat(
    entries.flatMap(({ entry, document }) => [
      lengthOf(entry),
      entry,
      lengthOf(document),
      document,
    ]),
  )
}

/** Undefined when a length does not fit. Borrowed from `body`. */
export function decodeEntries(body: Uint8Array): readonly LoggedEntry[] | undefined {
  const parts = decodeParts(body, document_bytes_max, 2 * entries_count_max)
  if (parts === undefined || parts.length % 2 !== 0) return undefined
  const entries: LoggedEntry[] = []
  for (let at = 0; at < parts.length; at += 2) {
    const [entry, document] = [parts[at], parts[at + 1]]
    if (entry === undefined || document === undefined || entry.length > log_entry_bytes_max)
      return undefined
    entries.push({ entry, document })
  }
  return entries
}

/** The leaf lists of a session, which lie one after the other. Borrowed from `body`. */
export function splitLeaves(body: Uint8Array): readonly Uint8Array[] {
  const lists: Uint8Array[] = []
  const width = leaf_list_bytes
  for (let at = 0; at < body.length; at += width) lists.push(body.subarray(at, at + width))
  return lists
}

function lengthOf(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, bytes.length)
  return length
}

/** Nothing but lengths would be a hundred times as large in memory, if all of them were believed. */
function decodeParts(
  body: Uint8Array,
  bytes_max: number,
  count_max: number,
): readonly Uint8Array[] | undefined {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const parts: Uint8Array[] = []
  for (let at = 0; at < body.length; ) {
    if (at + 4 > body.length || parts.length >= count_max) return undefined
    const end = at + 4 + view.getUint32(at)
    if (end > body.length || end - at - 4 > bytes_max) return undefined
    parts.push(body.subarray(at + 4, end))
    at = end
  }
  return parts
}
