/**
 * The two directions of one channel. Two invariants, both pinned by test/property/pump.test.ts:
 * a byte is durable before it is forwarded, and the journal never sees an unmasked byte.
 * Synchronous over frames; towards the client not even a promise per chunk.
 *
 * @module
 */
import type { Channel, Endpoint, Frame, Stream, Wire } from '../core/connector.ts'
import { RecorderError } from '../core/errors.ts'
import { input_pending_bytes_max, output_record_bytes_max } from '../core/limits.ts'
import type { SessionRecorder } from '../core/ports.ts'
import type { Flight } from './flight.ts'

export type PumpEnd =
  | { readonly kind: 'ended' }
  | { readonly kind: 'violation'; readonly reason: string }

export interface Pump {
  /** Masked bytes of this channel became durable. */
  release(stream: 1 | 2, bytes: Uint8Array, raw_length: number): void
  /** Closes both ends now. */
  stop(): void
  /** Resolves when both ends are closed and everything is recorded; rejects with a fault of ours. */
  readonly ended: Promise<PumpEnd>
}

export function startPump(
  channel: Channel,
  target: Endpoint,
  recorder: SessionRecorder,
  flight: Flight,
): Pump {
  const { client, codec, id } = channel
  const { promise: ended, resolve, reject } = Promise.withResolvers<PumpEnd>()
  let violation: string | undefined
  let failure: unknown
  let stopped = false

  const decode = (direction: 'to_target' | 'to_client', wire: Wire): readonly Frame[] => {
    const decoded = codec[direction].decode(wire)
    if (decoded.ok) return decoded.frames
    violation ??= decoded.violation
    void recorder
      .event(id, { kind: 'failed', code: 'protocol_violation', message: decoded.violation })
      .catch(() => {})
    stop()
    return []
  }

  const shown = inOrder(broke)
  const sent = inOrder(broke)

  // Towards the client: what was read and is not yet accepted by the client's transport.
  let in_flight_bytes = 0
  let target_paused = false
  const settle = (bytes: number): void => {
    in_flight_bytes -= bytes
    if (target_paused && in_flight_bytes <= flight.bytes_max / 2) {
      target_paused = false
      target.resume()
    }
  }
  const gather = gatherOutput(recorder, id)
  const toClient = (frame: Frame): void => {
    if (frame.kind === 'data') {
      if (frame.stream === 0 || frame.bytes.length === 0) return
      in_flight_bytes += frame.bytes.length
      gather.add(frame.stream, frame.bytes)
      if (!target_paused && in_flight_bytes >= flight.bytes_max) {
        target_paused = true
        target.pause()
      }
      return
    }
    gather.flush()
    if (frame.event.kind === 'eof') void shown(recorder.flush(id, frame.event.stream))
    void shown(recorder.event(id, frame.event), () => client.write(codec.to_client.encode(frame)))
  }

  // Towards the target: bytes as they came, once their record is durable.
  let pending_bytes = 0
  let client_paused = false
  const toTarget = (frame: Frame): void => {
    if (frame.kind === 'control') {
      if (frame.event.kind === 'eof') void sent(recorder.flush(id, 0))
      void sent(recorder.event(id, frame.event), () => target.write(codec.to_target.encode(frame)))
      return
    }
    if (frame.bytes.length === 0) return
    if (channel.request.pty !== undefined) flight.typed()
    const length = frame.bytes.length
    pending_bytes += length
    if (!client_paused && pending_bytes >= input_pending_bytes_max) {
      client_paused = true
      client.pause()
    }
    void sent(recorder.input(id, frame.bytes), () =>
      target.write(codec.to_target.encode(frame), () => {
        pending_bytes -= length
        if (client_paused && pending_bytes < input_pending_bytes_max / 2) {
          client_paused = false
          client.resume()
        }
      }),
    )
  }

  let client_closed = false
  let target_closed = false
  const closed = (): void => {
    if (!client_closed || !target_closed) return
    void recorder
      .event(id, { kind: 'channel_end' })
      .catch(() => {})
      .then(() => {
        if (failure !== undefined) reject(failure)
        else if (violation !== undefined) resolve({ kind: 'violation', reason: violation })
        else resolve({ kind: 'ended' })
      })
  }
  target.start({
    wire: (wire) => {
      for (const frame of decode('to_client', wire)) toClient(frame)
    },
    closed: () => {
      gather.flush()
      target_closed = true
      // The last output must be durable and shown before the client's side closes.
      void shown(recorder.flush(id, 1))
      void shown(recorder.flush(id, 2)).then(() => {
        client.close()
        closed()
      })
    },
  })
  client.start({
    wire: (wire) => {
      for (const frame of decode('to_target', wire)) toTarget(frame)
    },
    closed: () => {
      client_closed = true
      target.close()
      closed()
    },
  })

  /** A record that failed ends the session elsewhere; anything else is a fault of ours. */
  function broke(error: unknown): void {
    if (!(error instanceof RecorderError)) failure ??= error
    stop()
  }

  function stop(): void {
    if (stopped) return
    stopped = true
    client.close()
    target.close()
  }
  return {
    release(stream, bytes, raw_length) {
      const frame: Frame = { kind: 'data', stream, bytes }
      client.write(codec.to_client.encode(frame), () => {
        settle(raw_length)
        recorder.recycle(bytes)
      })
    },
    stop,
    ended,
  }
}

/**
 * Acts on records in the order in which they were asked for, whatever each promise takes to resolve.
 * The result resolves when the last one has acted or failed.
 */
function inOrder(
  failed: (error: unknown) => void,
): (recorded: Promise<void>, act?: () => void) => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  return (recorded, act) => {
    // Handled here already: the one before may fail first, and then nobody else looks at this one.
    recorded.catch(failed)
    last = last
      .then(() => recorded)
      .then(act)
      .catch(failed)
    return last
  }
}

/**
 * Joins the packets that arrive in one turn of the loop into buffers of their own, so that a burst is
 * one record and one transfer. Order between the streams is kept by flushing on a change of stream.
 */
function gatherOutput(
  recorder: SessionRecorder,
  channel: number,
): { add(stream: Stream, bytes: Uint8Array): void; flush(): void } {
  let parts: Uint8Array[] = []
  let length = 0
  let of: 1 | 2 = 1
  let scheduled = false
  const flush = (): void => {
    if (length === 0) return
    const joined = recorder.buffer(length)
    let at = 0
    for (const part of parts) {
      joined.set(part, at)
      at += part.length
    }
    parts = []
    length = 0
    recorder.output(channel, of, joined)
  }
  return {
    add(stream, bytes) {
      const to = stream === 2 ? 2 : 1
      if (to !== of || length + bytes.length > output_record_bytes_max) flush()
      of = to
      parts.push(bytes)
      length += bytes.length
      if (scheduled) return
      scheduled = true
      setImmediate(() => {
        scheduled = false
        flush()
      })
    },
    flush,
  }
}
