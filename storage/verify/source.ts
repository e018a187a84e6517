/**
 * Where evidence is read from: a store on disk, a bucket, a bundle. Nothing that comes from it is
 * believed. The shape is that of the store's own reader.
 *
 * @module
 */
import type { Listing } from './listing.ts'

/** Every method may be called again with the same arguments; what it gives is borrowed until then. */
export interface EvidenceSource {
  /** Ids of the sessions that have records, a page at a time. */
  sessions(query: { readonly cursor?: string; readonly limit?: number }): Promise<{
    readonly sessions: readonly { readonly id: string }[]
    /** Absent on the last page. */
    readonly cursor?: string | undefined
  }>
  /**
   * Stored records in the order in which they are kept, from the one with sequence `from_seq` on, about
   * `limit_bytes` of them. `next` is where to go on; absent at the end.
   */
  records(
    session: string,
    from_seq?: number,
    limit_bytes?: number,
  ): Promise<{ readonly records: readonly Uint8Array[]; readonly next?: number | undefined }>
  /** What is shown of a session before its records are read; only where the source keeps such a list. */
  session?(id: string): Promise<Listing | undefined>
  /** A document, an envelope or a leaf list by its digest (hex). */
  document(digest: string): Promise<{ readonly bytes: Uint8Array } | undefined>
  /** How many entries are stored, and the newest signed checkpoint. */
  log(): Promise<{ readonly size: number; readonly checkpoint: Uint8Array | undefined }>
  /** Entries `[from, to)`; fewer when some are missing. */
  logEntries(from: number, to: number): Promise<readonly Uint8Array[]>
  /** A stored hash of the log's tree, by Go's StoredHashIndex. Only asked to tell which entry was changed. */
  logHash(index: number): Promise<Uint8Array | undefined>
}
