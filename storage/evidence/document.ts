/**
 * What stands behind a log entry: random bytes, then JSON. The digest is over both, so that nobody can
 * guess the content from it, and deleting the document leaves nothing. Normative: FORMAT.md, section 3.
 *
 * @module
 */
import { assert } from './assert.ts'
import { concat, type JsonObject, parseObject, sha256, toHex } from './bytes.ts'
import { document_bytes_max, document_salt_bytes } from './limits.ts'

export interface Document {
  /** SHA-256 of `bytes`, hex. */
  readonly digest: string
  /** Owned by the caller. */
  readonly bytes: Uint8Array
}

/** `salt` is 32 random bytes of this document's own. */
export function makeDocument(facts: JsonObject, salt: Uint8Array): Document {
  assert(salt.length === document_salt_bytes, 'a document begins with 32 random bytes')
  const bytes = concat([salt, new TextEncoder().encode(JSON.stringify(facts))])
  assert(bytes.length <= document_bytes_max, 'a document is within its limit')
  return { digest: digestOf(bytes), bytes }
}

/** The facts of a document; undefined when it is not one. Its digest is the caller's to compare. */
export function openDocument(bytes: Uint8Array): JsonObject | undefined {
  if (bytes.length <= document_salt_bytes || bytes.length > document_bytes_max) return undefined
  return parseObject(bytes.subarray(document_salt_bytes))
}

/** SHA-256 as hex: the name of a document, an envelope or a leaf list in a store. */
export function digestOf(bytes: Uint8Array): string {
  return toHex(sha256(bytes))
}
