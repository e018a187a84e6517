/**
 * Another implementation reads our log, and we read its: Go's `golang.org/x/mod/sumdb`, from Debian's
 * `golang-go` and `golang-golang-x-mod-dev`. Notes, tiles, entry bundles, inclusion and consistency.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { toHex } from '../../storage/evidence/bytes.ts'
import { checkpointText, parseCheckpoint } from '../../storage/evidence/checkpoint.ts'
import { leafHash, MerkleTree, storedHashes } from '../../storage/evidence/merkle.ts'
import { noteSigner, noteVerifier, openNote, signNote } from '../../storage/evidence/note.ts'
import {
  consistencyProof,
  inclusionProof,
  verifyConsistency,
  verifyInclusion,
} from '../../storage/evidence/proof.ts'
import {
  decodeEntryBundle,
  encodeEntryBundle,
  tile_width,
  tileData,
  tilePath,
} from '../../storage/evidence/tile.ts'
import { ranOf } from '../fixture/ran.ts'

interface Proofs {
  readonly Inclusion: readonly {
    readonly Index: number
    readonly Size: number
    readonly Leaf: string
    readonly Root: string
    readonly Proof: readonly string[]
  }[]
  readonly Consistency: readonly {
    readonly OldSize: number
    readonly Size: number
    readonly OldRoot: string
    readonly Root: string
    readonly Proof: readonly string[]
  }[]
}

const gopath = '/usr/share/gocode'
const available =
  Bun.which('go') !== null && existsSync(join(gopath, 'src/golang.org/x/mod/sumdb/tlog'))
const required = process.env['SLUICE_TEST_REQUIRE'] === '1'
const build_ms_max = 240_000

const unhex = (text: string): Uint8Array => Buffer.from(text, 'hex')

/** Runs the oracle; its standard error says what it found. */
async function oracle(
  verb: 'check' | 'make',
  dir: string,
): Promise<{ code: number; said: string }> {
  const env = {
    ...process.env,
    GO111MODULE: 'off',
    GOPATH: gopath,
    GOFLAGS: '',
    GOTOOLCHAIN: 'local',
  }
  const go = Bun.spawn(['go', 'run', join(import.meta.dir, 'sumdb.go'), verb, dir], {
    env,
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const { code, stdout, stderr } = await ranOf(go)
  return { code, said: stdout + stderr }
}

async function inScratch(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-oracle-'))
  try {
    await run(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const write = async (dir: string, path: string, bytes: Uint8Array | string): Promise<void> => {
  await mkdir(dirname(join(dir, path)), { recursive: true })
  await writeFile(join(dir, path), bytes)
}

function grow(entries: readonly Uint8Array[]): {
  readonly read: (indexes: readonly number[]) => Uint8Array[]
  readonly roots: readonly Uint8Array[]
} {
  const hashes: Uint8Array[] = []
  const tree = new MerkleTree()
  const roots: Uint8Array[] = []
  const read = (indexes: readonly number[]): Uint8Array[] =>
    indexes.map((index) => hashes[index] ?? new Uint8Array())
  for (const [n, entry] of entries.entries()) {
    hashes.push(...storedHashes(n, entry, read))
    tree.append(leafHash(entry))
    roots.push(tree.root())
  }
  return { read, roots }
}

/** Every tile that a log of `size` entries has, full ones and the last of each level. */
function* tilesOf(size: number): Generator<{ level: number; index: number; width: number }> {
  for (let level = 0, nodes = size; nodes > 0; level++, nodes = Math.floor(nodes / tile_width))
    for (let index = 0; index * tile_width < nodes; index++)
      yield { level, index, width: Math.min(tile_width, nodes - index * tile_width) }
}

async function writeLog(dir: string): Promise<void> {
  const entries = Array.from({ length: 600 }, (_, n) =>
    new TextEncoder().encode(`{"entry":${n}}`.repeat(n % 30)),
  )
  const size = entries.length
  const { read, roots } = grow(entries)
  const root = (n: number): string => toHex(roots[n - 1] ?? new Uint8Array())
  const signer = noteSigner(
    'edge-1/0123456789abcdef',
    generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' }),
  )
  const text = checkpointText({ origin: signer.name, size, root: unhex(root(size)) })
  await write(dir, 'key', `${signer.verifier_key}\n`)
  await write(dir, 'checkpoint', signNote(text, [signer]))
  for (const tile of tilesOf(size)) {
    await write(dir, tilePath(tile), await tileData(tile, read))
    if (tile.level > 0) continue
    const from = tile.index * tile_width
    const bundle = encodeEntryBundle(entries.slice(from, from + tile.width))
    await write(dir, tilePath({ ...tile, level: 'entries' }), bundle)
  }
  const places = [
    [1, 0],
    [2, 1],
    [255, 3],
    [256, 255],
    [257, 256],
    [600, 0],
    [600, 511],
    [600, 599],
  ] as const
  const proofs: Proofs = {
    Inclusion: await Promise.all(
      places.map(async ([tree, index]) => ({
        Index: index,
        Size: tree,
        Leaf: toHex(leafHash(entries[index] ?? new Uint8Array())),
        Root: root(tree),
        Proof: (await inclusionProof(tree, index, read)).map(toHex),
      })),
    ),
    Consistency: await Promise.all(
      places.map(async ([old]) => ({
        OldSize: old,
        Size: size,
        OldRoot: root(old),
        Root: root(size),
        Proof: (await consistencyProof(old, size, read)).map(toHex),
      })),
    ),
  }
  await write(dir, 'proofs.json', JSON.stringify(proofs))
}

describe.skipIf(!available && !required)("Go's sumdb as an oracle", () => {
  test(
    'Go accepts our checkpoint, tiles, bundles and proofs',
    () =>
      inScratch(async (dir) => {
        await writeLog(dir)
        expect(await oracle('check', dir)).toEqual({
          code: 0,
          said: '600 entries, 8 inclusion proofs, 8 consistency proofs\n',
        })
      }),
    build_ms_max,
  )

  test(
    'canary: Go refuses what was changed',
    () =>
      inScratch(async (dir) => {
        await writeLog(dir)
        for (const [path, said] of [
          ['tile/0/000', 'tile'],
          ['tile/entries/000', 'is not the leaf'],
          ['checkpoint', 'checkpoint'],
        ] as const) {
          const bytes = await readFile(join(dir, path))
          const changed = Buffer.from(bytes)
          changed[60] = (changed[60] ?? 0) ^ 1
          await write(dir, path, changed)
          const { code, said: words } = await oracle('check', dir)
          expect(code, path).not.toBe(0)
          expect(words, path).toContain(said)
          await write(dir, path, bytes)
        }
      }),
    build_ms_max,
  )

  test(
    "we accept Go's checkpoint, tiles, bundles and proofs",
    () =>
      inScratch(async (dir) => {
        expect(await oracle('make', dir)).toEqual({ code: 0, said: '' })
        const verifier = noteVerifier((await readFile(join(dir, 'key'), 'utf8')).trim())
        if (verifier === undefined) throw new Error("Go's verifier key is refused")
        const opened = openNote(await readFile(join(dir, 'checkpoint')), [verifier])
        if (!opened.ok) throw new Error(opened.reason)
        const checkpoint = parseCheckpoint(opened.text)
        const size = checkpoint?.size ?? 0
        expect([checkpoint?.origin, size]).toEqual([verifier.name, 600])
        const entries: Uint8Array[] = []
        for (const tile of tilesOf(size))
          if (tile.level === 0) {
            const path = tilePath({ ...tile, level: 'entries' })
            entries.push(...(decodeEntryBundle(await readFile(join(dir, path))) ?? []))
          }
        const { read, roots } = grow(entries)
        expect(toHex(roots.at(-1) ?? new Uint8Array())).toBe(
          toHex(checkpoint?.root ?? new Uint8Array()),
        )
        for (const tile of tilesOf(size))
          expect(toHex(await tileData(tile, read)), tilePath(tile)).toBe(
            toHex(await readFile(join(dir, tilePath(tile)))),
          )
        const proofs: Proofs = JSON.parse(await readFile(join(dir, 'proofs.json'), 'utf8'))
        expect(proofs.Inclusion.length + proofs.Consistency.length).toBe(16)
        for (const p of proofs.Inclusion) {
          const proof = p.Proof.map(unhex)
          expect(verifyInclusion(unhex(p.Leaf), p.Index, p.Size, unhex(p.Root), proof)).toBe(true)
          expect((await inclusionProof(p.Size, p.Index, read)).map(toHex)).toEqual([...p.Proof])
        }
        for (const p of proofs.Consistency) {
          const proof = p.Proof.map(unhex)
          const roots_of = [unhex(p.OldRoot), unhex(p.Root)] as const
          expect(verifyConsistency(p.OldSize, roots_of[0], p.Size, roots_of[1], proof)).toBe(true)
          expect((await consistencyProof(p.OldSize, p.Size, read)).map(toHex)).toEqual([...p.Proof])
        }
      }),
    build_ms_max,
  )
})
