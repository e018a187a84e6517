/**
 * Joins the packets that arrive together into one buffer, so that a burst is one record and one message: a
 * window of one-byte packets must not cost a record for each byte. What a codec said of the bytes is joined too.
 *
 * @module
 */
import type { Field, Stream, Wire } from '../core/connector.ts'
import { output_record_bytes_max } from '../core/limits.ts'
import type { LeftOut } from '../core/statement.ts'
import type { Content } from '../core/transfer.ts'

type Data = Extract<Wire, { kind: 'data' }>

/** `run`: bytes without framing. `messages`: whole ones, with their texts; `early`: ... that need not wait. `left_out`: ... that are not recorded; `content`: ... with pieces of files. */
type Shape = 'run' | 'messages' | 'early' | 'left_out' | 'content'

/** What was gathered: of one stream and one shape, `length` bytes in all. */
export interface Gathered {
  readonly stream: Stream
  readonly parts: readonly Uint8Array[]
  readonly length: number
  /** Of these the buffer is to be let go of. */
  readonly spent: readonly Uint8Array[]
  /** Set for messages; places are in the joined bytes, as those of `pieces`. */
  readonly fields?: readonly Field[]
  readonly pieces?: readonly Content[]
  /** All of it need not wait for its record. */
  readonly early?: true
  /** Of one result. */
  readonly left_out?: LeftOut
}

export interface Gather {
  /** Takes ownership of the bytes. `is_timed`: not where the caller says itself that all are there. */
  add(data: Data, is_timed?: boolean): void
  /** Emits what is gathered now: before anything that comes behind it, and by itself when the turn is over. */
  flush(): void
}

type Growing = { -readonly [Key in keyof Gathered]: Gathered[Key] }

const none: readonly never[] = []

/** Order is kept by emitting on a change of stream or shape. `later` decides what "together" means. */
export function createGather(
  later: (run: () => void) => void,
  emit: (gathered: Gathered) => void,
): Gather {
  let parts: Uint8Array[] = []
  let spent: readonly Uint8Array[] = none
  let fields: readonly Field[] = none
  /** {@link fields} once they are those of several frames. */
  let grown: Field[] | undefined
  let pieces: Content[] = []
  let length = 0
  let of: Stream = 0
  let shape: Shape = 'run'
  let left_out: LeftOut | undefined
  let scheduled = false
  const flush = (): void => {
    if (length === 0) return
    const gathered: Growing = { stream: of, parts, length, spent }
    parts = []
    spent = none
    length = 0
    if (shape === 'content') {
      gathered.pieces = pieces
      pieces = []
    } else if (shape !== 'run') {
      gathered.fields = fields
      if (left_out !== undefined) gathered.left_out = left_out
      else if (shape === 'early') gathered.early = true
    }
    fields = none
    left_out = undefined
    emit(gathered)
  }
  const due = (): void => {
    scheduled = false
    flush()
  }
  const add = (data: Data, is_timed = true): void => {
    const { stream, bytes } = data
    const is = shapeOf(data)
    if (stream !== of || is !== shape || isAnother(left_out, data.left_out)) flush()
    const room = output_record_bytes_max - length
    if (bytes.length > room) {
      // A whole number of packets leaves behind a full record.
      if (room > 0 && (is === 'run' || is === 'content')) {
        const [first, second] = cut(data, room)
        add(first, is_timed)
        add(second, is_timed)
        return
      }
      flush()
    }
    of = stream
    shape = is
    if (is !== 'run') {
      const { fields: places = none, content } = data
      if (length === 0) {
        // Of a single frame they are as they came.
        fields = places
        grown = undefined
      } else if (places.length > 0) {
        grown ??= [...fields]
        fields = grown
        for (const { start, end, rule } of places) {
          const place = { start: length + start, end: length + end }
          grown.push(rule === undefined ? place : { ...place, rule })
        }
      }
      if (content !== undefined)
        pieces.push({ ...content, start: length + content.start, end: length + content.end })
    }
    if (data.left_out !== undefined)
      left_out = { ...data.left_out, rows: (left_out?.rows ?? 0) + data.left_out.rows }
    parts.push(bytes)
    if (data.last === true) spent = [...spent, bytes]
    length += bytes.length
    if (scheduled || !is_timed) return
    scheduled = true
    later(due)
  }
  return { add, flush }
}

/** Bytes without places in them, in two. */
function cut(data: Data, at: number): readonly [Data, Data] {
  const { stream, bytes, content, last = false } = data
  const [begin, rest] = [bytes.subarray(0, at), bytes.subarray(at)]
  const first: Data = { kind: 'data', stream, bytes: begin }
  const second: Data = { kind: 'data', stream, bytes: rest, last }
  if (content === undefined) return [first, second]
  const { transfer, start, end } = content
  return [
    { ...first, content: { transfer, start: Math.min(start, at), end: Math.min(end, at) } },
    {
      ...second,
      content: { transfer, start: Math.max(start - at, 0), end: Math.max(end - at, 0) },
    },
  ]
}

/** Whether these are rows of two results. */
function isAnother(one: LeftOut | undefined, other: LeftOut | undefined): boolean {
  if (one === undefined || other === undefined) return false
  return one.statement !== other.statement || one.run !== other.run
}

function shapeOf(data: Data): Shape {
  if (data.content !== undefined) return 'content'
  if (data.fields === undefined) return 'run'
  if (data.left_out !== undefined) return 'left_out'
  return data.early === true ? 'early' : 'messages'
}

/** What is one part, which need not be copied. */
export const lone = ({ parts }: Gathered): Uint8Array | undefined =>
  parts.length === 1 ? parts[0] : undefined

/** Copies the parts into `into`, which is as long as all of them, and lets go of what is spent. */
export function join({ parts, spent }: Gathered, into: Uint8Array): Uint8Array {
  let at = 0
  for (const part of parts) {
    into.set(part, at)
    at += part.length
  }
  for (const bytes of spent) letGo(bytes)
  return into
}

/** Detaches a buffer that would wait for a collection: the next packet finds its memory mapped and warm. */
export function letGo({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}
