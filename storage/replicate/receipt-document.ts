/**
 * Receipts as the log has them: the document of an `evidence.replicated` entry. Normative: FORMAT.md, section 3.6.
 *
 * @module
 */
import { isDigest, isObject, type JsonObject } from '../evidence/bytes.ts'
import { parseKey } from './keys.ts'
import type { Receipt } from './receipts.ts'

/** Those that are of their form; a reader leaves what it does not know alone. */
export function readReceipts(facts: JsonObject): readonly Receipt[] {
  const { objects } = facts as Record<string, unknown>
  return Array.isArray(objects) ? objects.filter(isReceipt) : []
}

function isReceipt(value: unknown): value is Receipt {
  if (!isObject(value)) return false
  const { key, version, sha256 } = value as Record<string, unknown>
  return (
    typeof key === 'string' &&
    parseKey(key) !== undefined &&
    typeof version === 'string' &&
    version.length <= 1024 &&
    isDigest(sha256)
  )
}
