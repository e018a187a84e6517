/**
 * A commit of a few small things, such as keys and their echoes, as a text of a letter for each byte: what the runtime hands
 * from thread to thread at a third of the cost of objects and memory.
 *
 * @module
 */
import type { Acknowledged, Committed, FromRecorder, Measured } from './messages.ts'

type Commit = FromRecorder & { readonly kind: 'committed' }

/** More is copied at a greater cost than handed over. */
const text_bytes_max = 8 * 1024
/** Its number, how long it took, whether it signed the log, and whether anything was written. */
const head_bytes = 8 + 8 + 1
/** What it is, session, channel and length. */
const release_bytes = 1 + 4 + 4 + 4
const ack_bytes = 1 + 8
const ack_mark = 0
const flags = { written: 1, signed: 2 } as const

const memory: Buffer = Buffer.alloc(text_bytes_max)
const no_masks: Measured['masked'] = {}

/** Undefined where there is more to say, or too much. */
export function brief({ lsn, items, spent, measured }: Commit): string | undefined {
  if (spent.length > 0) return undefined
  if (measured !== undefined) for (const _ in measured.masked) return undefined
  memory.writeDoubleLE(lsn, 0)
  memory.writeDoubleLE(measured?.took_ms ?? 0, 8)
  memory[16] =
    (measured === undefined ? 0 : flags.written) | (measured?.signed === true ? flags.signed : 0)
  let at = head_bytes
  for (const item of items) {
    if (item.kind === 'ack') {
      if (!isPlain(item) || at + ack_bytes > text_bytes_max) return undefined
      memory[at] = ack_mark
      at = memory.writeDoubleLE(item.ack, at + 1)
      continue
    }
    if (item.kind !== 'release' || item.is_returned === true) return undefined
    const { bytes } = item
    const end = at + release_bytes + bytes.length
    // As many bytes are settled as are shown.
    if (item.raw_length !== bytes.length || end > text_bytes_max) return undefined
    memory[at] = item.stream
    memory.writeUInt32LE(item.session, at + 1)
    memory.writeUInt32LE(item.channel, at + 5)
    memory.writeUInt32LE(bytes.length, at + 9)
    memory.set(bytes, at + release_bytes)
    at = end
  }
  return memory.toString('latin1', 0, at)
}

/** Gives out what was committed, in its order. */
export function readBrief(
  text: string,
  deliver: (item: Committed) => void,
): Pick<Commit, 'lsn' | 'measured'> {
  const bytes = Buffer.from(text, 'latin1')
  for (let at = head_bytes; at < bytes.length; ) {
    const stream = bytes[at]
    if (stream === ack_mark) {
      deliver({ kind: 'ack', ack: bytes.readDoubleLE(at + 1) })
      at += ack_bytes
      continue
    }
    const begin = at + release_bytes
    const raw_length = bytes.readUInt32LE(at + 9)
    at = begin + raw_length
    deliver({
      kind: 'release',
      session: bytes.readUInt32LE(begin - 12),
      channel: bytes.readUInt32LE(begin - 8),
      stream: stream === 2 ? 2 : 1,
      bytes: bytes.subarray(begin, at),
      raw_length,
    })
  }
  const lsn = bytes.readDoubleLE(0)
  const told = bytes[16] ?? 0
  if ((told & flags.written) === 0) return { lsn }
  const signed = (told & flags.signed) !== 0
  return { lsn, measured: { took_ms: bytes.readDoubleLE(8), signed, masked: no_masks } }
}

/** It says no more than that something is durable. */
function isPlain({ opened, command, masked, bytes, error }: Acknowledged): boolean {
  return (
    opened === undefined &&
    command === undefined &&
    masked === undefined &&
    bytes === undefined &&
    error === undefined
  )
}
