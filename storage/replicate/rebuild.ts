/**
 * A store made anew from a bucket alone: the recovery of a lost gateway, and what auditors search. It resumes where it
 * stopped, and brings a store up to date that was made before. It copies and does not judge: verify what it made.
 *
 * @module
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf, openDocument } from '../evidence/document.ts'
import { decodeLogEntry } from '../evidence/log-entry.ts'
import { readManifest, readStartDocument } from '../evidence/manifest.ts'
import { keepCosigned } from '../store/cosigned.ts'
import { type Database, openDatabase } from '../store/database.ts'
import { Batch } from '../store/fold.ts'
import { database_name, origin_name } from '../store/layout.ts'
import { lockDataDirectory } from '../store/lock.ts'
import { Projector } from '../store/project.ts'
import { Queries } from '../store/queries.ts'
import { Scrub } from '../store/scrub.ts'
import { decodeRecords } from './body.ts'
import { type BucketSource, openBucketSource } from './bucket-source.ts'
import { readCosignedNote } from './cosigned.ts'
import { ReplicaError } from './errors.ts'
import { recordsKey } from './keys.ts'
import { fetch_ahead, rebuild_batch_bytes, rebuild_sync_bytes } from './limits.ts'
import { erasedSessions } from './prune.ts'
import type { Bucket } from './s3.ts'

export interface RebuildProgress {
  /** Entries of the log, done and in the bucket. */
  readonly entries: number
  readonly entries_all: number
  readonly sessions: number
  readonly bytes: number
}

const entries_page = 1024

/**
 * Writes into `data`, which is made when it is missing. Rejects with `ReplicaError` or `StoreError`; another call goes
 * on where that one ended.
 */
export async function rebuild(
  bucket: Bucket,
  origin: string,
  data: string,
  on_progress: (so_far: RebuildProgress) => void = () => {},
): Promise<RebuildProgress> {
  mkdirSync(data, { recursive: true, mode: 0o700 })
  claim(data, origin)
  const lock = lockDataDirectory(data)
  if (!lock.ok) throw new ReplicaError('store_io', lock.reason)
  const database = openDatabase(join(data, database_name))
  try {
    const source = await openBucketSource(bucket, origin)
    const made = await new Rebuild(source, database, on_progress).run()
    // What was here before it was erased; a reader beside this leaves it to the next time.
    const scrub = new Scrub(database)
    while (scrub.step());
    for (const note of await source.cosigned()) {
      const seen = readCosignedNote(note, origin)
      if (seen !== undefined) await keepCosigned(data, seen.key_id, note)
    }
    return made
  } finally {
    database.connection.close()
    lock.release()
  }
}

/** A store holds one log, and a gateway's own data directory is its own. */
function claim(data: string, origin: string): void {
  const path = join(data, origin_name)
  if (existsSync(path)) {
    const held = readFileSync(path, 'utf8').trim()
    if (held === origin) return
    throw new ReplicaError('store_contradicts', `${data} was made from another log`)
  }
  if (existsSync(join(data, database_name)))
    throw new ReplicaError('store_contradicts', `${data} is a gateway's own: name an empty folder`)
  writeFileSync(path, `${origin}\n`, { mode: 0o600 })
}

/** Something to write, in the order of the log; what it needs of the bucket is fetched ahead. */
interface Step {
  readonly fetched: Promise<readonly Uint8Array[]>
  apply(fetched: readonly Uint8Array[]): void
}

/** What an entry of the log says of a session. */
interface Named {
  readonly id: string
  readonly digest: string
}

class Rebuild {
  readonly #source: BucketSource
  readonly #database: Database
  readonly #projector: Projector
  readonly #queries: Queries
  readonly #batch = new Batch()
  readonly #on_progress: (so_far: RebuildProgress) => void
  /** Sessions that the log says were erased: nothing of theirs is fetched, though the bucket may have it still. */
  #erased: ReadonlyMap<string, boolean> = new Map()
  #lsn: number
  #unsynced_bytes = 0
  #progress = { entries: 0, entries_all: 0, sessions: 0, bytes: 0 }

  constructor(
    source: BucketSource,
    database: Database,
    on_progress: (so_far: RebuildProgress) => void,
  ) {
    this.#source = source
    this.#database = database
    this.#projector = new Projector(database)
    this.#queries = new Queries(database)
    this.#on_progress = on_progress
    this.#lsn = this.#projector.watermark_lsn
  }

  async run(): Promise<RebuildProgress> {
    const { size, checkpoint } = await this.#source.log()
    this.#progress.entries_all = size
    this.#progress.entries = this.#queries.logSize()
    if (this.#progress.entries > size)
      throw new ReplicaError('log_rolled_back', 'the bucket has less of this log than the store')
    this.#erased = await erasedSessions(this.#source)
    await this.#through(this.#grown())
    for (let from = this.#progress.entries; from < size; ) {
      const entries = await this.#source.logEntries(from, Math.min(size, from + entries_page))
      if (entries.length === 0)
        throw new ReplicaError('s3_missing', `entry ${from} of the log is not in the bucket`)
      await this.#through(this.#steps(entries, from))
      from += entries.length
    }
    if (checkpoint !== undefined) this.#add({ kind: 'checkpoint', bytes: checkpoint })
    this.#write()
    this.#sync()
    return { ...this.#progress }
  }

  /** Keeps a few requests ahead of what is written. */
  async #through(steps: Iterable<Step>): Promise<void> {
    const ahead: Step[] = []
    const next = async (): Promise<void> => {
      const step = ahead.shift()
      if (step === undefined) return
      step.apply(await step.fetched)
      if (this.#batch.bytes >= rebuild_batch_bytes) this.#write()
    }
    try {
      for (const step of steps) {
        // A failure shows when its turn comes; until then it is nobody's.
        step.fetched.catch(() => {})
        ahead.push(step)
        if (ahead.length >= fetch_ahead) await next()
      }
      while (ahead.length > 0) await next()
    } finally {
      await Promise.allSettled(ahead.map(({ fetched }) => fetched))
    }
    this.#write()
  }

  /** Records that came since for sessions that were open when the store was made. */
  *#grown(): Iterable<Step> {
    for (const { id, records } of this.#queries.openSessions()) yield* this.#records(id, records)
  }

  *#steps(entries: readonly Uint8Array[], from: number): Iterable<Step> {
    for (const [at, bytes] of entries.entries()) {
      const index = from + at
      const decoded = decodeLogEntry(bytes)
      const is_erased = decoded !== undefined && this.#erased.has(decoded.id)
      if (decoded?.type === 'session.started')
        yield* is_erased ? this.#keptStart(decoded) : this.#session(decoded)
      else if (decoded?.type === 'session.ended') yield* is_erased ? [] : this.#end(decoded.digest)
      else if (decoded !== undefined)
        yield this.#step(decoded.type, this.#documents([decoded.digest]))
      yield {
        fetched: Promise.resolve([]),
        apply: () => {
          this.#add({ kind: 'log_entry', index, bytes })
          this.#progress.entries = index + 1
          if (decoded?.type === 'session.started') this.#progress.sessions++
          this.#on_progress({ ...this.#progress })
        },
      }
    }
  }

  /** Those of them that are there. */
  async #documents(digests: readonly string[]): Promise<readonly Uint8Array[]> {
    const found: Uint8Array[] = []
    // One behind the other: most lie in one object, which is then read once.
    for (const digest of digests) {
      const document = await this.#source.document(digest)
      if (document !== undefined) found.push(document.bytes)
    }
    return found
  }

  #step(type: string, fetched: Step['fetched']): Step {
    return {
      fetched,
      apply: (documents) => {
        for (const bytes of documents)
          this.#add({ kind: 'document', type, digest: digestOf(bytes), bytes })
      },
    }
  }

  *#session({ id, digest }: Named): Iterable<Step> {
    const start = this.#documents([digest])
    yield this.#step('session.started', start)
    yield this.#step(
      'envelope',
      start.then(([bytes]) => {
        const facts = bytes && readStartDocument(openDocument(bytes) ?? {})
        return this.#documents(facts === undefined ? [] : [facts.envelope])
      }),
    )
    yield* this.#records(id, this.#queries.sessionTableRow(id)?.records ?? 0)
  }

  /** Where it shows that no legal hold was over the session. */
  *#keptStart({ id, digest }: Named): Iterable<Step> {
    if (this.#erased.get(id) === true)
      yield this.#step('session.started', this.#documents([digest]))
  }

  *#records(id: string, from_seq: number): Iterable<Step> {
    // Whole objects were taken before, and are now: one that begins inside another is no part of the session.
    let end = from_seq
    for (const first of this.#source.listing.records.get(id) ?? []) {
      if (first < from_seq) continue
      const key = recordsKey(id, first)
      yield {
        fetched: this.#source.read(key).then((body) => (body === undefined ? [] : [body])),
        apply: ([body]) => {
          if (first < end) return
          const records = body === undefined ? undefined : decodeRecords(body)
          for (const [offset, bytes] of (records ?? []).entries())
            this.#add({ kind: 'record', session: id, seq: first + offset, bytes })
          end = first + (records?.length ?? 0)
        },
      }
    }
  }

  *#end(digest: string): Iterable<Step> {
    const manifest = this.#documents([digest])
    yield this.#step('session.ended', manifest)
    yield this.#step(
      'session.leaves',
      manifest.then(([bytes]) =>
        this.#documents((bytes && readManifest(openDocument(bytes) ?? {})?.leaves) ?? []),
      ),
    )
  }

  #add(entry: Parameters<Batch['add']>[1]): void {
    this.#progress.bytes += entry.bytes.length
    this.#batch.add(++this.#lsn, entry)
  }

  #write(): void {
    if (this.#batch.entries === 0) return
    this.#projector.apply(this.#batch)
    this.#unsynced_bytes += this.#batch.bytes
    this.#batch.clear()
    if (this.#unsynced_bytes >= rebuild_sync_bytes) this.#sync()
  }

  /** The database's write-ahead log would otherwise grow to all of it. */
  #sync(): void {
    this.#database.connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
    this.#unsynced_bytes = 0
  }
}

/** Origins in the order in which their stores are laid out: logs that name those of workers come first. */
export async function inOrder(
  bucket: Bucket,
  origins: readonly string[],
): Promise<readonly string[]> {
  const named = await Promise.all(origins.map((origin) => namesOthers(bucket, origin)))
  return origins.toSorted((a, b) => {
    const [first, second] = [named[origins.indexOf(a)], named[origins.indexOf(b)]]
    return Number(second) - Number(first) || (a < b ? -1 : 1)
  })
}

async function namesOthers(bucket: Bucket, origin: string): Promise<boolean> {
  const source = await openBucketSource(bucket, origin)
  const [entry] = await source.logEntries(0, 1)
  const digest = entry === undefined ? undefined : decodeLogEntry(entry)?.digest
  const document = digest === undefined ? undefined : await source.document(digest)
  return Array.isArray(openDocument(document?.bytes ?? new Uint8Array())?.['logs'])
}
