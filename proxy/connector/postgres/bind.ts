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
  /** Values that are neither NULL nor empty: where they stand in the bytes. */
  readonly fields: readonly Field[]
  /** As a record has them. */
  readonly parameters: Uint8Array
}

/** The one between `from` and `until`; undefined when it is malformed. */
export function readBind(
  bytes: Uint8Array,
  from: number,
  until: number,
): ReadBind | 'unnameable' | undefined {
  const portal_at = from + header_bytes
  const portal_end = stringEnd(bytes, portal_at, until)
  const name_end = portal_end < 0 ? -1 : stringEnd(bytes, portal_end + 1, until)
  // So many bytes its counts have.
  if (name_end < 0 || name_end + 7 > until) return undefined
  const format_count = u16(bytes, name_end + 1)
  const formats_at = name_end + 3
  let at = formats_at + 2 * format_count
  if (at + 2 > until) return undefined
  const count = u16(bytes, at)
  at += 2
  const fields: Field[] = []
  const values: (Field | undefined)[] = []
  for (let index = 0; index < count; index++) {
    if (at + 4 > until) return undefined
    const length = i32(bytes, at)
    const start = at + 4
    if (length < -1) return undefined
    at = start + Math.max(length, 0)
    if (at > until) return undefined
    const value = length < 0 ? undefined : { start, end: at }
    if (value !== undefined && length > 0) fields.push(value)
    values.push(value)
  }
  if (at + 2 > until || at + 2 + 2 * u16(bytes, at) !== until) return undefined
  const formatOf = (index: number): number =>
    format_count === 0 ? 0 : u16(bytes, formats_at + 2 * (format_count === 1 ? 0 : index))
  const portal = nameOf(bytes, portal_at, portal_end)
  const name = nameOf(bytes, portal_end + 1, name_end)
  if (portal === undefined || name === undefined) return 'unnameable'
  return { portal, name, fields, parameters: parametersText(bytes, values, formatOf) }
}
