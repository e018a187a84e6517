/**
 * A document with all that proves it to somebody who has a log's key alone: its log entry, the entry's place and
 * path in the log, and a signed checkpoint. Normative: FORMAT.md, section 11.1.
 *
 * @module
 */
import {
  fromBase64,
  hash_bytes,
  isCount,
  isObject,
  type JsonObject,
  toBase64,
  toHex,
} from './bytes.ts'
import {
  document_bytes_max,
  log_entry_bytes_max,
  note_bytes_max,
  proof_hashes_max,
} from './limits.ts'
import type { Proof } from './proof.ts'

export interface LoggedDocument {
  readonly document: Uint8Array
  /** The leaf of the log. */
  readonly entry: Uint8Array
  readonly index: number
  readonly path: Proof
  /** A signed note. */
  readonly checkpoint: Uint8Array
}

const base64_growth = 4 / 3

export function encodeLogged(logged: LoggedDocument): JsonObject {
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
  return {
    document: toBase64(logged.document),
    entry: text(logged.entry),
    index: logged.index,
    path: logged.path.map(toHex),
    checkpoint: text(logged.checkpoint),
  }
}

/** Undefined when it has not that shape. Nothing of it is believed. */
export function parseLogged(value: unknown): LoggedDocument | undefined {
  if (!isObject(value)) return undefined
  const { document, entry, index, path, checkpoint } = value as Record<string, unknown>
  const bytes = bytesOf(document, document_bytes_max)
  const hashes = parsePath(path)
  if (bytes === undefined || hashes === undefined || !isCount(index)) return undefined
  if (typeof entry !== 'string' || entry.length > log_entry_bytes_max) return undefined
  if (typeof checkpoint !== 'string' || checkpoint.length > note_bytes_max) return undefined
  const encoder = new TextEncoder()
  return {
    document: bytes,
    entry: encoder.encode(entry),
    index,
    path: hashes,
    checkpoint: encoder.encode(checkpoint),
  }
}

/** A proof as a list of hashes in hex. */
export function parsePath(value: unknown): Proof | undefined {
  if (!Array.isArray(value) || value.length > proof_hashes_max) return undefined
  const hashes = value.map((hash: unknown) =>
    typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash) ? Buffer.from(hash, 'hex') : undefined,
  )
  const proof = hashes.filter((hash) => hash?.length === hash_bytes) as Uint8Array[] // The others are gone.
  return proof.length === value.length ? proof : undefined
}

/** Bytes in base64, at most so many. */
export function bytesOf(value: unknown, bytes_max: number): Uint8Array | undefined {
  if (typeof value !== 'string' || value.length > Math.ceil(bytes_max * base64_growth) + 4)
    return undefined
  const bytes = fromBase64(value)
  return bytes !== undefined && bytes.length <= bytes_max ? bytes : undefined
}
