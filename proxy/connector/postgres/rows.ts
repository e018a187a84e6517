/**
 * Results: which columns they have, which of those are protected, and where in each row their values lie.
 *
 * @module
 */
import type { Field } from '../../core/connector.ts'
import { columns_max } from './limits.ts'
import { header_bytes, i32, stringEnd, u16, u32 } from './message.ts'

export interface Column {
  /** Of the relation that the value is taken from as it is; 0 for what was computed. */
  readonly relation: number
  /** In that relation; 0 for all of a row. */
  readonly attribute: number
  readonly type: number
  /** Where its name stands in the message. */
  readonly name: Field
}

/** What happens to a column: undefined is looked through as any text is. */
export type Treatment =
  | undefined
  /** Covered by stars: a text stays one. */
  | { readonly how: 'cover'; readonly rule: string }
  /** NULL in its place: stars are no number, no date, no JSON. */
  | { readonly how: 'null'; readonly rule: string }

/** Undefined when the RowDescription is malformed. */
export function readColumns(bytes: Uint8Array): readonly Column[] | undefined {
  const count = u16(bytes, header_bytes)
  if (bytes.length < header_bytes + 2 || count > columns_max) return undefined
  const columns: Column[] = []
  let at = header_bytes + 2
  for (let index = 0; index < count; index++) {
    const end = stringEnd(bytes, at)
    if (end < 0 || end + 19 > bytes.length) return undefined
    columns.push({
      name: { start: at, end },
      relation: u32(bytes, end + 1),
      attribute: (u16(bytes, end + 5) << 16) >> 16,
      type: u32(bytes, end + 7),
    })
    at = end + 19
  }
  return at === bytes.length ? columns : undefined
}

/** Types whose values are any text: char, name, text, unknown, bpchar, varchar, cstring. */
const texts: ReadonlySet<number> = new Set([18, 19, 25, 705, 1042, 1043, 2275])

export function treatmentOf(type: number, rule: string): Treatment {
  return { how: texts.has(type) ? 'cover' : 'null', rule }
}

export interface Row {
  /** Other bytes than those that came, where a value became NULL. */
  readonly bytes: Uint8Array
  readonly fields: readonly Field[]
}

/**
 * The values of a DataRow. `treatments` by column; undefined when nothing is known of them, and `fallback` counts.
 * Undefined when the message is malformed, or has other columns than were announced.
 */
export function readRow(
  bytes: Uint8Array,
  treatments: readonly Treatment[] | undefined,
  fallback: Treatment,
): Row | undefined {
  const count = u16(bytes, header_bytes)
  if (bytes.length < header_bytes + 2) return undefined
  if (treatments !== undefined && treatments.length !== count) return undefined
  const fields: Field[] = []
  const nulls: { readonly start: number; readonly end: number }[] = []
  let at = header_bytes + 2
  for (let index = 0; index < count; index++) {
    if (at + 4 > bytes.length) return undefined
    const length = i32(bytes, at)
    const start = at + 4
    if (length < -1) return undefined
    at = start + Math.max(length, 0)
    if (at > bytes.length) return undefined
    if (length <= 0) continue
    const treatment = treatments === undefined ? fallback : treatments[index]
    if (treatment === undefined) fields.push({ start, end: at })
    else if (treatment.how === 'cover') fields.push({ start, end: at, rule: treatment.rule })
    else nulls.push({ start, end: at })
  }
  if (at !== bytes.length) return undefined
  return nulls.length === 0 ? { bytes, fields } : withNulls(bytes, fields, nulls)
}

const minus_one = Uint8Array.of(0xff, 0xff, 0xff, 0xff)

function withNulls(
  bytes: Uint8Array,
  fields: readonly Field[],
  nulls: readonly { readonly start: number; readonly end: number }[],
): Row {
  const gone = nulls.reduce((sum, { start, end }) => sum + end - start, 0)
  const made = new Uint8Array(bytes.length - gone)
  const moved: Field[] = []
  let from = 0
  let to = 0
  let next = 0
  const copy = (until: number): void => {
    made.set(bytes.subarray(from, until), to)
    for (
      let field = fields[next];
      field !== undefined && field.end <= until;
      field = fields[++next]
    )
      moved.push({ ...field, start: field.start - from + to, end: field.end - from + to })
    to += until - from
    from = until
  }
  for (const { start, end } of nulls) {
    copy(start)
    made.set(minus_one, to - 4)
    from = end
  }
  copy(bytes.length)
  new DataView(made.buffer).setUint32(1, made.length - 1)
  return { bytes: made, fields: moved }
}

const tab = 0x09
const newline = 0x0a

/**
 * The values of one row of `COPY ... TO STDOUT` in its text format: between tabs, up to the newline. `\N` is NULL.
 * Undefined when it is not one whole row of so many columns.
 */
export function readCopyRow(bytes: Uint8Array, treatments: readonly Treatment[]): Row | undefined {
  if (bytes.at(-1) !== newline) return undefined
  const fields: Field[] = []
  const parts: Uint8Array[] = [bytes.subarray(0, header_bytes)]
  let length = header_bytes
  let start = header_bytes
  for (const [index, treatment] of treatments.entries()) {
    const is_last = index === treatments.length - 1
    const end = bytes.indexOf(is_last ? newline : tab, start)
    if (end < 0 || (is_last && end !== bytes.length - 1)) return undefined
    const is_null = end - start === 2 && bytes[start] === 0x5c && bytes[start + 1] === 0x4e
    let value = bytes.subarray(start, end)
    if (!is_null && treatment?.how === 'null') value = Uint8Array.of(0x5c, 0x4e)
    else if (!is_null && value.length > 0)
      fields.push({
        start: length,
        end: length + value.length,
        ...(treatment === undefined ? {} : { rule: treatment.rule }),
      })
    parts.push(value, bytes.subarray(end, end + 1))
    length += value.length + 1
    start = end + 1
  }
  if (start !== bytes.length) return undefined
  const made = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    made.set(part, at)
    at += part.length
  }
  new DataView(made.buffer).setUint32(1, made.length - 1)
  return { bytes: made, fields }
}
