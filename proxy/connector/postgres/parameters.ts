/**
 * The parameters of a run as text, for its record.
 *
 * @module
 */
import type { Field } from '../../core/connector.ts'
import { statement_record_bytes_max } from '../../core/limits.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })
const encoder = new TextEncoder()

/** A line for each: `$1 = ...`. A value in binary format is text where it can be read as such, and hex where not. */
export function parametersText(
  bytes: Uint8Array,
  values: readonly (Field | undefined)[],
  formatOf: (index: number) => number,
): Uint8Array {
  let text = ''
  for (let index = 0; index < values.length; index++) {
    const value = values[index]
    // The record takes no more; the message itself is recorded whole.
    if (text.length > statement_record_bytes_max) break
    const shown = value === undefined ? 'NULL' : shownValue(bytes, value, formatOf(index) === 0)
    text += `${index === 0 ? '' : '\n'}$${index + 1} = ${shown}`
  }
  return encoder.encode(text)
}

function shownValue(bytes: Uint8Array, { start, end }: Field, is_text: boolean): string {
  const plain = is_text ? plainText(bytes, start, end) : undefined
  if (plain !== undefined) return plain
  const part = bytes.subarray(start, Math.min(end, start + statement_record_bytes_max))
  try {
    const text = decoder.decode(part, { stream: true })
    decoder.decode()
    if (is_text || !/[\u0000-\u0008\u000e-\u001f]/.test(text)) return text
  } catch {
    // Not UTF-8. What the decoder has seen of it is forgotten by the next call.
  }
  return `\\x${Buffer.from(part).toString('hex')}`
}

/** A number, a word: most values are, and a decoder costs more than they do. */
function plainText(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start > plain_bytes_max) return undefined
  let text = ''
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0
    if (byte < 0x20 || byte > 0x7e) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}

const plain_bytes_max = 32
