/**
 * Where evidence is read from: a store on disk, a bucket, a bundle. Nothing that comes from it is
 * believed. The shape is that of the store's own reader.
 *
 * @module
 */
import type { Listing } from './listing.ts'

/** How a store keeps one object. */
export interface KeptObject {
  /** Without the prefix of the log. */
  readonly key: string
  readonly session?: string
  /**
   * Whether the version that is evidence is there and has the bytes that the gateway's receipt in the log says, and
   * what hides it from whoever asks for the key alone. `absent`: the log has it, and the bucket does not. `added`: it is no
   * part of the evidence, though its name says so.
   */
  readonly state: 'shown' | 'shadowed' | 'deleted' | 'missing' | 'edited' | 'absent' | 'added'
  /** Whether it must be locked; the rest is what may be erased. */
  readonly is_permanent: boolean
  readonly mode?: string
  /** Under a legal hold. */
  readonly is_held?: boolean
  /** UTC, milliseconds. */
  readonly retain_until_ms?: number
  /** When the store took it, by its own clock; 0 when it has nothing. */
  readonly modified_ms: number
}

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
  /** Signed checkpoints before the newest, by the size that each is kept under, ascending; only where the source keeps such. */
  checkpoints?(): AsyncIterable<{ readonly size: number; readonly note: Uint8Array }>
  /** Signed notes that witnesses cosigned; only where the source keeps such. */
  cosigned?(): Promise<readonly Uint8Array[]>
  /** Entries `[from, to)`; fewer when some are missing. */
  logEntries(from: number, to: number): Promise<readonly Uint8Array[]>
  /** How the objects of the log are kept; only where the source is a bucket, and asked for last. */
  objects?(): Iterable<KeptObject> | Promise<Iterable<KeptObject>>
  /**
   * Of a session whose objects are encrypted under a key of its own: what is wrong with that key. Only where the source is a
   * bucket.
   */
  lostKey?(session: string): Promise<'missing' | 'wrong' | undefined>
  /**
   * Reads the locked objects of such a session as they lie there, for {@link objects}. Resolves with whether a key of it is
   * there.
   */
  readEncrypted?(session: string): Promise<boolean>
  /** What the source shows and searches by, where that is not as the evidence gives it; only where it keeps such. */
  derived?(): Promise<readonly { readonly session?: string; readonly what: string }[]>
  /** Sessions that came to the bucket after its newest checkpoint, which cannot speak of them yet. */
  newerSessions?(): number
  /** Stored hashes of the log's tree, by Go's StoredHashIndex. Only asked for proofs, and to tell which entry was changed. */
  logHashes(indexes: readonly number[]): Promise<readonly (Uint8Array | undefined)[]>
}
