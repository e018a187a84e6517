/**
 * A stream as an endpoint, for protocols whose channel is a connection. It hands over what its peer sends, in order and only while
 * it is wanted, and sends in order with a stream that pushes back. Either direction may end before the other.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import type { ChannelEvent, Endpoint, EndpointEvents, Stream, Wire } from '../../core/connector.ts'
import { ended_idle_ms, flush_ms, held_reads_max, linger_ms } from './limits.ts'
import { Receipts } from './receipts.ts'

export interface StreamEndpoint extends Endpoint {
  /** Resolves when the stream is closed, whether or not all was handed over. */
  readonly gone: Promise<void>
  /** How the stream was lost, if it did not end both ways by itself or by a close of ours. */
  readonly failure: Error | undefined
  /** Shows one line to the peer, then closes. Nothing once it was closed. */
  closeWith(message: string): void
  /** Hands over an event as if the peer had sent it. */
  inject(event: ChannelEvent): void
}

export interface StreamOptions {
  /** Was read from the stream before: it comes first. */
  readonly early?: Uint8Array
  /** How the protocol says a last line. By default it is a line of text. */
  readonly farewell?: (message: string) => Uint8Array
  /** Takes an event that is written, but for the ends of streams. */
  readonly event?: (event: ChannelEvent) => void
}

/**
 * Reads from the beginning, as a stream that nobody reads does not say that it has closed.
 * A client sends stream 0, a target stream 1.
 */
export function streamEndpoint(
  peer: 'client' | 'target',
  duplex: Duplex,
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

  // Said before the end is read: who has no more to say still wants an answer.
  duplex.allowHalfOpen = true
  if (early.length > 0) receiveBytes(early)
  duplex.on('data', receiveBytes)
  duplex.once('end', () => receive({ kind: 'control', event: { kind: 'eof', stream } }))
  duplex.on('error', (error: Error) => {
    failure ??= error
  })
  duplex.once('close', receiveClose)
  if (duplex.closed) queueMicrotask(receiveClose)
  else duplex.resume()

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
    const isWritable = !isClosing && !isGone && duplex.writable
    if (wire.kind === 'data' && isWritable) {
      writeBytes(wire.bytes, sent)
      return
    }
    const settle = receipts.expect(sent)
    // Stream 2 has no end of its own here.
    const isEnd = wire.kind === 'control' && wire.event.kind === 'eof' && wire.event.stream !== 2
    if (isEnd && isWritable) duplex.end()
    else if (wire.kind === 'control' && wire.event.kind !== 'eof') event?.(wire.event)
    queueMicrotask(settle)
  }

  /** A write that is told of costs more than one that is not, and most are over when the call returns. */
  function writeBytes(bytes: Uint8Array, sent?: () => void): void {
    // Who takes something is there.
    const taken = (): void => {
      if (!isClosing) timer?.refresh()
    }
    const isFirst = duplex.writableLength === 0 && receipts.isEmpty
    if (isFirst) {
      duplex.write(bytes)
      if (duplex.writableLength === 0) {
        taken()
        sent?.()
        return
      }
    }
    const settle = receipts.expect(sent)
    duplex.write(isFirst ? nothing : bytes, () => {
      taken()
      settle()
    })
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
    if (duplex.writableFinished) destroyIn(linger_ms)
    else duplex.once('finish', () => destroyIn(linger_ms)).end()
    duplex.resume()
  }

  function destroyIn(ms: number): void {
    clearTimeout(timer)
    if (!isGone) timer = setTimeout(() => duplex.destroy(), ms)
  }

  /** Copied, as the receiver owns it, and a stream may go on using its own. */
  function receiveBytes(bytes: Uint8Array): void {
    receive({ kind: 'data', stream, bytes: new Uint8Array(bytes) })
  }

  function receive(wire: Wire): void {
    if (isClosing) return
    held.push(wire)
    deliver()
    if (held.length >= held_reads_max) duplex.pause()
  }

  function receiveClose(): void {
    if (isGone) return
    isGone = true
    clearTimeout(timer)
    const isClean = duplex.readableEnded && duplex.writableFinished
    if (isClosing || isClean) failure = undefined
    else failure ??= new Error(`the connection to the ${peer} was lost`)
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
    if (!isGone) duplex.resume()
    else if (!isTold) {
      isTold = true
      on.closed(failure)
    }
  }
}

const nothing = new Uint8Array()

const line = (message: string): Uint8Array =>
  new TextEncoder().encode(`${message.replace(/\p{Cc}+/gu, ' ')}\n`)
