/**
 * Inclusion and consistency proofs of RFC 9162, sections 2.1.3 and 2.1.4: made from stored hashes,
 * verified from nothing but roots.
 *
 * @module
 */
import { assert } from './assert.ts'
import { equalBytes, hash_bytes } from './bytes.ts'
import { proof_hashes_max } from './limits.ts'
import {
  type AsyncHashReader,
  empty_root,
  foldRight,
  MerkleTree,
  nodeHash,
  storedHashIndex,
} from './merkle.ts'

/** Hashes from the leaf's sibling up. */
export type Proof = readonly Uint8Array[]

/** Proves that leaf `index` is in the tree of `size` leaves. */
export function inclusionProof(size: number, index: number, read: AsyncHashReader): Promise<Proof> {
  assert(Number.isSafeInteger(size) && index >= 0 && index < size, 'a leaf of the tree')
  const ranges: Range[] = []
  let lo = 0
  let hi = size
  while (hi - lo > 1) {
    const middle = lo + split(hi - lo)
    if (index < middle) {
      ranges.push([middle, hi])
      hi = middle
    } else {
      ranges.push([lo, middle])
      lo = middle
    }
  }
  return rangeHashes(ranges.toReversed(), read)
}

/** As {@link inclusionProof}, from all leaf hashes of a tree, one after the other. */
export function inclusionProofOf(leaves: Uint8Array, index: number): Proof {
  const size = leaves.length / hash_bytes
  assert(Number.isInteger(size) && index >= 0 && index < size, 'a leaf of the tree')
  const rootOf = (from: number, to: number): Uint8Array => {
    const tree = new MerkleTree()
    for (let at = from; at < to; at++)
      tree.append(leaves.slice(at * hash_bytes, (at + 1) * hash_bytes))
    return tree.root()
  }
  const path: Uint8Array[] = []
  let lo = 0
  let hi = size
  while (hi - lo > 1) {
    const middle = lo + split(hi - lo)
    path.unshift(index < middle ? rootOf(middle, hi) : rootOf(lo, middle))
    if (index < middle) hi = middle
    else lo = middle
  }
  return path
}

/** Proves that the tree of `size` leaves begins with the tree of `old_size`, at least 1. */
export function consistencyProof(
  old_size: number,
  size: number,
  read: AsyncHashReader,
): Promise<Proof> {
  assert(Number.isSafeInteger(size) && old_size >= 1 && old_size <= size, 'an older tree')
  const ranges: Range[] = []
  let lo = 0
  let hi = size
  while (hi !== old_size) {
    const middle = lo + split(hi - lo)
    if (old_size <= middle) {
      ranges.push([middle, hi])
      hi = middle
    } else {
      ranges.push([lo, middle])
      lo = middle
    }
  }
  // The old tree itself is known to the verifier; a right part of it is not.
  if (lo > 0) ranges.push([lo, hi])
  return rangeHashes(ranges.toReversed(), read)
}

/** RFC 9162, section 2.1.3.2. False for anything but a valid proof; never throws. */
export function verifyInclusion(
  leaf_hash: Uint8Array,
  index: number,
  size: number,
  root: Uint8Array,
  proof: Proof,
): boolean {
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(index)) return false
  if (index < 0 || index >= size || !wellFormed([leaf_hash, root, ...proof])) return false
  let fn = index
  let sn = size - 1
  let node = leaf_hash
  for (const hash of proof) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      node = nodeHash(hash, node)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)]
    } else {
      node = nodeHash(node, hash)
    }
    fn = half(fn)
    sn = half(sn)
  }
  return sn === 0 && equalBytes(node, root)
}

/** RFC 9162, section 2.1.4.2. The empty tree is a prefix of every tree. */
export function verifyConsistency(
  old_size: number,
  old_root: Uint8Array,
  size: number,
  root: Uint8Array,
  proof: Proof,
): boolean {
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(old_size)) return false
  if (old_size < 0 || old_size > size || !wellFormed([old_root, root, ...proof])) return false
  if (old_size === 0) return proof.length === 0 && equalBytes(old_root, empty_root)
  if (old_size === size) return proof.length === 0 && equalBytes(old_root, root)
  const path = isPowerOfTwo(old_size) ? [old_root, ...proof] : [...proof]
  const first = path[0]
  if (first === undefined) return false
  let fn = old_size - 1
  let sn = size - 1
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)]
  let old_node = first
  let node = first
  for (const hash of path.slice(1)) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      old_node = nodeHash(hash, old_node)
      node = nodeHash(hash, node)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)]
    } else {
      node = nodeHash(node, hash)
    }
    fn = half(fn)
    sn = half(sn)
  }
  return sn === 0 && equalBytes(old_node, old_root) && equalBytes(node, root)
}

/** Leaves `[lo, hi)`. */
type Range = readonly [lo: number, hi: number]

/** One read for all: a range is one stored hash, or the fold of several at the tree's right edge. */
async function rangeHashes(ranges: readonly Range[], read: AsyncHashReader): Promise<Proof> {
  const places = ranges.map(perfectSubtrees)
  const wanted = [...new Set(places.flat())].toSorted((a, b) => a - b)
  const hashes = wanted.length === 0 ? [] : await read(wanted)
  assert(hashes.length === wanted.length, 'a hash reader gives a hash for each index')
  const by_index = new Map(wanted.map((index, at) => [index, hashes[at]]))
  return places.map((indexes) =>
    foldRight(
      indexes.map((index) => {
        const hash = by_index.get(index)
        assert(hash?.length === hash_bytes, 'a stored hash is a SHA-256')
        return hash
      }),
    ),
  )
}

/** Stored indexes of the perfect subtrees that cover a range whose start is aligned. */
function perfectSubtrees([start, end]: Range): number[] {
  const indexes: number[] = []
  for (let lo = start; lo < end; ) {
    let level = 0
    let width = 1
    while (lo + width * 2 <= end) [width, level] = [width * 2, level + 1]
    indexes.push(storedHashIndex(level, lo / width))
    lo += width
  }
  return indexes
}

/** The largest power of two smaller than `size`, which is at least 2. */
function split(size: number): number {
  let k = 1
  while (k * 2 < size) k *= 2
  return k
}

const half = (n: number): number => Math.floor(n / 2)

const isPowerOfTwo = (n: number): boolean => split(n + 1) === n

const wellFormed = (hashes: Proof): boolean =>
  hashes.length <= proof_hashes_max + 2 && hashes.every((hash) => hash.length === hash_bytes)
