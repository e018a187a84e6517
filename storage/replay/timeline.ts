/**
 * A session's records in the order of time, with the text of typed echo put back where it was shown:
 * a record `echo` has a length alone, its masked text follows in a later `echo_text`. What a database answered is
 * turned from messages of its protocol into text. Facts that are one record come one after the other.
 *
 * @module
 */
import { factsOf } from '../evidence/exchange.ts'
import { decodeRecord, type RecordHeader, type RecordSpan } from '../evidence/record.ts'
import { createDatabaseText, type DatabaseText } from './database.ts'

export type TimelineItem =
  | {
      readonly kind: 'record'
      readonly header: RecordHeader
      /** Of an `echo`: its masked text, or dots where that was never recorded. Borrowed. */
      readonly payload: Uint8Array
    }
  /** Not a record: the evidence is damaged, and `verify` says how. */
  | { readonly kind: 'damaged'; readonly index: number; readonly reason: string }

export type StoredRecords = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

type EchoText = Extract<RecordHeader, { kind: 'echo_text' }>

interface Waiting {
  item: TimelineItem
  readonly bytes: number
  /** An echo whose text has not come yet. */
  unresolved: boolean
}

/** What may wait for one echo's text. Beyond it, the echo is shown as dots. */
const waiting_items_max = 20_000
const waiting_bytes_max = 8 * 1024 * 1024
/** In place of an echo without a text: a crash came between the two. U+00B7. */
const dot = Uint8Array.of(0xc2, 0xb7)
/** Dots say that something was typed; a million of them say nothing more. */
const dots_max = 1024

/** `echo_text` itself is left out: its parts are in the `echo` items. */
export async function* timeline(stored: StoredRecords): AsyncGenerator<TimelineItem, void> {
  const waiting: Waiting[] = []
  let unresolved = 0
  let bytes = 0
  let index = 0
  const databases = new Map<number, DatabaseText>()

  const ready = (): TimelineItem[] => {
    const free = waiting.findIndex((each) => each.unresolved)
    const done = waiting.splice(0, free < 0 ? waiting.length : free)
    for (const each of done) bytes -= each.bytes
    return done.map(({ item }) => item)
  }
  const settle = (each: Waiting, payload: Uint8Array): void => {
    if (each.item.kind === 'record') each.item = { ...each.item, payload }
    each.unresolved = false
    unresolved--
  }

  for await (const record of stored) {
    for (const item of itemsOf(record, index++, databases)) {
      if (item.kind === 'record' && item.header.kind === 'echo_text') {
        for (const each of waiting) {
          const part = each.unresolved ? echoPart(each.item, item.header, item.payload) : undefined
          if (part !== undefined) settle(each, part)
        }
        yield* ready()
        continue
      }
      const is_echo = item.kind === 'record' && item.header.kind === 'echo'
      if (!is_echo && unresolved === 0) {
        yield item
        continue
      }
      waiting.push({ item, bytes: record.length, unresolved: is_echo })
      bytes += record.length
      if (is_echo) unresolved++
      while (waiting.length > waiting_items_max || bytes > waiting_bytes_max) {
        const first = waiting[0]
        if (first?.unresolved === true) settle(first, dots(first.item))
        yield* ready()
      }
    }
  }
  for (const each of waiting) if (each.unresolved) settle(each, dots(each.item))
  yield* ready()
}

/** One, or several where a record has several facts. */
function itemsOf(
  record: Uint8Array,
  index: number,
  databases: Map<number, DatabaseText>,
): readonly TimelineItem[] {
  const decoded = decodeRecord(record)
  if (!decoded.ok) return [{ kind: 'damaged', index, reason: decoded.reason }]
  return factsOf(decoded).map(({ header, payload }) => ({
    ...{ kind: 'record', header },
    payload: readable(header, payload, databases),
  }))
}

/** The payload; of what a database answered, its text. */
function readable(
  header: RecordHeader,
  payload: Uint8Array,
  databases: Map<number, DatabaseText>,
): Uint8Array {
  const { channel, kind } = header
  if (kind === 'channel' && header.request === 'database')
    databases.set(channel, createDatabaseText())
  else if (kind === 'channel_end') databases.delete(channel)
  const database = databases.get(channel)
  if (database === undefined) return payload
  if (kind === 'output') return database.push(payload)
  return kind === 'left_out' || kind === 'result' ? database.leftOut(header) : payload
}

/** The part of the text that belongs to one echo, or undefined when it is another's. */
function echoPart(item: TimelineItem, text: EchoText, payload: Uint8Array): Uint8Array | undefined {
  if (item.kind !== 'record' || item.header.kind !== 'echo') return undefined
  const { channel, stream, offset, length } = item.header
  if (channel !== text.channel || stream !== text.stream) return undefined
  if (offset < text.offset || offset + length > text.offset + text.length) return undefined
  const at = (raw: number): number => maskedOffset(raw, text, payload)
  return payload.subarray(at(offset), at(offset + length))
}

/**
 * Where a raw offset lies in the masked text. Inside a mask, which may have another length than what
 * it hides, it is in proportion and between two characters, so that parts join to the whole.
 */
function maskedOffset(raw: number, text: EchoText, payload: Uint8Array): number {
  if (raw >= text.offset + text.length) return payload.length
  let shift = -text.offset
  const spans: readonly RecordSpan[] = text.spans
  for (const span of spans) {
    if (raw < span.offset) break
    if (raw < span.offset + span.length) {
      let at = span.at + Math.floor((span.n * (raw - span.offset)) / span.length)
      while (at < payload.length && ((payload[at] ?? 0) & 0xc0) === 0x80) at++
      return at
    }
    shift = span.at + span.n - (span.offset + span.length)
  }
  return Math.min(Math.max(raw + shift, 0), payload.length)
}

function dots(item: TimelineItem): Uint8Array {
  const length = item.kind === 'record' && item.header.kind === 'echo' ? item.header.length : 0
  const count = Math.min(length, dots_max)
  const text = new Uint8Array(count * dot.length)
  for (let at = 0; at < text.length; at += dot.length) text.set(dot, at)
  return text
}
