/**
 * The tree and its proofs against the vectors of Certificate Transparency, against the definition in
 * RFC 9162, and against each other.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { toHex } from './bytes.ts'
import {
  empty_root,
  leafHash,
  MerkleTree,
  nodeHash,
  storedHashCount,
  storedHashes,
  storedHashIndex,
} from './merkle.ts'
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from './proof.ts'
import vectors from './vector/rfc6962.json' with { type: 'json' }

const unhex = (hex: string): Uint8Array => Buffer.from(hex, 'hex')
const leaves_max = 130

/** MTH as RFC 9162, section 2.1.1 writes it down. */
const treeHash = (leaves: readonly Uint8Array[]): Uint8Array => {
  const [first] = leaves
  if (first === undefined) return empty_root
  if (leaves.length === 1) return leafHash(first)
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return nodeHash(treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)))
}

const leaf = (n: number): Uint8Array => new TextEncoder().encode(`leaf ${n}`)
const grown = (() => {
  const hashes: Uint8Array[] = []
  const roots = [empty_root]
  const tree = new MerkleTree()
  const read = (indexes: readonly number[]): Uint8Array[] =>
    indexes.map((index) => hashes[index] ?? new Uint8Array())
  for (let n = 0; n < leaves_max; n++) {
    expect(hashes.length).toBe(storedHashIndex(0, n))
    hashes.push(...storedHashes(n, leaf(n), read))
    tree.append(leafHash(leaf(n)))
    roots.push(tree.root())
  }
  return { hashes, roots, read }
})()
const rootOf = (size: number): Uint8Array => grown.roots[size] ?? new Uint8Array()

describe('known answers', () => {
  test('roots', () => {
    const tree = new MerkleTree()
    expect(toHex(tree.root())).toBe(vectors.empty_root)
    for (const [at, data] of vectors.leaves.entries()) {
      tree.append(leafHash(unhex(data)))
      expect(toHex(tree.root())).toBe(vectors.roots[at] ?? '')
    }
    expect(vectors.leaves.length).toBe(8)
  })

  const hashes: Uint8Array[] = []
  const read = (indexes: readonly number[]): Uint8Array[] =>
    indexes.map((index) => hashes[index] ?? new Uint8Array())
  for (const [n, data] of vectors.leaves.entries())
    hashes.push(...storedHashes(n, unhex(data), read))

  for (const { index, size, proof } of vectors.inclusion)
    test(`inclusion of ${index} in ${size}`, async () => {
      const made = await inclusionProof(size, index, read)
      expect(made.map(toHex)).toEqual(proof)
      const root = unhex(vectors.roots[size - 1] ?? '')
      const hash = leafHash(unhex(vectors.leaves[index] ?? ''))
      expect(verifyInclusion(hash, index, size, root, proof.map(unhex))).toBe(true)
    })

  for (const { old_size, size, proof } of vectors.consistency)
    test(`consistency of ${old_size} with ${size}`, async () => {
      const made = await consistencyProof(old_size, size, read)
      expect(made.map(toHex)).toEqual(proof)
      const [old_root, root] = [old_size, size].map((n) => unhex(vectors.roots[n - 1] ?? ''))
      if (old_root === undefined || root === undefined) throw new Error('no roots')
      expect(verifyConsistency(old_size, old_root, size, root, proof.map(unhex))).toBe(true)
    })
})

test('a growing tree has the root of the definition', () => {
  for (const size of [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 100, leaves_max]) {
    const leaves = Array.from({ length: size }, (_, n) => leaf(n))
    expect(toHex(rootOf(size))).toBe(toHex(treeHash(leaves)))
  }
})

test('a tree continues from its frontier', () => {
  for (let size = 0; size <= 40; size++) {
    const tree = new MerkleTree()
    for (let n = 0; n < size; n++) tree.append(leafHash(leaf(n)))
    const continued = new MerkleTree({ size, frontier: tree.frontier() })
    continued.append(leafHash(leaf(size)))
    expect(toHex(continued.root())).toBe(toHex(rootOf(size + 1)))
    expect(continued.size).toBe(size + 1)
    expect(toHex(tree.root())).toBe(toHex(rootOf(size)))
  }
  expect(() => new MerkleTree({ size: 3, frontier: [empty_root] })).toThrow('assertion')
})

test('hashes are stored in the order of Go', () => {
  // A leaf, then each subtree that it completes.
  const order = [
    [0, 0],
    [0, 1],
    [1, 0],
    [0, 2],
    [0, 3],
    [1, 1],
    [2, 0],
    [0, 4],
  ] as const
  for (const [index, [level, n]] of order.entries()) expect(storedHashIndex(level, n)).toBe(index)
  expect(grown.hashes.length).toBe(storedHashCount(leaves_max))
  // Beyond 32 bits.
  expect(storedHashIndex(0, 2 ** 40)).toBe(2 ** 41 - 1)
})

test('every proof of every tree is valid, and no other', async () => {
  for (let size = 1; size <= 70; size++)
    for (let index = 0; index < size; index++) {
      const proof = await inclusionProof(size, index, grown.read)
      const hash = leafHash(leaf(index))
      const valid = (i: number, s: number, root: Uint8Array, p: readonly Uint8Array[]): boolean =>
        verifyInclusion(hash, i, s, root, p)
      expect(valid(index, size, rootOf(size), proof)).toBe(true)
      expect(valid(index + 1, size, rootOf(size), proof)).toBe(false)
      expect(valid(index, size, rootOf(size + 1), proof)).toBe(false)
      expect(valid(index, size, rootOf(size), [...proof, hash])).toBe(false)
      if (proof.length > 0) expect(valid(index, size, rootOf(size), proof.slice(1))).toBe(false)
      expect(verifyInclusion(leafHash(leaf(999)), index, size, rootOf(size), proof)).toBe(false)
    }
  for (let size = 1; size <= 70; size++)
    for (let old = 1; old <= size; old++) {
      const proof = await consistencyProof(old, size, grown.read)
      expect(verifyConsistency(old, rootOf(old), size, rootOf(size), proof)).toBe(true)
      expect(verifyConsistency(old, rootOf(old - 1), size, rootOf(size), proof)).toBe(false)
      expect(verifyConsistency(old, rootOf(old), size, rootOf(size + 1), proof)).toBe(false)
      expect(verifyConsistency(old, rootOf(old), size, rootOf(size), [...proof, empty_root])).toBe(
        false,
      )
    }
})

test('a proof with any bit flipped is refused', async () => {
  const place = fc
    .integer({ min: 2, max: leaves_max })
    .chain((size) =>
      fc.tuple(fc.constant(size), fc.integer({ min: 1, max: size - 1 }), fc.nat(), fc.nat(255)),
    )
  await fc.assert(
    fc.asyncProperty(place, async ([size, at, which, bit]) => {
      for (const kind of ['inclusion', 'consistency'] as const) {
        const made = await (kind === 'inclusion' ? inclusionProof : swapped)(size, at, grown.read)
        const proof = made.map((hash) => Uint8Array.from(hash))
        const hash = proof[which % proof.length]
        if (hash === undefined) return
        hash[bit >> 3] = (hash[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const ok =
          kind === 'inclusion'
            ? verifyInclusion(leafHash(leaf(at)), at, size, rootOf(size), proof)
            : verifyConsistency(at, rootOf(at), size, rootOf(size), proof)
        expect(ok).toBe(false)
      }
    }),
  )
})

const swapped: typeof inclusionProof = (size, old_size, read) =>
  consistencyProof(old_size, size, read)

test('nonsense is refused, not thrown at', () => {
  const short = new Uint8Array(31)
  expect(verifyInclusion(empty_root, 0, 0, empty_root, [])).toBe(false)
  expect(verifyInclusion(empty_root, -1, 1, empty_root, [])).toBe(false)
  expect(verifyInclusion(empty_root, 0.5, 1, empty_root, [])).toBe(false)
  expect(verifyInclusion(short, 0, 1, short, [])).toBe(false)
  expect(verifyInclusion(empty_root, 0, 2 ** 60, empty_root, [])).toBe(false)
  expect(verifyInclusion(empty_root, 0, 2, empty_root, [short])).toBe(false)
  expect(verifyConsistency(0, empty_root, 3, empty_root, [])).toBe(true)
  expect(verifyConsistency(0, leafHash(short), 3, empty_root, [])).toBe(false)
  expect(verifyConsistency(2, empty_root, 1, empty_root, [])).toBe(false)
  expect(verifyConsistency(2, empty_root, 4, empty_root, [])).toBe(false)
  expect(verifyConsistency(1, empty_root, 2, empty_root, [])).toBe(false)
})

test('a state is what the tree was, whatever is appended behind it, and a tree goes on from it', () => {
  const tree = new MerkleTree()
  const states = Array.from({ length: 40 }, (_, n) => {
    const state = tree.state()
    tree.append(leafHash(leaf(n)))
    return state
  })
  for (const [size, state] of states.entries()) {
    expect(state.size).toBe(size)
    const again = new MerkleTree(state)
    for (let n = size; n < states.length; n++) again.append(leafHash(leaf(n)))
    expect(toHex(again.root())).toBe(toHex(tree.root()))
  }
})
