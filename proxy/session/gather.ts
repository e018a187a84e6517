/**
 * Joins the packets that arrive together into one buffer, so that a burst is one record and one message: a
 * window of one-byte packets must not cost a record for each byte.
 *
 * @module
 */
import type { Stream } from '../core/connector.ts'
import { output_record_bytes_max } from '../core/limits.ts'

export interface Gather {
  /** Takes ownership of `bytes`. */
  add(stream: Stream, bytes: Uint8Array): void
  /** Emits what is gathered now: before anything that comes behind it, and by itself when the turn is over. */
  flush(): void
}

/** Order between streams is kept by emitting on a change of stream. `later` decides what "together" means. */
export function createGather(
  later: (run: () => void) => void,
  emit: (stream: Stream, parts: readonly Uint8Array[], length: number) => void,
): Gather {
  let parts: Uint8Array[] = []
  let length = 0
  let of: Stream = 0
  let scheduled = false
  const flush = (): void => {
    if (length === 0) return
    const [gathered, bytes] = [parts, length]
    parts = []
    length = 0
    emit(of, gathered, bytes)
  }
  return {
    add(stream, bytes) {
      if (stream !== of || length + bytes.length > output_record_bytes_max) flush()
      of = stream
      parts.push(bytes)
      length += bytes.length
      if (scheduled) return
      scheduled = true
      later(() => {
        scheduled = false
        flush()
      })
    },
    flush,
  }
}

/** Copies the parts into `into`, which is as long as all of them. */
export function join(parts: readonly Uint8Array[], into: Uint8Array): Uint8Array {
  let at = 0
  for (const part of parts) {
    into.set(part, at)
    at += part.length
  }
  return into
}
