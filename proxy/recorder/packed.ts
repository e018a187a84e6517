/**
 * Releases on their way back from the recorder: the small ones of a commit share one piece of memory, as each buffer and
 * each object that is sent costs more than the bytes of a query. Where there is nothing else, it is a text.
 *
 * @module
 */

import { brief } from './brief.ts'
import { isPooled } from './buffers.ts'
import type { Committed, FromRecorder, Released } from './messages.ts'

export interface Packed {
  /** Five numbers for each: how many items go before it, its session, channel and stream, its length. */
  readonly places: Uint32Array<ArrayBuffer>
  readonly bytes: Uint8Array<ArrayBuffer>
}

const numbers = 5
const small_bytes_max = 4 * 1024

/** A release that settles as many bytes as it has, as those of messages do. */
const isSmall = (item: Committed): item is Released =>
  item.kind === 'release' &&
  item.bytes.length <= small_bytes_max &&
  item.raw_length === item.bytes.length &&
  item.is_returned === undefined

/** As it is sent, and what is transferred with it. */
export function sealed(message: FromRecorder): {
  readonly data: FromRecorder | string
  readonly transfer: ArrayBuffer[]
} {
  if (message.kind !== 'committed') return { data: message, transfer: [] }
  const text = brief(message)
  if (text !== undefined) return { data: text, transfer: [] }
  const { items, packed } = pack(message.items)
  const transfer = [...message.spent]
  if (packed !== undefined) transfer.push(packed.places.buffer, packed.bytes.buffer)
  // Alone in its buffer, whoever made it.
  for (const item of items)
    if (item.kind !== 'stopped' && item.bytes !== undefined)
      transfer.push(item.bytes.buffer as ArrayBuffer)
  return { data: { ...message, items, packed }, transfer }
}

/** Those that stay as they are, and the small releases; undefined where there are none. */
export function pack(items: readonly Committed[]): {
  readonly items: readonly Committed[]
  readonly packed: Packed | undefined
} {
  let count = 0
  let length = 0
  for (const item of items)
    if (isSmall(item)) {
      count += 1
      length += item.bytes.length
    }
  if (count === 0) return { items, packed: undefined }
  const rest: Committed[] = []
  const places = new Uint32Array(numbers * count)
  // Whoever gets a part of it must not take it for a buffer of the pool.
  const memory = new ArrayBuffer(length)
  const bytes = new Uint8Array(isPooled(memory) ? new ArrayBuffer(length + 1) : memory)
  let place = 0
  let at = 0
  for (const item of items) {
    if (!isSmall(item)) {
      rest.push(item)
      continue
    }
    places[place] = rest.length
    places[place + 1] = item.session
    places[place + 2] = item.channel
    places[place + 3] = item.stream
    places[place + 4] = item.bytes.length
    bytes.set(item.bytes, at)
    place += numbers
    at += item.bytes.length
  }
  return { items: rest, packed: { places, bytes } }
}

/** All of them, in the order in which they were recorded. */
export function unpack(
  items: readonly Committed[],
  packed: Packed | undefined,
  deliver: (item: Committed) => void,
): void {
  let next = 0
  const upTo = (count: number): void => {
    for (; next < count; next++) {
      const item = items[next]
      if (item !== undefined) deliver(item)
    }
  }
  if (packed !== undefined) {
    const { places, bytes } = packed
    let at = 0
    for (let place = 0; place < places.length; place += numbers) {
      upTo(places[place] ?? 0)
      const raw_length = places[place + 4] ?? 0
      deliver({
        kind: 'release',
        session: places[place + 1] ?? 0,
        channel: places[place + 2] ?? 0,
        stream: places[place + 3] === 2 ? 2 : 1,
        bytes: bytes.subarray(at, at + raw_length),
        raw_length,
      })
      at += raw_length
    }
  }
  upTo(items.length)
}
