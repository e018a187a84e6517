/**
 * Evidence from a bucket alone: what a verifier reads, in the shape that it reads a store in.
 *
 * @module
 */

import { parseCheckpoint } from '../evidence/checkpoint.ts'
import { digestOf, openDocument } from '../evidence/document.ts'
import { decodeLogEntry } from '../evidence/log-entry.ts'
import { leafStoredAt } from '../evidence/merkle.ts'
import { parseNote } from '../evidence/note.ts'
import { tile_width, tilePath } from '../evidence/tile.ts'
import { witnesses_max } from '../store/limits.ts'
import type { EvidenceSource, KeptObject } from '../verify/source.ts'
import {
  decodeDocuments,
  decodeEntries,
  decodeRecords,
  type LoggedEntry,
  splitLeaves,
} from './body.ts'
import { Chain } from './chain.ts'
import { type DocumentPlace, DocumentPlaces } from './document-places.ts'
import { ReplicaError } from './errors.ts'
import { KeptObjects } from './kept-objects.ts'
import {
  checkpointKey,
  cosignedKey,
  documentKey,
  documentsKey,
  entriesKey,
  parseKey,
  prefixOf,
  recordsKey,
  sessionKey,
} from './keys.ts'
import { fetch_ahead, read_cache_bytes } from './limits.ts'
import { type BucketListing, listLog, listPart, type Part } from './listing.ts'
import { ReadCache } from './read-cache.ts'
import { readReceipts } from './receipt-document.ts'
import type { Bucket, Fetched } from './s3.ts'
import { commitmentOf } from './session-key.ts'
import { type Opened, SessionKeys } from './session-keys.ts'

export interface BucketSource extends EvidenceSource {
  readonly listing: BucketListing
  /** The version of an object that is evidence; undefined when there is none. `key` is without the log's prefix. */
  read(key: string): Promise<Uint8Array | undefined>
  objects(): Promise<Iterable<KeptObject>>
  newerSessions(): number
  cosigned(): Promise<readonly Uint8Array[]>
}

/** Lists the log's objects now; what comes later is not seen. Rejects with `ReplicaError`. */
export async function openBucketSource(bucket: Bucket, origin: string): Promise<BucketSource> {
  return new LogSource(bucket, origin, await listLog(bucket, origin))
}

/** ... of that part of the log alone. Undefined when no checkpoint over it has come yet. */
export async function openBucketPart(
  bucket: Bucket,
  origin: string,
  part: Part,
): Promise<BucketSource | undefined> {
  const listing = await listPart(bucket, origin, part)
  // Receipts of other sessions may stand among these entries: whether those are there was not looked at.
  const isListed = (key: string): boolean => key.startsWith(`session/${part.session}/`)
  return listing.checkpoints.length === 0
    ? undefined
    : new LogSource(bucket, origin, listing, isListed)
}

class LogSource implements BucketSource {
  readonly listing: BucketListing
  readonly #objects: KeptObjects
  readonly #cache = new ReadCache(read_cache_bytes)
  /** Of documents that are not beside their entries. */
  readonly #places = new DocumentPlaces()
  #documents = new Map<string, Uint8Array>()
  readonly #keys: SessionKeys

  /** First entries of the objects that follow each other; undefined before the log was read. */
  #entries: readonly number[] | undefined
  /** ... and the last of them. */
  #end = 0
  readonly #chains = new Map<string, Chain>()
  /** All of the log's objects were listed. */
  readonly #isWhole: boolean
  readonly #isListed: (key: string) => boolean

  constructor(
    bucket: Bucket,
    origin: string,
    listing: BucketListing,
    isListed?: (key: string) => boolean,
  ) {
    this.#isWhole = isListed === undefined
    this.#isListed = isListed ?? (() => true)
    this.#objects = new KeptObjects(bucket, prefixOf(origin), listing)
    this.listing = listing
    this.#keys = new SessionKeys(async (session, isRight) => {
      const body = await this.#objects.fetch(sessionKey(session, 'key'), isRight)
      return body?.bytes
    })
  }

  async sessions({ cursor, limit = 1000 }: { cursor?: string; limit?: number }): Promise<{
    sessions: readonly { id: string }[]
    cursor?: string
  }> {
    const signed_ms = this.#signedMs()
    const ids = [...this.listing.sessions]
      .filter(([, came_ms]) => came_ms <= signed_ms)
      .map(([id]) => ({ id }))
    const from = Number(cursor ?? 0)
    const to = from + limit
    return { sessions: ids.slice(from, to), ...(to < ids.length ? { cursor: String(to) } : {}) }
  }

  newerSessions(): number {
    const signed_ms = this.#signedMs()
    return [...this.listing.sessions.values()].filter((came_ms) => came_ms > signed_ms).length
  }

  async records(
    session: string,
    from_seq = 0,
  ): Promise<{ records: readonly Uint8Array[]; next?: number }> {
    const known = this.#chains.get(session)
    const chain = known ?? new Chain(this.listing.records.get(session) ?? [])
    this.#chains.set(session, chain)
    const read = (first: number) => this.#decoded(recordsKey(session, first), decodeRecords)
    for (let first = chain.next; first !== undefined && chain.end <= from_seq; first = chain.next)
      chain.add((await read(first))?.length ?? 0)
    const at = chain.links.findIndex(({ first, count }) => first + count > from_seq)
    const link = chain.links[at]
    // Past the end of the last object nothing follows.
    if (link === undefined) return { records: [] }
    const records = (await read(link.first))?.slice(Math.max(0, from_seq - link.first)) ?? []
    const next = chain.links[at + 1]?.first ?? chain.next
    return next === undefined ? { records } : { records, next }
  }

  async document(digest: string): Promise<{ bytes: Uint8Array } | undefined> {
    const beside = this.#documents.get(digest)
    if (beside !== undefined) return { bytes: beside }
    const placed = await this.#placed(digest)
    if (placed !== undefined) {
      this.#places.learn(digest, placed)
      return { bytes: placed }
    }
    // A start document that outlives the rest of its session lies where documents do.
    const found = await this.#read(documentKey(digest), (bytes) => digestOf(bytes) === digest)
    if (found !== undefined) this.#places.learn(digest, found.bytes)
    return found && { bytes: found.bytes }
  }

  /** Of all that may be it the one that is; where none is, what stands in its place. */
  async #placed(digest: string): Promise<Uint8Array | undefined> {
    const { objects } = this.listing
    const places = this.#places
      .of(digest)
      .filter(({ key }) => (objects.get(key)?.versions.length ?? 0) > 0)
    let other: Uint8Array | undefined
    for (const [index, place] of places.entries()) {
      const found = await this.#documentAt(place, digest)
      if (found === undefined || digestOf(found) !== digest) {
        other ??= found
        continue
      }
      // It would have been in one of these.
      for (const { key } of places.slice(0, index)) this.#objects.isAdded(key)
      return found
    }
    return other
  }

  async #documentAt({ key, at }: DocumentPlace, digest: string): Promise<Uint8Array | undefined> {
    const isIt = (bytes: Uint8Array): boolean => digestOf(bytes) === digest
    const kind = parseKey(key)?.kind
    if (kind === 'leaves') return (await this.#decoded(key, splitLeaves))?.find(isIt)
    if (kind !== 'documents') return (await this.#read(key, isIt))?.bytes
    const known = (await this.#decoded(key, tolerantDocuments))?.find(isIt)
    if (known !== undefined) return known
    const found = await this.#read(key, (body) => tolerantDocuments(body).some(isIt))
    const documents = tolerantDocuments(found?.bytes ?? new Uint8Array())
    return documents.find(isIt) ?? documents[at]
  }

  /** Of a session whose objects are encrypted: whether the key that they are committed to is not there, or is another. */
  async lostKey(session: string): Promise<'missing' | 'wrong' | undefined> {
    const [first = 0] = this.listing.records.get(session) ?? []
    const keys = [
      sessionKey(session, 'start'),
      documentsKey(session, 0),
      recordsKey(session, first),
    ]
    for (const key of keys) {
      const body = (await this.#objects.fetch(key))?.bytes
      const commitment = body && commitmentOf(body)
      if (commitment !== undefined) return this.#keys.lost(session, commitment)
    }
    return undefined
  }

  /** Those that are under lock, so that what became of them is told. */
  async readEncrypted(session: string): Promise<boolean> {
    for (const first of this.listing.records.get(session) ?? [])
      await this.#objects.fetch(recordsKey(session, first))
    await this.#objects.fetch(sessionKey(session, 'leaves'))
    return (this.listing.objects.get(sessionKey(session, 'key'))?.versions.length ?? 0) > 0
  }

  async log(): Promise<{ size: number; checkpoint: Uint8Array | undefined }> {
    const signed = this.listing.checkpoints.at(-1)
    const note = signed === undefined ? undefined : await this.#read(checkpointKey(signed))
    // An older one under a larger name would leave what came after it unsigned.
    const isOther = note !== undefined && !signsSize(note.bytes, signed)
    const stored = await this.#readChain(signed)
    return {
      size: Math.min(stored, signed ?? stored),
      checkpoint: isOther ? new Uint8Array() : note?.bytes,
    }
  }

  async *checkpoints(): AsyncGenerator<{ size: number; note: Uint8Array }, void, void> {
    const older = this.listing.checkpoints.slice(0, -1)
    for (let at = 0; at < older.length; at += fetch_ahead) {
      const sizes = older.slice(at, at + fetch_ahead)
      const notes = await Promise.all(sizes.map((size) => this.#read(checkpointKey(size))))
      for (const [index, size] of sizes.entries()) {
        const note = notes[index]?.bytes
        if (note !== undefined) yield { size, note }
      }
    }
  }

  /** Of each witness the newest that the bucket has all of. */
  async cosigned(): Promise<readonly Uint8Array[]> {
    const signed = this.listing.checkpoints.at(-1) ?? 0
    const newest = new Map<string, number>()
    for (const key of this.listing.objects.keys()) {
      const parts = parseKey(key)
      // The listing was not made in one moment.
      if (parts?.kind === 'cosigned' && parts.first <= signed)
        newest.set(parts.witness, Math.max(newest.get(parts.witness) ?? 0, parts.first))
    }
    const notes = [...newest]
      .slice(0, witnesses_max)
      .map(async ([witness, size]) => (await this.#read(cosignedKey(witness, size)))?.bytes)
    return (await Promise.all(notes)).filter((note) => note !== undefined)
  }

  async logEntries(from: number, to: number): Promise<readonly Uint8Array[]> {
    const firsts = this.#entries ?? this.listing.entries
    const begin = firsts.findLastIndex((first) => first <= from)
    const wanted = firsts.slice(Math.max(0, begin)).filter((first) => first < to)
    const found: Uint8Array[] = []
    this.#documents = new Map()
    for (let at = 0; at < wanted.length; at += fetch_ahead) {
      const group = wanted.slice(at, at + fetch_ahead)
      const objects = await Promise.all(
        group.map((first) => this.#decoded(entriesKey(first), decodeEntries)),
      )
      for (const [index, logged] of objects.entries()) {
        const skipped = from + found.length - (group[index] ?? 0)
        // A gap, or an object that another one overlaps: what follows is not in its place.
        if (logged === undefined || skipped < 0) return found
        const taken = logged.slice(skipped, skipped + to - from - found.length)
        for (const one of taken) this.#learnEntry(one)
        found.push(...taken.map(({ entry }) => entry))
      }
    }
    return found
  }

  async logHashes(indexes: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    return Promise.all(indexes.map((index) => this.#logHash(index)))
  }

  async #logHash(index: number): Promise<Uint8Array | undefined> {
    // Only leaves are asked for, to tell which entry was changed. Those of a tile that is not full lie nowhere.
    const leaf = leafStoredAt(index)
    if (leaf === undefined) return undefined
    const tile = { level: 0, index: Math.floor(leaf / tile_width), width: tile_width }
    const hashes = await this.#decoded(tilePath(tile), (bytes) => [bytes])
    const at = (leaf % tile_width) * 32
    return hashes?.[0]?.subarray(at, at + 32)
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    return (await this.#read(key))?.bytes
  }

  async objects(): Promise<Iterable<KeptObject>> {
    if (this.#isWhole) {
      const newer_ms = this.#signedMs()
      await this.#objects.look({
        entries: new Set(this.#entries),
        size: this.#end,
        isNewer: (session) => (this.listing.sessions.get(session) ?? 0) > newer_ms,
      })
    }
    return this.#objects.kept()
  }

  /** When the newest checkpoint came. */
  #signedMs(): number {
    const size = this.listing.checkpoints.at(-1)
    const object = size === undefined ? undefined : this.listing.objects.get(checkpointKey(size))
    return object?.versions[0]?.modified_ms ?? Number.POSITIVE_INFINITY
  }

  /**
   * Reads the entries that a checkpoint here covers; those behind it came while the listing was made. Receipts come later in
   * the log than what they are of, so all are read first. Resolves with the end of the entries.
   */
  async #readChain(signed: number | undefined): Promise<number> {
    const firsts = this.listing.entries.filter((first) => signed === undefined || first < signed)
    const chain = new Chain(firsts)
    for (let first = chain.next; first !== undefined; first = chain.next) {
      if (chain.links.length % fetch_ahead === 0) {
        const from = firsts.indexOf(first)
        const ahead = firsts.slice(from, from + fetch_ahead)
        // What cannot be read, and is nobody's, is in nobody's way.
        await Promise.allSettled(
          ahead.map(async (each) => this.#decoded(entriesKey(each), decodeEntries)),
        )
      }
      const logged = (await this.#decoded(entriesKey(first), decodeEntries)) ?? []
      for (const one of logged) this.#pinReceipts(one)
      chain.add(logged.length)
    }
    this.#entries = chain.links.map(({ first }) => first)
    this.#end = chain.end
    return chain.end
  }

  #pinReceipts({ entry, document }: LoggedEntry): void {
    const decoded = decodeLogEntry(entry)
    if (decoded?.type !== 'evidence.replicated' || digestOf(document) !== decoded.digest) return
    for (const receipt of readReceipts(openDocument(document) ?? {}))
      if (this.#isListed(receipt.key)) this.#objects.pin(receipt)
  }

  #learnEntry({ entry, document }: LoggedEntry): void {
    const decoded = decodeLogEntry(entry)
    if (decoded === undefined) return
    if (document.length > 0) this.#documents.set(decoded.digest, document)
    else this.#places.learnEntry(decoded)
  }

  /** Undefined when the object is not there, or cannot be decoded. */
  async #decoded<Value>(
    key: string,
    decode: (bytes: Uint8Array) => readonly Value[] | undefined,
  ): Promise<readonly Value[] | undefined> {
    const known = this.#cache.get(key)
    if (known !== undefined) return known as readonly Value[] // A key is always decoded in the same way.
    const found = await this.#read(key)
    if (found === undefined) return undefined
    const value = decode(found.bytes)
    if (value === undefined) throw new ReplicaError('s3_corrupt', `${key} is not of its form`)
    this.#cache.set(key, value, found.bytes.length)
    return value
  }

  /** As fetched, and readable: undefined of an object whose key is not there, or that was changed. */
  async #read(key: string, isRight?: (bytes: Uint8Array) => boolean): Promise<Fetched | undefined> {
    const parts = parseKey(key)
    if (parts === undefined || !('session' in parts)) return this.#objects.fetch(key, isRight)
    const { session } = parts
    const open = (body: Uint8Array): Promise<Opened> => this.#keys.open(session, key, body)
    const found = await this.#objects.fetch(
      key,
      isRight &&
        (async (body) => {
          const plain = await open(body)
          return typeof plain !== 'string' && isRight(plain)
        }),
    )
    if (found === undefined) return undefined
    const opened = await open(found.bytes)
    if (opened === 'changed') this.#objects.isChanged(key)
    return typeof opened === 'string' ? undefined : { ...found, bytes: opened }
  }
}

/** Of what is none there are none: it is in nobody's way. */
const tolerantDocuments = (body: Uint8Array): readonly Uint8Array[] => decodeDocuments(body) ?? []

/** False where a signed note has another size than its name; one that cannot be read is judged by who verifies. */
function signsSize(note: Uint8Array, size: number | undefined): boolean {
  const parsed = parseNote(note)
  const checkpoint = parsed === undefined ? undefined : parseCheckpoint(parsed.text)
  return checkpoint === undefined || checkpoint.size === size
}
