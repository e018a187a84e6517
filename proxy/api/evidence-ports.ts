/**
 * What the API needs of a store of evidence; `main.ts` wires it.
 *
 * @module
 */
/** The part of the store's reader that is served. A cursor that is not its own rejects with a `RangeError`. */
export interface EvidenceReader {
  sessions(query: SessionQuery): Promise<{
    readonly sessions: readonly SessionFacts[]
    readonly cursor?: string
  }>
  session(id: string): Promise<SessionFacts | undefined>
  /** Set for a session that was erased: the digest of the document of the log that ordered it. */
  erasedBy(id: string): Promise<string | undefined>
  document(digest: string): Promise<{ readonly type: string } | undefined>
  /** Stored bytes in order; `next` is the sequence to go on with. */
  records(
    id: string,
    from_seq?: number,
    limit_bytes?: number,
  ): Promise<{ readonly records: readonly Uint8Array[]; readonly next?: number }>
}

export interface NamedLog {
  /** `NAME/LOGID` */
  readonly origin: string
  readonly reader: LogReader
}

export interface LogReader {
  log(): Promise<{ readonly size: number; readonly checkpoint: Uint8Array | undefined }>
  /** Entries `from` to `to`, `to` excluded. */
  logEntries(from: number, to: number): Promise<readonly Uint8Array[]>
  /** Stored hashes by their indexes in the order of Go's `tlog.StoredHashIndex`. */
  logHashes(indexes: readonly number[]): Promise<readonly (Uint8Array | undefined)[]>
}

export interface SessionQuery {
  readonly issuer?: string
  readonly subject?: string
  readonly group?: string
  readonly target?: string
  readonly program?: string
  readonly text?: string
  /** UTC microseconds. */
  readonly since?: number
  readonly until?: number
  readonly canaries?: 'hidden' | 'only'
  readonly cursor?: string
  readonly limit?: number
}

export interface SessionFacts {
  readonly id: string
  readonly subject: string
  readonly issuer: string
  readonly method: string
  readonly groups: readonly string[]
  readonly protocol: string
  readonly account: string
  readonly target: string
  readonly source: string
  readonly labels: Readonly<Record<string, string>>
  readonly started_us: number
  readonly ended_us?: number | undefined
  readonly end_reason?: string | undefined
  readonly records: number
  readonly output_bytes: number
  readonly start_digest: string
  readonly envelope_digest: string
  readonly manifest_digest?: string | undefined
}
