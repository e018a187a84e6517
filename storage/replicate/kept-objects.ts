/**
 * Objects of a bucket as they are kept. Of several versions of one the one is read that the gateway's receipt in the log names,
 * and where there is none the first: with Object Lock nobody can put another before it.
 *
 * @module
 */
import type { KeptObject } from '../verify/source.ts'
import { sha256Hex } from './body.ts'
import { parseKey } from './keys.ts'
import type { BucketListing, ListedObject } from './listing.ts'
import type { Receipt } from './receipts.ts'
import type { Bucket, Fetched } from './s3.ts'

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
    { bytes, ...lock }: Fetched,
    pin: Receipt | undefined,
  ): void {
    const own = object.versions.find((each) => each.version === version)
    const newest = object.versions.at(-1)
    const is_edited = pin?.version === version && sha256Hex(bytes) !== pin.sha256
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

function placeOf(key: string): Pick<KeptObject, 'key' | 'session' | 'is_permanent'> {
  const parts = parseKey(key)
  const is_erasable =
    parts?.kind === 'start' ||
    parts?.kind === 'envelope' ||
    parts?.kind === 'manifest' ||
    parts?.kind === 'key' ||
    parts?.kind === 'document'
  const session = parts !== undefined && 'session' in parts ? { session: parts.session } : {}
  return { key, is_permanent: !is_erasable, ...session }
}
