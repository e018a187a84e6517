/**
 * What a witness saw last, in a directory: a file for each log, replaced as a whole.
 *
 * @module
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { sha256, toHex } from '../evidence/bytes.ts'
import type { WitnessState } from './witness.ts'

/** Makes the directory when it is missing. Whoever opens it holds the only lock on it. */
export function openWitnessState(dir: string): WitnessState {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  return {
    last(origin) {
      try {
        return readFileSync(fileOf(dir, origin))
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
        throw error
      }
    },
    keep: (origin, note) => writeWhole(dir, fileOf(dir, origin), note),
  }
}

/** An origin may have any character: its hash is its name. */
const fileOf = (dir: string, origin: string): string =>
  join(dir, `${toHex(sha256(Buffer.from(origin)))}.checkpoint`)

/** A file that is whole and durable, old or new, whatever happens meanwhile. */
export function writeWhole(dir: string, file: string, bytes: Uint8Array): void {
  const draft = `${file}.new`
  const descriptor = openSync(draft, 'w', 0o600)
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(draft, file)
  const folder = openSync(dir, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
