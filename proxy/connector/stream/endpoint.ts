/**
 * A socket as an endpoint, for protocols whose channel is a connection. It hands over what its peer sends, in order and only while
 * it is wanted, and sends in order with a socket that pushes back. Either direction may end before the other.
 *
 * @module
 */
import type { ChannelEvent, Endpoint, EndpointEvents, Stream, Wire } from '../../core/connector.ts'
import type { Socket } from '../../socket/socket.ts'
import { ended_idle_ms, flush_ms, held_reads_max, linger_ms } from './limits.ts'
import { Receipts } from './receipts.ts'

export interface StreamEndpoint extends Endpoint {
  /** Resolves when the socket is closed, whether or not all was handed over. */
  readonly gone: Promise<void>
  /** How the socket was lost, if it did not end both ways by itself or by a close of ours. */
  readonly failure: Error | undefined
  /** Shows one line to the peer, then closes. Nothing once it was closed. */
  closeWith(message: string): void
  /** Hands over an event as if the peer had sent it. */
  inject(event: ChannelEvent): void
}

export interface StreamOptions {
  /** Was read before: it comes first. */
  readonly early?: Uint8Array
  /** How the protocol says a last line. By default it is a line of text. */
  readonly farewell?: (message: string) => Uint8Array
  /** Takes an event that is written, but for the ends of streams. */
  readonly event?: (event: ChannelEvent) => void
}

/**
 * Reads from the beginning, as a socket that nobody reads does not say that it has closed.
 * A client sends stream 0, a target stream 1.
 */
export function streamEndpoint(
  peer: 'client' | 'target',
  socket: Socket,
  { early = new Uint8Array(), farewell = line, event }: StreamOptions = {},
): StreamEndpoint {
  const stream: Stream = peer === 'client' ? 0 : 1
  const receipts = new Receipts()
  const { promise: gone, resolve: resolveGone } = Promise.withResolvers<void>()
  let held: Wire[] = []
  let on: EndpointEvents | undefined
  let isPaused = false
  let isDelivering = false
  let isClosing = false
  let isGone = false
  let isTold = false
  let failure: Error | undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  if (early.length > 0) receiveBytes(early)
  socket.start({
    data: receiveBytes,
    ended: () => receive({ kind: 'control', event: { kind: 'eof', stream } }),
    closed: receiveClose,
  })

  return {
    gone,
    get failure() {
      return failure
    },
    start(events) {
      on = events
      // The caller's next line may set up what `events` needs.
      queueMicrotask(deliver)
    },
    pause() {
      isPaused = true
    },
    resume() {
      isPaused = false
      queueMicrotask(deliver)
    },
    write,
    close,
    closeWith(message) {
      write({ kind: 'data', stream: 1, bytes: farewell(message) })
      close()
    },
    inject(injected) {
      const wire: Wire = { kind: 'control', event: injected }
      // It is for now: who has stopped reading, since too much came, still takes it.
      if (on !== undefined && isPaused && !isClosing && !isTold) on.wire(wire)
      else receive(wire)
    },
  }

  function write(wire: Wire, sent?: () => void): void {
    const isWritable = !isClosing && !isGone && socket.is_writable
    if (wire.kind === 'data' && isWritable) {
      writeBytes(wire.bytes, sent)
      return
    }
    const settle = receipts.expect(sent)
    // Stream 2 has no end of its own here.
    const isEnd = wire.kind === 'control' && wire.event.kind === 'eof' && wire.event.stream !== 2
    if (isEnd && isWritable) socket.end()
    else if (wire.kind === 'control' && wire.event.kind !== 'eof') event?.(wire.event)
    queueMicrotask(settle)
  }

  /** Most writes are over when the call returns. */
  function writeBytes(bytes: Uint8Array, sent?: () => void): void {
    if (receipts.isEmpty) {
      let settle: (() => void) | undefined
      if (socket.write(bytes, () => settle?.())) {
        taken()
        sent?.()
      } else settle = settling(sent)
      return
    }
    const settle = settling(sent)
    if (socket.write(bytes, settle)) settle()
  }

  function settling(sent: (() => void) | undefined): () => void {
    const settle = receipts.expect(sent)
    return () => {
      taken()
      settle()
    }
  }

  /** Who takes something is there. */
  function taken(): void {
    if (!isClosing) timer?.refresh()
  }

  function close(): void {
    if (isClosing) return
    isClosing = true
    held = []
    if (isGone) {
      queueMicrotask(deliver)
      return
    }
    // What was written goes first, and then the peer may end its side too. What it still sends is read and dropped:
    // a socket that is closed over unread bytes resets the connection, and its peer loses what it was sent.
    destroyIn(flush_ms)
    socket.end(() => destroyIn(linger_ms))
    socket.resume()
  }

  function destroyIn(ms: number): void {
    clearTimeout(timer)
    if (!isGone) timer = setTimeout(() => socket.destroy(), ms)
  }

  function receiveBytes(bytes: Uint8Array): void {
    receive({ kind: 'data', stream, bytes })
  }

  function receive(wire: Wire): void {
    if (isClosing) return
    // Most of what comes is wanted now.
    if (
      wire.kind === 'data' &&
      held.length === 0 &&
      on !== undefined &&
      !isPaused &&
      !isDelivering
    ) {
      isDelivering = true
      on.wire(wire)
      isDelivering = false
      if (held.length > 0 || isGone) deliver()
      return
    }
    held.push(wire)
    deliver()
    if (held.length >= held_reads_max) socket.pause()
  }

  function receiveClose(error?: Error): void {
    isGone = true
    clearTimeout(timer)
    if (!isClosing && error !== undefined)
      failure = new Error(`the connection to the ${peer} was lost`, { cause: error })
    receipts.settleAll()
    resolveGone()
    deliver()
  }

  /** Hands over what waits, and the end after it. */
  function deliver(): void {
    if (on === undefined || isDelivering) return
    isDelivering = true
    while (!isPaused) {
      const wire = held.shift()
      if (wire === undefined) break
      on.wire(wire)
      if (wire.kind === 'control' && wire.event.kind === 'eof' && peer === 'client' && !isClosing)
        destroyIn(ended_idle_ms)
    }
    isDelivering = false
    if (held.length > 0) return
    if (!isGone) socket.resume()
    else if (!isTold) {
      isTold = true
      on.closed(failure)
    }
  }
}

const line = (message: string): Uint8Array =>
  new TextEncoder().encode(`${message.replace(/\p{Cc}+/gu, ' ')}\n`)
