/**
 * The leaf hashes of a session's records, in lists of {@link leaf_list_width}. The manifest names the
 * lists, and the session's root proves them, so that verification can say which record was changed,
 * not only that one was. Normative: FORMAT.md, section 3.4.
 *
 * @module
 */
import { concat, hash_bytes } from './bytes.ts'
import { type Document, digestOf } from './document.ts'
import { leaf_list_width, leaf_lists_max } from './limits.ts'

/** What another process goes on from. */
export interface LeafListState {
  /** Of the full lists, in order. */
  readonly digests: readonly string[]
  /** The leaf hashes behind those, fewer than a list has. */
  readonly hashes: readonly Uint8Array[]
}

const empty: LeafListState = { digests: [], hashes: [] }

/** How far a list was. */
export interface LeafPlace {
  readonly lists: number
  readonly hashes: Uint8Array[]
  readonly count: number
}

/** Gathers leaf hashes as records are written. Holds at most 64 KiB and 64 bytes for each full list. */
export class LeafList {
  /** Grows until its list is full, and is another array then: a count says what it was before. */
  #hashes: Uint8Array[]
  readonly #digests: string[]
  #settled: LeafPlace

  /** Continues at `state`, which is settled; empty without one. */
  constructor({ digests, hashes }: LeafListState = empty) {
    this.#digests = [...digests]
    this.#hashes = [...hashes]
    this.#settled = this.place()
  }

  /** Returns a list that became full: store it as a document of type `session.leaves`. */
  append(leaf_hash: Uint8Array): Document | undefined {
    if (this.#digests.length === leaf_lists_max) return undefined
    this.#hashes.push(leaf_hash)
    return this.#hashes.length === leaf_list_width ? this.#close() : undefined
  }

  /**
   * Call once, after the last record. `last` is the list to store, if there is one; `leaves` belongs in
   * the manifest.
   */
  finish(): { readonly last: Document | undefined; readonly leaves: readonly string[] } {
    const last = this.#hashes.length > 0 ? this.#close() : undefined
    return { last, leaves: this.#digests }
  }

  state(): LeafListState {
    return { digests: [...this.#digests], hashes: [...this.#hashes] }
  }

  /** Costs the same however much there is: it is asked at every commit. */
  place(): LeafPlace {
    return { lists: this.#digests.length, hashes: this.#hashes, count: this.#hashes.length }
  }

  /** Everything up to there is durable. */
  settle(place: LeafPlace): void {
    this.#settled = place
  }

  /** Takes back what was appended, and closed, since it was settled. */
  rollBack(): void {
    const { lists, hashes, count } = this.#settled
    this.#digests.length = lists
    this.#hashes = hashes.slice(0, count)
  }

  #close(): Document {
    const bytes = concat(this.#hashes)
    const list = { digest: digestOf(bytes), bytes }
    this.#hashes = []
    this.#digests.push(list.digest)
    return list
  }
}

/** Takes a list apart; the hashes borrow from it. Undefined when it is not a list. */
export function openLeafList(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  const count = bytes.length / hash_bytes
  if (!Number.isInteger(count) || count < 1 || count > leaf_list_width) return undefined
  return Array.from({ length: count }, (_, at) =>
    bytes.subarray(at * hash_bytes, (at + 1) * hash_bytes),
  )
}
