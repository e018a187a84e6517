/**
 * Raw bytes that records hide, where they are kept: the value of a `sealed` record `raw`, which stands before the record
 * that hides them. Normative: FORMAT.md, section 6.3.
 *
 * @module
 */
import { concat } from './bytes.ts'

/** The bytes of one mask, of the channel of its record. */
export interface HiddenBytes {
  readonly stream: number
  /** Of the first byte in the raw stream. */
  readonly offset: number
  readonly bytes: Uint8Array
}

const head_bytes = 1 + 8 + 4

/** Bytes that {@link encodeHidden} takes for one mask of so many raw bytes. */
export const hiddenLength = (raw_bytes: number): number => head_bytes + raw_bytes

export function encodeHidden(hidden: readonly HiddenBytes[]): Uint8Array {
  return concat(
    hidden.flatMap(({ stream, offset, bytes }) => {
      const head = new Uint8Array(head_bytes)
      const view = new DataView(head.buffer)
      view.setUint8(0, stream)
      view.setBigUint64(1, BigInt(offset))
      view.setUint32(9, bytes.length)
      return [head, bytes]
    }),
  )
}

/** Undefined when a length does not fit. Bytes are borrowed from `value`. */
export function decodeHidden(value: Uint8Array): readonly HiddenBytes[] | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  const found: HiddenBytes[] = []
  for (let at = 0; at < value.length; ) {
    if (at + head_bytes > value.length) return undefined
    const offset = Number(view.getBigUint64(at + 1))
    const end = at + head_bytes + view.getUint32(at + 9)
    if (end > value.length || !Number.isSafeInteger(offset)) return undefined
    const bytes = value.subarray(at + head_bytes, end)
    found.push({ stream: view.getUint8(at), offset, bytes })
    at = end
  }
  return found
}
