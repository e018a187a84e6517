/**
 * A Parse, read: which text gets which name.
 *
 * @module
 */
import type { Field } from '../../core/connector.ts'
import { header_bytes, stringEnd, u16 } from './message.ts'
import { nameOf } from './name.ts'

export interface ReadParse {
  readonly name: string
  /** As it stands in the bytes. */
  readonly raw_name: Uint8Array
  readonly text: Field
}

const nothing = new Uint8Array()

/** The one between `from` and `until`; undefined when it is malformed. */
export function readParse(
  bytes: Uint8Array,
  from: number,
  until: number,
): ReadParse | 'unnameable' | undefined {
  const name_at = from + header_bytes
  const name_end = stringEnd(bytes, name_at, until)
  const end = name_end < 0 ? -1 : stringEnd(bytes, name_end + 1, until)
  if (end < 0 || end + 3 > until || end + 3 + 4 * u16(bytes, end + 1) !== until) return undefined
  const name = nameOf(bytes, name_at, name_end)
  if (name === undefined) return 'unnameable'
  const raw_name = name === '' ? nothing : bytes.subarray(name_at, name_end)
  return { name, raw_name, text: { start: name_end + 1, end } }
}
