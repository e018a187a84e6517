/**
 * One masked value and the proof that it is what was masked, for somebody who has nothing else but a log's key.
 * Normative: FORMAT.md, section 11.2.
 *
 * @module
 */
import { isCount, isSessionId, parseObject, toBase64, toHex } from './bytes.ts'
import { span_salt_bytes } from './commitment.ts'
import { disclosure_bytes_max, record_bytes_max } from './limits.ts'
import { bytesOf, encodeLogged, type LoggedDocument, parseLogged, parsePath } from './logged.ts'
import type { Proof } from './proof.ts'

export interface Disclosure {
  readonly session: string
  /** Sequence of the record, and which of its spans. */
  readonly record: number
  readonly span: number
  /** The raw bytes behind the mask. */
  readonly value: Uint8Array
  /** Of that place alone. */
  readonly nonce: Uint8Array
  /** The whole record, as it is stored, and its path in the session's tree. */
  readonly stored: Uint8Array
  readonly path: Proof
  /** The session's manifest. */
  readonly manifest: LoggedDocument
  /** Where the log is that of a gateway's worker: what names it in the gateway's own. */
  readonly named_by?: LoggedDocument
}

const magic = 'sluice/disclosure v1'

/** UTF-8 JSON, indented for a reader. */
export function encodeDisclosure(disclosure: Disclosure): Uint8Array {
  const { session, record, span, value, nonce, stored, path, manifest, named_by } = disclosure
  const text = JSON.stringify(
    {
      magic,
      ...{ session, record, span },
      value: toBase64(value),
      nonce: toHex(nonce),
      stored: toBase64(stored),
      path: path.map(toHex),
      manifest: encodeLogged(manifest),
      ...(named_by === undefined ? {} : { named_by: encodeLogged(named_by) }),
    },
    undefined,
    2,
  )
  return new TextEncoder().encode(`${text}\n`)
}

/** Whether a file says that it is a disclosure, of whatever version. */
export function isDisclosure(bytes: Uint8Array): boolean {
  const said = parseObject(bytes.subarray(0, disclosure_bytes_max))?.['magic']
  return typeof said === 'string' && said.startsWith('sluice/disclosure ')
}

/** Undefined when it is none of this version. Nothing of it is believed. */
export function parseDisclosure(bytes: Uint8Array): Disclosure | undefined {
  const file = bytes.length > disclosure_bytes_max ? undefined : parseObject(bytes)
  if (file === undefined || file['magic'] !== magic) return undefined
  const { session, record, span, nonce } = file as Record<string, unknown>
  if (!isSessionId(session) || !isCount(record) || !isCount(span)) return undefined
  if (typeof nonce !== 'string' || !/^[0-9a-f]{64}$/.test(nonce)) return undefined
  const value = bytesOf(file['value'], record_bytes_max)
  const stored = bytesOf(file['stored'], record_bytes_max)
  const path = parsePath(file['path'])
  const manifest = parseLogged(file['manifest'])
  const named_by = file['named_by'] === undefined ? undefined : parseLogged(file['named_by'])
  if (value === undefined || stored === undefined || path === undefined) return undefined
  if (manifest === undefined || (file['named_by'] !== undefined) !== (named_by !== undefined))
    return undefined
  const place = { session, record, span }
  const key = Buffer.from(nonce, 'hex').subarray(0, span_salt_bytes)
  const named = named_by === undefined ? {} : { named_by }
  return { ...place, value, nonce: key, stored, path, manifest, ...named }
}
