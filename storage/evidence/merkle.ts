/**
 * The Merkle tree of RFC 9162, section 2.1, over SHA-256: leaves, roots of a growing tree, and the
 * order in which a tree's hashes are stored. Proofs are in `proof.ts`.
 *
 * @module
 */
import { createHash, hash } from 'node:crypto'
import { assert } from './assert.ts'
import { hash_bytes, sha256 } from './bytes.ts'

/** Small leaves are hashed behind their prefix, in one call; a copy of them costs less than a second one. */
const leaf_input = new Uint8Array(1 + 4 * 1024)
const leaf_prefix = leaf_input.subarray(0, 1)
const node_input = Buffer.alloc(1 + 2 * hash_bytes, 0x01)

/** Root of the empty tree (RFC 9162, section 2.1.1). */
export const empty_root: Uint8Array = sha256()

/** `SHA-256(0x00 || stored)`. */
export function leafHash(stored: Uint8Array): Uint8Array {
  if (stored.length < leaf_input.length) {
    leaf_input.set(stored, 1)
    return hash('sha256', leaf_input.subarray(0, 1 + stored.length), 'buffer')
  }
  return createHash('sha256').update(leaf_prefix).update(stored).digest()
}

/** `SHA-256(0x01 || left || right)`. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  node_input.set(left, 1)
  node_input.set(right, 1 + hash_bytes)
  return hash('sha256', node_input, 'buffer')
}

export interface TreeState {
  /** Leaves so far. */
  readonly size: number
  /** Roots of the perfect subtrees that the size consists of, the largest first. */
  readonly frontier: readonly Uint8Array[]
}

interface Subtree {
  readonly root: Uint8Array
  readonly before: Subtree | undefined
}

/** The largest first. */
function listOf(last: Subtree | undefined): Uint8Array[] {
  const roots: Uint8Array[] = []
  for (let at = last; at !== undefined; at = at.before) roots.push(at.root)
  return roots.reverse()
}

/** Makes its list when it is asked for: mostly it never is. */
class State implements TreeState {
  readonly size: number
  readonly #last: Subtree | undefined

  constructor(size: number, last: Subtree | undefined) {
    this.size = size
    this.#last = last
  }

  get frontier(): readonly Uint8Array[] {
    return listOf(this.#last)
  }
}

/** A tree that only grows, in memory of its logarithm (a compact range). */
export class MerkleTree {
  #size: number
  /** The smallest subtree, and those before it: what was once the end stays what it was, so that its place costs nothing. */
  #last: Subtree | undefined

  /** Continues at `state`; empty without one. */
  constructor(state: TreeState = { size: 0, frontier: [] }) {
    assert(
      ones(state.size) === state.frontier.length,
      'a frontier has a hash for each bit of the size',
    )
    this.#size = state.size
    for (const root of state.frontier) this.#last = { root, before: this.#last }
  }

  get size(): number {
    return this.#size
  }

  /** Takes a hash of {@link leafHash}, not the leaf. Keeps it. */
  append(leaf_hash: Uint8Array): void {
    let node = leaf_hash
    for (let size = this.#size; size % 2 === 1; size = (size - 1) / 2) {
      assert(this.#last !== undefined, 'a size with an odd bit has a hash for it')
      node = nodeHash(this.#last.root, node)
      this.#last = this.#last.before
    }
    this.#last = { root: node, before: this.#last }
    this.#size++
  }

  root(): Uint8Array {
    return foldRight(this.frontier())
  }

  /** A list of its own; the hashes are shared, and never change. */
  frontier(): Uint8Array[] {
    return listOf(this.#last)
  }

  /** As it is now, whatever is appended later. Costs the same however large it is: it is asked at every commit. */
  state(): TreeState {
    return new State(this.#size, this.#last)
  }
}

/** Root over adjacent perfect subtrees, the largest first. */
export function foldRight(hashes: readonly Uint8Array[]): Uint8Array {
  let node = hashes.at(-1) ?? empty_root
  for (let at = hashes.length - 2; at >= 0; at--) node = nodeHash(hashes[at] ?? empty_root, node)
  return node
}

/** Reads stored hashes by {@link storedHashIndex}, in ascending order. Throws when it cannot. */
export type HashReader = (indexes: readonly number[]) => readonly Uint8Array[]

/** As {@link HashReader}, for a reader behind a queue or a network. */
export type AsyncHashReader = (
  indexes: readonly number[],
) => readonly Uint8Array[] | Promise<readonly Uint8Array[]>

/**
 * Place of the `n`-th hash of a level (0 is the leaves) in the order of storing that Go's
 * `golang.org/x/mod/sumdb/tlog` has: a node follows the leaf that completes it.
 */
export function storedHashIndex(level: number, n: number): number {
  let leaf = n
  for (let up = level; up > 0; up--) leaf = 2 * leaf + 1
  return storedHashCountBefore(leaf) + level
}

/** Hashes that are stored for a tree of `size` leaves. */
export function storedHashCount(size: number): number {
  return storedHashCountBefore(size)
}

/**
 * The hashes to store for the leaf `index`, from {@link storedHashIndex}`(0, index)` on: the leaf's,
 * then that of each subtree it completes.
 */
export function storedHashes(index: number, entry: Uint8Array, read: HashReader): Uint8Array[] {
  let node = leafHash(entry)
  const hashes = [node]
  const lefts: number[] = []
  for (let n = index, level = 0; n % 2 === 1; n = (n - 1) / 2, level++)
    lefts.unshift(storedHashIndex(level, n - 1))
  const stored = lefts.length === 0 ? [] : read(lefts)
  assert(stored.length === lefts.length, 'a hash reader gives a hash for each index')
  for (const left of stored.toReversed()) {
    node = nodeHash(left, node)
    hashes.push(node)
  }
  return hashes
}

/** A leaf adds itself and one hash for each subtree it completes: n + n/2 + n/4 + ... */
function storedHashCountBefore(leaf: number): number {
  let count = 0
  for (let n = leaf; n > 0; n = Math.floor(n / 2)) count += n
  return count
}

function ones(size: number): number {
  let count = 0
  for (let n = size; n > 0; n = Math.floor(n / 2)) count += n % 2
  return count
}

/** The leaf whose hash is stored at that place; undefined when it is not a leaf's. */
export function leafStoredAt(index: number): number | undefined {
  let [low, high] = [0, index]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (storedHashIndex(0, middle) < index) low = middle + 1
    else high = middle
  }
  return storedHashIndex(0, low) === index ? low : undefined
}
