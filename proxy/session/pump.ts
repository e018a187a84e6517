/**
 * The two directions of one channel. Two invariants, both pinned by test/property/pump.test.ts:
 * a byte is durable before it is forwarded, and the journal never sees an unmasked byte. What is proven to change
 * nothing at the target may go there before; its answer is behind it in the journal.
 * Synchronous over frames; towards the client not even a promise per chunk.
 *
 * @module
 */
import type {
  Channel,
  Codec,
  Decoded,
  Direction,
  Endpoint,
  Frame,
  Wire,
} from '../core/connector.ts'
import { RecorderError } from '../core/errors.ts'
import { exchanged_bytes_max, in_flight_bytes_typing, input_event_bytes } from '../core/limits.ts'
import type { SessionRecorder } from '../core/ports.ts'
import type { HeldStatement } from '../core/statement.ts'
import type { Flight } from './flight.ts'
import { createGather, join, letGo, lone } from './gather.ts'
import type { HeldEnd } from './held-statement.ts'
import { inOrder } from './in-order.ts'
import { afterTurn } from './turn.ts'
import type { Typed, TypedPorts } from './typed.ts'

export type PumpEnd =
  | { readonly kind: 'ended' }
  | { readonly kind: 'violation'; readonly reason: string }

export interface Pump {
  /** Masked bytes of this channel became durable. */
  release(stream: 1 | 2, bytes: Uint8Array, raw_length: number): void
  /** Tells the client why nothing more of this channel passes, and closes both ends. */
  refuse(message: string): void
  /** Closes both ends now. */
  stop(): void
  /** Resolves when both ends are closed and everything is recorded; rejects with a fault of ours. */
  readonly ended: Promise<PumpEnd>
}

/** Exit status of a program of which nothing is heard any more: ssh's own. */
const exit_lost = 255
/** Of what the gateway ended by itself: any but 0 says that it failed. */
const exit_stopped = 1

/** What is typed waits at its Enter. */
export type OpenTyped = (
  ports: Pick<TypedPorts, 'forward' | 'inject' | 'drop' | 'failed'> & {
    /** What is forwarded after this call goes on once the record is durable, and not if it fails. */
    recorded(record: Promise<unknown>): void
    /** Ends the channel, and says why. */
    refuse(message: string, exit_code: number): void
  },
) => Typed

/** What waits for a person, while nothing behind it is read. Resolves with what they decided; asked for one at a time. */
export type DecideHeld = (
  held: HeldStatement,
  /** Says a line to the client. */
  say: (line: string) => void,
  /** Called at once: what it is given is to be called when whoever asked has given up. */
  onGivenUp: (give_up: () => void) => void,
) => Promise<HeldEnd>

export function startPump(
  channel: Channel,
  codec: Readonly<Record<Direction, Codec>>,
  target: Endpoint,
  recorder: SessionRecorder,
  flight: Flight,
  /** Channels of the session that are open. */
  channels: () => number,
  openTyped?: OpenTyped,
  decideHeld?: DecideHeld,
): Pump {
  const { client, id } = channel
  /** What belongs together comes in one read. */
  const is_database = channel.request.kind === 'database'
  const { promise: ended, resolve, reject } = Promise.withResolvers<PumpEnd>()
  let violation: string | undefined
  let failure: unknown
  let stopped = false

  const decode = (direction: 'to_target' | 'to_client', wire: Wire): readonly Frame[] => {
    return framesOf(codec[direction].decode(wire))
  }
  const framesOf = (decoded: Decoded): readonly Frame[] => {
    if (decoded.ok) return decoded.frames
    violation ??= decoded.violation
    void recorder
      .event(id, { kind: 'failed', code: 'protocol_violation', message: decoded.violation })
      .catch(() => {})
    refuse(decoded.violation)
    return []
  }

  const shown = inOrder(broke)
  const sent = inOrder(broke)

  // Towards the client: what was read and is not yet accepted by the client's transport.
  let in_flight_bytes = 0
  let target_paused = false
  /** The client asks what the gateway answers, and reads no answers. */
  let answers_unread = false
  const settle = (bytes: number): void => {
    in_flight_bytes -= bytes
    if (!target_paused || in_flight_bytes > flight.bytes_max(channels()) / 2) return
    target_paused = false
    target.resume()
    answers_unread = false
    resumeClient()
  }
  // A turn of the loop: what several reads of the socket bring is one record.
  const output = createGather(afterTurn, (gathered) => {
    const { stream, length, fields, pieces, left_out } = gathered
    const brief = fields !== undefined && length <= exchanged_bytes_max ? lone(gathered) : undefined
    const bytes = brief ?? join(gathered, recorder.buffer(length))
    if (pieces === undefined) recorder.output(id, stream === 2 ? 2 : 1, bytes, fields, left_out)
    else recorder.download(id, bytes, pieces)
  })
  const toClient = (frame: Frame, is_timed = true): void => {
    if (frame.kind === 'answer' || frame.kind === 'held') return
    if (frame.kind === 'data') {
      if (frame.stream === 0 || frame.bytes.length === 0) return
      in_flight_bytes += frame.bytes.length
      typed?.printed(frame.bytes)
      // The screen may still read what was printed.
      const is_read = typed === undefined || frame.last !== true
      output.add(is_read ? frame : { ...frame, last: false }, is_timed)
      if (target_paused || in_flight_bytes < in_flight_bytes_typing) return
      if (in_flight_bytes >= flight.bytes_max(channels())) {
        target_paused = true
        target.pause()
      }
      return
    }
    output.flush()
    if (frame.kind === 'fact') {
      recorder.fact(id, frame.fact)
      return
    }
    if (frame.event.kind === 'eof') shown(recorder.flush(id, frame.event.stream))
    shown(recorder.event(id, frame.event), () => client.write(codec.to_client.encode(frame)))
  }

  // Towards the target: bytes as they came, once their record is durable. The client is paused as the target is.
  let pending_bytes = 0
  let client_paused = false
  const hold = (bytes: number): void => {
    pending_bytes += bytes
    // So little is never too much, and the clock need not be asked.
    if (client_paused || pending_bytes < in_flight_bytes_typing) return
    if (pending_bytes < flight.bytes_max(channels())) return
    client_paused = true
    client.pause()
  }
  const accepted = (bytes: number): void => {
    pending_bytes -= bytes
    resumeClient()
  }
  const resumeClient = (): void => {
    if (!client_paused || answers_unread || pending_bytes > flight.bytes_max(channels()) / 2) return
    client_paused = false
    client.resume()
  }
  // A microtask: what one read of the socket brings, and a key does not wait.
  const input = createGather(queueMicrotask, (gathered) => {
    const { stream, length, fields, pieces, early } = gathered
    if (pieces !== undefined) {
      let bytes = join(gathered, recorder.buffer(length))
      const recorded = recorder.upload(id, bytes, pieces).then((passed) => {
        bytes = passed
      })
      sent(recorded, () =>
        target.write(codec.to_target.encode({ kind: 'data', stream, bytes }), () => {
          accepted(length)
          recorder.recycle(bytes)
        }),
      )
      return
    }
    const whole = lone(gathered)
    const is_whole = whole !== undefined
    const bytes = whole ?? join(gathered, new Uint8Array(length))
    const forward = (): void =>
      target.write(codec.to_target.encode({ kind: 'data', stream, bytes }), () => {
        accepted(length)
        if (is_whole) for (const each of gathered.spent) letGo(each)
      })
    if (early === true && fields !== undefined) {
      recorder.early(id, bytes, fields)
      sent.next(forward)
      return
    }
    sent(recorder.input(id, bytes, fields), forward)
  })
  const toTarget = (frame: Frame): void => {
    if (frame.kind === 'fact') {
      input.flush()
      recorder.fact(id, frame.fact)
      return
    }
    if (frame.kind === 'answer') {
      const { stream, bytes } = frame
      toClient({ kind: 'data', stream, bytes, ...(stream === 1 ? { fields: [] } : {}) })
      if (!target_paused) return
      answers_unread = true
      client_paused = true
      client.pause()
      return
    }
    if (frame.kind === 'held') {
      wait(frame.held)
      return
    }
    if (frame.kind === 'control') {
      const { event } = frame
      if (event.kind === 'resize') typed?.resize(event.columns, event.rows)
      const go = (): void => {
        input.flush()
        hold(input_event_bytes)
        if (event.kind === 'eof') sent(recorder.flush(id, 0))
        sent(recorder.event(id, event), () =>
          target.write(codec.to_target.encode(frame), () => accepted(input_event_bytes)),
        )
      }
      // The end of the input is behind what waits; a signal and a size are for now.
      if (typed === undefined || event.kind !== 'eof') go()
      else typed.after(go)
      return
    }
    if (frame.bytes.length === 0) return
    if (channel.request.pty !== undefined) flight.typed()
    hold(frame.bytes.length)
    if (typed === undefined) input.add(frame, !is_database)
    else typed.take(frame.bytes)
  }
  const typed = openTyped?.({
    forward: (bytes) => input.add({ kind: 'data', stream: 0, bytes }),
    inject(bytes) {
      hold(bytes.length)
      input.add({ kind: 'data', stream: 0, bytes })
    },
    drop: accepted,
    failed: broke,
    refuse,
    recorded: (record) => sent(record),
  })

  /** Set while a person decides. What comes meanwhile is kept as it came, so much of it as may be in flight. */
  let waiting: { give_up: () => void; readonly behind: Wire[]; bytes: number } | undefined
  const wait = (held: HeldStatement): void => {
    input.flush()
    // Whoever gives up before it is on record that they wait has given up too.
    let is_early = stopped || client_closed || target_closed
    const now = {
      give_up() {
        is_early = true
      },
      behind: [],
      bytes: 0,
    }
    waiting = now
    const decided =
      decideHeld === undefined
        ? Promise.resolve({ verdict: held.verdict, is_given_up: false })
        : decideHeld(...([held, (line: string) => say(held.notice(line))] as const), (give_up) => {
            now.give_up = give_up
            if (is_early) give_up()
          })
    decided.then(({ verdict, is_given_up }) => {
      waiting = undefined
      if (stopped) return
      const settled = codec.to_target.settle?.(verdict, is_given_up)
      for (const frame of settled === undefined ? [] : framesOf(settled)) toTarget(frame)
      if (is_database) input.flush()
      for (const wire of now.behind) take(wire)
      accepted(now.bytes)
    }, broke)
  }
  const say = (bytes: Uint8Array): void => {
    toClient({ kind: 'data', stream: 1, bytes, fields: [] })
    output.flush()
  }
  const take = (wire: Wire): void => {
    if (waiting === undefined) {
      for (const frame of decode('to_target', wire)) toTarget(frame)
      if (is_database) input.flush()
      return
    }
    // Whoever interrupts or leaves has given up; the interrupt itself is on record, and not for the target.
    if (wire.kind === 'control' && wire.event.kind === 'signal') {
      sent(recorder.event(id, wire.event))
      waiting.give_up()
      return
    }
    if (wire.kind === 'control' && wire.event.kind === 'eof') waiting.give_up()
    waiting.behind.push(wire)
    if (wire.kind !== 'data') return
    waiting.bytes += wire.bytes.length
    hold(wire.bytes.length)
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
      const is_brief =
        is_database && wire.kind === 'data' && wire.bytes.length <= exchanged_bytes_max
      for (const frame of decode('to_client', wire)) toClient(frame, !is_brief)
      if (is_brief) output.flush()
    },
    closed: (error) => {
      output.flush()
      target_closed = true
      waiting?.give_up()
      // The last output must be durable and shown before the client's side closes.
      shown(recorder.flush(id, 1))
      const is_lost = error !== undefined && !stopped
      if (is_lost)
        shown(recorder.event(id, { kind: 'failed', code: 'target_lost', message: error.message }))
      shown(recorder.flush(id, 2).catch(broke), () => {
        if (is_lost) channel.refuse(error.message, exit_lost)
        else client.close()
        closed()
      })
    },
  })
  client.start({
    wire: take,
    closed: () => {
      waiting?.give_up()
      typed?.close()
      input.flush()
      client_closed = true
      // A forward's client closes when it has sent its last: what is not durable yet still goes out.
      sent(Promise.resolve(), () => target.close())
      closed()
    },
  })

  /** A record that failed ends the session elsewhere; anything else is a fault of ours. */
  function broke(error: unknown): void {
    if (!(error instanceof RecorderError)) failure ??= error
    stop()
  }

  function refuse(message: string, exit_code = exit_stopped): void {
    if (stopped) return
    stopped = true
    waiting?.give_up()
    channel.refuse(message, exit_code)
    target.close()
  }

  function stop(): void {
    if (stopped) return
    stopped = true
    waiting?.give_up()
    client.close()
    target.close()
  }
  return {
    release(stream, bytes, raw_length) {
      const wire: Wire = { kind: 'data', stream, bytes }
      client.write(codec.to_client.encode(wire), () => {
        settle(raw_length)
        recorder.recycle(bytes)
      })
    },
    refuse: (message) => refuse(message),
    stop,
    ended,
  }
}
