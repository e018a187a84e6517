/**
 * Objects of a bucket as they are kept. Of several versions of one the one is read that the gateway's receipt in the log names,
 * and where there is none the first: with Object Lock nobody can put another before it.
 *
 * @module
 */
import { fullTiles, parseTilePath, tile_width, tilePath } from '../evidence/tile.ts'
import type { KeptObject } from '../verify/source.ts'
import { sha256Hex } from './body.ts'
import { parseKey } from './keys.ts'
import { fetch_ahead } from './limits.ts'
import type { BucketListing, ListedObject } from './listing.ts'
import type { Receipt } from './receipts.ts'
import type { Bucket, Fetched, Lock } from './s3.ts'

/** What a log is made of, where its objects lie. */
export interface LogParts {
  readonly entries: ReadonlySet<number>
  readonly size: number
  isNewer(session: string): boolean
}

export class KeptObjects {
  readonly #bucket: Bucket
  readonly #prefix: string
  readonly #listing: BucketListing
  readonly #kept = new Map<string, KeptObject>()
  readonly #pins = new Map<string, Receipt>()

  constructor(bucket: Bucket, prefix: string, listing: BucketListing) {
    this.#bucket = bucket
    this.#prefix = prefix
    this.#listing = listing
  }

  /** The first receipt of an object counts: a later one may speak of a version that hides it. */
  pin(receipt: Receipt): void {
    if (!this.#pins.has(receipt.key)) this.#pins.set(receipt.key, receipt)
  }

  /** What was read, and what a receipt names and is not there. */
  kept(): Iterable<KeptObject> {
    for (const [key] of this.#pins)
      if ((this.#listing.objects.get(key)?.versions.length ?? 0) === 0)
        this.#kept.set(key, { ...placeOf(key), state: 'missing', modified_ms: 0 })
    return this.#kept.values()
  }

  /**
   * Looks at those that nobody needed to read, so that how each is kept is told as well.
   *
   * @param parts what the log is made of here: first entries of objects, the end of what is there of it, sessions it cannot know yet
   */
  async look({ entries, size, isNewer }: LogParts): Promise<void> {
    const read = new Set(
      [...this.#kept].flatMap(([key, { session }]) => (key.includes('/records/') ? session : [])),
    )
    const unread: string[] = []
    for (const [key, { versions }] of this.#listing.objects) {
      if (versions.length === 0) continue
      const parts = parseKey(key)
      // Whoever reads the log looks into these, too.
      if (parts?.kind === 'entries' && parts.first < size && !entries.has(parts.first))
        this.isAdded(key)
      if (this.#kept.has(key)) continue
      if (parts?.kind === 'tile') {
        if (isFull(key)) unread.push(key)
      } else if (parts?.kind === 'leaves' || parts?.kind === 'cosigned') unread.push(key)
      else if (parts?.kind === 'records' && read.has(parts.session) && !isNewer(parts.session))
        this.isAdded(key)
    }
    for (let at = 0; at < unread.length; at += fetch_ahead)
      await Promise.all(unread.slice(at, at + fetch_ahead).map((key) => this.#lookAt(key)))
    for (const tile of fullTiles(0, size)) {
      const key = tilePath(tile)
      if ((this.#listing.objects.get(key)?.versions.length ?? 0) === 0)
        this.#kept.set(key, { ...placeOf(key), state: 'absent', modified_ms: 0 })
    }
  }

  async #lookAt(key: string): Promise<void> {
    const object = this.#listing.objects.get(key)
    const pin = this.#pins.get(key)
    const pinned = object?.versions.find(({ version }) => version === pin?.version)
    const own = pinned ?? object?.versions[0]
    if (object === undefined || own === undefined) return
    const lock = await this.#bucket.lock(`${this.#prefix}${key}`, own.version)
    if (lock === undefined)
      this.#kept.set(key, { ...placeOf(key), state: 'absent', modified_ms: 0 })
    else this.#keep(key, object, own.version, lock, pin)
  }

  /** It was read, and is no part of the evidence. */
  isAdded(key: string): void {
    this.#kept.set(key, { ...placeOf(key), state: 'added', modified_ms: 0 })
  }

  /** What was read is not what its own tag says. */
  isChanged(key: string): void {
    const kept = this.#kept.get(key)
    if (kept !== undefined) this.#kept.set(key, { ...kept, state: 'edited' })
  }

  /** The version that is evidence, as it lies there. With `isRight`, another one when only that is right. */
  async fetch(
    key: string,
    isRight?: (bytes: Uint8Array) => boolean | Promise<boolean>,
  ): Promise<Fetched | undefined> {
    const object = this.#listing.objects.get(key)
    if (object === undefined || object.versions.length === 0) return undefined
    const pin = this.#pins.get(key)
    const pinned = object.versions.filter(({ version }) => version === pin?.version)
    const candidates = [...pinned, ...object.versions].slice(
      0,
      isRight === undefined ? 1 : undefined,
    )
    let first: { found: Fetched; version: string } | undefined
    for (const { version } of new Set(candidates)) {
      const found = await this.#bucket.get(`${this.#prefix}${key}`, version)
      if (found === undefined) continue
      first ??= { found, version }
      if (isRight === undefined || (await isRight(found.bytes))) {
        first = { found, version }
        break
      }
    }
    if (first === undefined) return undefined
    const { found, version } = first
    this.#keep(key, object, version, found, pin)
    return found
  }

  #keep(
    key: string,
    object: ListedObject,
    version: string,
    { bytes, ...lock }: Lock & { readonly bytes?: Uint8Array },
    pin: Receipt | undefined,
  ): void {
    const own = object.versions.find((each) => each.version === version)
    const newest = object.versions.at(-1)
    const is_edited =
      bytes !== undefined && pin?.version === version && sha256Hex(bytes) !== pin.sha256
    // The same content again is a resend after a crash.
    const is_hidden = newest !== own && newest?.etag !== own?.etag
    const is_missing =
      pin !== undefined && !object.versions.some((one) => one.version === pin.version)
    const state = is_edited
      ? 'edited'
      : is_missing
        ? 'missing'
        : object.is_deleted
          ? 'deleted'
          : is_hidden
            ? 'shadowed'
            : 'shown'
    this.#kept.set(key, { ...placeOf(key), state, ...lock })
  }
}

const isFull = (key: string): boolean => parseTilePath(key)?.width === tile_width

function placeOf(key: string): Pick<KeptObject, 'key' | 'session' | 'is_permanent'> {
  const parts = parseKey(key)
  const is_erasable =
    parts?.kind === 'start' ||
    parts?.kind === 'envelope' ||
    parts?.kind === 'manifest' ||
    parts?.kind === 'key' ||
    parts?.kind === 'documents' ||
    parts?.kind === 'document'
  const session = parts !== undefined && 'session' in parts ? { session: parts.session } : {}
  return { key, is_permanent: !is_erasable, ...session }
}
