/**
 * A Bind, read: which prepared statement, as which portal, with which values.
 *
 * @module
 */
import type { Field } from '../../core/connector.ts'
import { header_bytes, i32, stringEnd, u16 } from './message.ts'
import { nameOf } from './name.ts'
import { parametersText } from './parameters.ts'

export interface ReadBind {
  readonly portal: string
  readonly name: string
  /** Values that are neither NULL nor empty. */
  readonly fields: readonly Field[]
  /** As a record has them. */
  readonly parameters: Uint8Array
}

/** Undefined for a malformed one. */
export function readBind(bytes: Uint8Array): ReadBind | 'unnameable' | undefined {
  const portal_end = stringEnd(bytes, header_bytes)
  const name_end = portal_end < 0 ? -1 : stringEnd(bytes, portal_end + 1)
  if (name_end < 0) return undefined
  let at = name_end + 1
  const format_count = u16(bytes, at)
  const formats_at = at + 2
  at = formats_at + 2 * format_count
  if (at + 2 > bytes.length) return undefined
  const count = u16(bytes, at)
  at += 2
  const fields: Field[] = []
  const values: (Field | undefined)[] = []
  for (let index = 0; index < count; index++) {
    if (at + 4 > bytes.length) return undefined
    const length = i32(bytes, at)
    const start = at + 4
    if (length < -1) return undefined
    at = start + Math.max(length, 0)
    if (at > bytes.length) return undefined
    if (length > 0) fields.push({ start, end: at })
    values.push(length < 0 ? undefined : { start, end: at })
  }
  if (at + 2 + 2 * u16(bytes, at) !== bytes.length) return undefined
  const formatOf = (index: number): number =>
    format_count === 0 ? 0 : u16(bytes, formats_at + 2 * (format_count === 1 ? 0 : index))
  const portal = nameOf(bytes.subarray(header_bytes, portal_end))
  const name = nameOf(bytes.subarray(portal_end + 1, name_end))
  if (portal === undefined || name === undefined) return 'unnameable'
  return { portal, name, fields, parameters: parametersText(bytes, values, formatOf) }
}
