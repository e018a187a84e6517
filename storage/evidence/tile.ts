/**
 * A log as static files: C2SP tlog-tiles (https://c2sp.org/tlog-tiles). Paths, the hashes of a tile, and
 * bundles of entries.
 *
 * @module
 */
import { assert } from './assert.ts'
import { concat, hash_bytes } from './bytes.ts'
import { log_entry_bytes_max } from './limits.ts'
import { type AsyncHashReader, storedHashIndex } from './merkle.ts'

export interface Tile {
  /** 0 lists leaf hashes; above, each hash is a full tile of the level below. */
  readonly level: number | 'entries'
  /** Place in the level. */
  readonly index: number
  /** Hashes or entries, 1 to {@link tile_width}; fewer than that is a partial tile. */
  readonly width: number
}

export const tile_width = 256

/** Tree levels between two levels of tiles. */
const tile_height = 8
const level_max = 63

/** `tile/0/x001/x234/067.p/8`. */
export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g) ?? []
  const number = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
  return `tile/${level}/${number}${width === tile_width ? '' : `.p/${width}`}`
}

/** Undefined for anything that {@link tilePath} would not write. */
export function parseTilePath(path: string): Tile | undefined {
  const match = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path)
  if (match === null) return undefined
  const [, name = '', digits = '', partial] = match
  const level = name === 'entries' ? name : Number(name)
  const index = Number(digits.replaceAll(/[x/]/g, ''))
  const width = partial === undefined ? tile_width : Number(partial)
  if (level !== 'entries' && level > level_max) return undefined
  if (width < 1 || width > tile_width || !Number.isSafeInteger(index)) return undefined
  const tile: Tile = { level, index, width }
  return tilePath(tile) === path ? tile : undefined
}

/** Tiles that a log of `to` entries has in full, and one of `from` had not. */
export function* fullTiles(from: number, to: number): Generator<Tile> {
  for (let level = 0, span = tile_width; span <= to; level++, span *= tile_width)
    for (let index = Math.floor(from / span); (index + 1) * span <= to; index++) {
      if (level === 0) yield { level: 'entries', index, width: tile_width }
      yield { level, index, width: tile_width }
    }
}

/** Whether a log of `size` entries has this tile, in full or in part. */
export function hasTile({ level, index, width }: Tile, size: number): boolean {
  const nodes = level === 'entries' ? size : Math.floor(size / tile_width ** level)
  return index * tile_width + width <= nodes
}

/** The hashes of a tile, one after the other. */
export async function tileData(
  tile: Tile & { readonly level: number },
  read: AsyncHashReader,
): Promise<Uint8Array> {
  const first = tile.index * tile_width
  const indexes = Array.from({ length: tile.width }, (_, at) =>
    storedHashIndex(tile.level * tile_height, first + at),
  )
  const hashes = await read(indexes)
  assert(
    hashes.length === tile.width && hashes.every((hash) => hash.length === hash_bytes),
    'a hash reader gives a hash for each index',
  )
  return concat(hashes)
}

/** Each entry after its length as 16 bits, big-endian. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  const parts = entries.flatMap((entry) => {
    assert(entry.length <= log_entry_bytes_max, 'an entry is within its limit')
    return [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry]
  })
  return concat(parts)
}

/** Entries borrow from `bundle`. Undefined when a length does not fit, or there are too many. */
export function decodeEntryBundle(bundle: Uint8Array): readonly Uint8Array[] | undefined {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength)
  const entries: Uint8Array[] = []
  for (let at = 0; at < bundle.length; ) {
    if (at + 2 > bundle.length || entries.length === tile_width) return undefined
    const end = at + 2 + view.getUint16(at)
    if (end > bundle.length) return undefined
    entries.push(bundle.subarray(at + 2, end))
    at = end
  }
  return entries
}

/** The tiles at the end of a log of `size` entries that are not full, the lowest first. */
export function* partialTiles(size: number): Generator<Tile> {
  for (let level = 0, nodes = size; nodes > 0; level++, nodes = Math.floor(nodes / tile_width)) {
    const width = nodes % tile_width
    if (width === 0) continue
    const index = Math.floor(nodes / tile_width)
    if (level === 0) yield { level: 'entries', index, width }
    yield { level, index, width }
  }
}
