/**
 * Results: which columns they have, which of those are protected, and where in each row their values lie.
 *
 * @module
 */
import type { ColumnStrategy } from '../../core/column.ts'
import type { Field } from '../../core/connector.ts'
import { elementsOf, withElements } from './array.ts'
import { movedBy } from './field.ts'
import { columns_max } from './limits.ts'
import { header_bytes, i32, stringEnd, u16, u32 } from './message.ts'
import { digestOf, partFields, type ShowingStrategy, type Shown, showText } from './strategy.ts'

export interface Column {
  /** Of the relation that the value is taken from as it is; 0 for what was computed. */
  readonly relation: number
  /** In that relation; 0 for all of a row. */
  readonly attribute: number
  readonly type: number
  /** As it was described: which of the formats is known of a portal, and of a simple query. */
  readonly is_binary: boolean
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
  /** Something of it is shown: of a text, or of each element of an array of texts. */
  | {
      readonly how: 'show'
      readonly rule: string
      readonly strategy: ShowingStrategy
      readonly array: 'none' | 'text' | 'binary'
    }

/** Of the RowDescription between `from` and `until`; undefined when it is malformed. */
export function readColumns(
  bytes: Uint8Array,
  from: number,
  until: number,
): readonly Column[] | undefined {
  let at = from + header_bytes + 2
  if (until < at) return undefined
  const count = u16(bytes, at - 2)
  if (count > columns_max) return undefined
  const columns: Column[] = []
  for (let index = 0; index < count; index++) {
    const end = stringEnd(bytes, at, until)
    if (end < 0 || end + 19 > until) return undefined
    columns.push({
      name: { start: at, end },
      relation: u32(bytes, end + 1),
      attribute: (u16(bytes, end + 5) << 16) >> 16,
      type: u32(bytes, end + 7),
      is_binary: u16(bytes, end + 17) === 1,
    })
    at = end + 19
  }
  return at === until ? columns : undefined
}

/** Types whose values are any text: char, name, text, unknown, bpchar, varchar, cstring. */
const texts: ReadonlySet<number> = new Set([18, 19, 25, 705, 1042, 1043, 2275])

/** Arrays of those. */
const text_arrays: ReadonlySet<number> = new Set([1002, 1003, 1009, 1014, 1015, 1263])

/** `strategy`: of a value that is the column's own, as it stands there. */
export function treatmentOf(
  type: number,
  rule: string,
  strategy: ColumnStrategy = { kind: 'mask' },
  is_binary = false,
): Treatment {
  const is_array = text_arrays.has(type)
  if (strategy.kind === 'null' || !(texts.has(type) || is_array)) return { how: 'null', rule }
  if (strategy.kind === 'mask') return { how: is_array ? 'null' : 'cover', rule }
  const array = !is_array ? 'none' : is_binary ? 'binary' : 'text'
  return { how: 'show', rule, strategy, array }
}

export interface Row {
  /** Those that were given, with places in them; or a message of its own, where a value became another one. */
  readonly bytes: Uint8Array
  readonly fields: readonly Field[]
}

/**
 * The values of the DataRow between `from` and `until`. `treatments` by column; undefined when nothing is known of them, and `fallback` counts.
 * Undefined when the message is malformed, or has other columns than were announced.
 */
export function readRow(
  bytes: Uint8Array,
  from: number,
  until: number,
  treatments: readonly Treatment[] | undefined,
  fallback: Treatment,
  /** For digests. */
  key: Uint8Array,
): Row | undefined {
  let at = from + header_bytes + 2
  if (until < at) return undefined
  const count = u16(bytes, at - 2)
  if (treatments !== undefined && treatments.length !== count) return undefined
  const fields: Field[] = []
  let others: Other[] | undefined
  for (let index = 0; index < count; index++) {
    if (at + 4 > until) return undefined
    const length = i32(bytes, at)
    const start = at + 4
    if (length < -1) return undefined
    at = start + Math.max(length, 0)
    if (at > until) return undefined
    if (length <= 0) continue
    const treatment = treatments === undefined ? fallback : treatments[index]
    if (treatment === undefined) fields.push({ start, end: at })
    else if (treatment.how === 'cover') fields.push({ start, end: at, rule: treatment.rule })
    else if (treatment.how === 'null') (others ??= []).push({ start, end: at })
    else {
      const shown = show(bytes, start, at, treatment, key)
      if (shown.kind === 'fields') fields.push(...shown.fields)
      else if (shown.kind === 'null') (others ??= []).push({ start, end: at })
      else (others ??= []).push({ start, end: at, bytes: shown.bytes })
    }
  }
  if (at !== until) return undefined
  if (others === undefined) return { bytes, fields }
  if (from > 0) {
    const own = others.map((other) => ({
      ...other,
      start: other.start - from,
      end: other.end - from,
    }))
    const moved = fields.map((field) => movedBy(field, -from))
    return withOthers(bytes.subarray(from, until), moved, own)
  }
  return withOthers(bytes.subarray(0, until), fields, others)
}

/** A value and what stands in its place: NULL where nothing does. */
interface Other {
  readonly start: number
  readonly end: number
  readonly bytes?: Uint8Array
}

type Showing = Extract<Treatment, { how: 'show' }>

function show(
  bytes: Uint8Array,
  start: number,
  end: number,
  { strategy, rule, array }: Showing,
  key: Uint8Array,
): Shown {
  if (array === 'none') return showText(bytes, start, end, strategy, rule, key)
  const is_binary = array === 'binary'
  const elements = elementsOf(bytes, start, end, is_binary)
  // What cannot be read is not shown.
  if (elements === undefined) return { kind: 'null' }
  if (strategy.kind === 'hash') {
    const made = elements.map((element) => {
      const value = bytes.subarray(element.start, element.end)
      return { element, bytes: digestOf(element.is_escaped ? unescaped(value) : value, key) }
    })
    return { kind: 'bytes', bytes: withElements(bytes, start, end, is_binary, made) }
  }
  const fields = elements.flatMap((element): readonly Field[] =>
    element.is_escaped
      ? [{ start: element.start, end: element.end, rule }]
      : partFields(bytes, element, strategy, rule),
  )
  return { kind: 'fields', fields }
}

/** Of an array's element: a backslash stands before what is meant. */
function unescaped(value: Uint8Array): Uint8Array {
  const made: number[] = []
  for (let at = 0; at < value.length; at++) {
    if (value[at] === 0x5c) at += 1
    made.push(value[at] ?? 0)
  }
  return Uint8Array.from(made)
}

const minus_one = Uint8Array.of(0xff, 0xff, 0xff, 0xff)

function withOthers(bytes: Uint8Array, fields: readonly Field[], others: readonly Other[]): Row {
  const length = others.reduce(
    (sum, { start, end, bytes: other }) => sum + start - end + (other?.length ?? 0),
    bytes.length,
  )
  const made = new Uint8Array(length)
  const view = new DataView(made.buffer)
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
  for (const { start, end, bytes: other } of others) {
    copy(start)
    from = end
    if (other === undefined) made.set(minus_one, to - 4)
    else {
      view.setUint32(to - 4, other.length)
      made.set(other, to)
      to += other.length
    }
  }
  copy(bytes.length)
  view.setUint32(1, made.length - 1)
  return { bytes: made, fields: moved }
}

const tab = 0x09
const newline = 0x0a

/**
 * The values of one row of `COPY ... TO STDOUT` in its text format: between tabs, up to the newline. `\N` is NULL.
 * Undefined when it is not one whole row of so many columns.
 */
export function readCopyRow(
  bytes: Uint8Array,
  treatments: readonly Treatment[],
  key: Uint8Array,
): Row | undefined {
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
    if (!is_null && value.length > 0) {
      const shown = showCopied(value, treatment, key)
      if (shown.kind === 'null') value = Uint8Array.of(0x5c, 0x4e)
      else if (shown.kind === 'bytes') value = shown.bytes
      else for (const field of shown.fields) fields.push(movedBy(field, length))
    }
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

/** Escapes of the text format, and those of an array inside of it, are not read: who has some is not shown. */
function showCopied(value: Uint8Array, treatment: Treatment, key: Uint8Array): Shown {
  const whole = { start: 0, end: value.length }
  if (treatment === undefined) return { kind: 'fields', fields: [whole] }
  const { rule } = treatment
  if (treatment.how === 'cover') return { kind: 'fields', fields: [{ ...whole, rule }] }
  if (treatment.how === 'null' || treatment.array !== 'none') return { kind: 'null' }
  if (value.includes(0x5c)) return { kind: 'fields', fields: [{ ...whole, rule }] }
  return showText(value, 0, value.length, treatment.strategy, rule, key)
}
