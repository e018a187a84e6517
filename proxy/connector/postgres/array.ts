/**
 * Arrays of texts, in both formats: where their elements lie, and the same array with others in their place.
 *
 * PostgreSQL documentation, "Array Input and Output Syntax"; for the binary format `array_send` of its source.
 *
 * @module
 */
import { array_elements_max } from './limits.ts'
import { i32, u32 } from './message.ts'

export interface Element {
  readonly start: number
  readonly end: number
  /** Of the text format: something in it is written with a backslash. */
  readonly is_escaped: boolean
}

/** How many dimensions an array has (MAXDIM). */
const dimensions_max = 6

/** The elements that are not NULL; undefined for what is no array of texts, or one of more than can be looked at. */
export function elementsOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  is_binary: boolean,
): readonly Element[] | undefined {
  return is_binary ? inBinary(bytes, start, end) : inText(bytes, start, end)
}

/** The array from `start` to `end` with other elements; in the text format none of them needs a quote. */
export function withElements(
  bytes: Uint8Array,
  start: number,
  end: number,
  is_binary: boolean,
  elements: readonly { readonly element: Element; readonly bytes: Uint8Array }[],
): Uint8Array {
  const parts: Uint8Array[] = []
  let from = start
  for (const { element, bytes: made } of elements) {
    if (is_binary) {
      const length = new Uint8Array(4)
      new DataView(length.buffer).setUint32(0, made.length)
      parts.push(bytes.subarray(from, element.start - 4), length, made)
    } else parts.push(bytes.subarray(from, element.start), made)
    from = element.end
  }
  parts.push(bytes.subarray(from, end))
  return new Uint8Array(Buffer.concat(parts))
}

function inBinary(bytes: Uint8Array, start: number, end: number): Element[] | undefined {
  if (end - start < 12) return undefined
  const dimensions = u32(bytes, start)
  let at = start + 12 + 8 * dimensions
  if (dimensions > dimensions_max || at > end) return undefined
  let count = dimensions === 0 ? 0 : 1
  for (let each = 0; each < dimensions; each++) {
    count *= u32(bytes, start + 12 + 8 * each)
    // Each has a length of four bytes.
    if (4 * count > end - at || count > array_elements_max) return undefined
  }
  const elements: Element[] = []
  for (; count > 0; count--) {
    if (at + 4 > end) return undefined
    const length = i32(bytes, at)
    at += 4
    if (length < -1 || at + length > end) return undefined
    if (length < 0) continue
    elements.push({ start: at, end: at + length, is_escaped: false })
    at += length
  }
  return at === end ? elements : undefined
}

const [quote, backslash, comma, open, close, equals] = [0x22, 0x5c, 0x2c, 0x7b, 0x7d, 0x3d]

function inText(bytes: Uint8Array, start: number, end: number): Element[] | undefined {
  let at = start
  // `[2:3]={a,b}`: bounds that do not begin with 1.
  if (bytes[at] === 0x5b) {
    const equal = bytes.indexOf(equals, at)
    if (equal < 0) return undefined
    at = equal + 1
  }
  if (at >= end || bytes[at] !== open || bytes[end - 1] !== close) return undefined
  const elements: Element[] = []
  let seen = 0
  while (at < end) {
    const byte = bytes[at]
    if (byte === open || byte === close || byte === comma) {
      at += 1
      continue
    }
    const element = byte === quote ? quoted(bytes, at, end) : bare(bytes, at, end)
    if (element === undefined) return undefined
    at = byte === quote ? element.end + 1 : element.end
    const is_null =
      byte !== quote &&
      element.end - element.start === 4 &&
      /^null$/i.test(Buffer.from(bytes.subarray(element.start, element.end)).toString('latin1'))
    seen += 1
    if (seen > array_elements_max) return undefined
    if (!is_null) elements.push(element)
  }
  return elements
}

/** `at`: its opening quote. */
function quoted(bytes: Uint8Array, at: number, end: number): Element | undefined {
  let is_escaped = false
  for (let next = at + 1; next < end; next++) {
    if (bytes[next] === quote) return { start: at + 1, end: next, is_escaped }
    if (bytes[next] !== backslash) continue
    is_escaped = true
    next += 1
  }
  return undefined
}

function bare(bytes: Uint8Array, at: number, end: number): Element | undefined {
  let next = at
  while (next < end && bytes[next] !== comma && bytes[next] !== close) {
    // Only in quotes.
    if (bytes[next] === backslash || bytes[next] === quote || bytes[next] === open) return undefined
    next += 1
  }
  return next < end ? { start: at, end: next, is_escaped: false } : undefined
}
