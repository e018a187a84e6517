/**
 * A stream as an endpoint: bytes both ways, an end each way, a close.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import type { Endpoint, EndpointEvents, Stream, Wire } from '../../core/connector.ts'

/** `stream` is what its bytes are called: 0 from a client, 1 from a target. */
export function streamEndpoint(duplex: Duplex, stream: Stream): Endpoint {
  const sends = inOrder()
  let on: EndpointEvents | undefined
  let isClosing = false
  let isGone = duplex.destroyed
  let isTold = false
  let failure: Error | undefined
  const tell = (): void => {
    if (!isGone || on === undefined || isTold) return
    isTold = true
    on.closed(failure)
  }
  duplex.on('error', (error: Error) => {
    failure ??= error
  })
  duplex.once('close', () => {
    isGone = true
    tell()
  })
  return {
    start(events: EndpointEvents) {
      on = events
      duplex.on('data', (bytes: Buffer) => {
        if (!isClosing) events.wire({ kind: 'data', stream, bytes: new Uint8Array(bytes) })
      })
      duplex.on('end', () => {
        if (!isClosing) events.wire({ kind: 'control', event: { kind: 'eof', stream } })
      })
      // It was paused, explicitly, until somebody listens.
      duplex.resume()
      queueMicrotask(tell)
    },
    pause: () => {
      duplex.pause()
    },
    resume: () => {
      duplex.resume()
    },
    write(wire: Wire, sent?: () => void) {
      const done = sends.add(sent)
      if (isClosing || duplex.destroyed || duplex.writableEnded) done()
      else if (wire.kind === 'data') duplex.write(wire.bytes, done)
      else if (wire.event.kind === 'eof') duplex.end(done)
      else done()
    },
    close() {
      if (isClosing) return
      isClosing = true
      // What was written goes first; then both directions are over.
      if (duplex.writableFinished || duplex.destroyed) duplex.destroy()
      else duplex.end(() => duplex.destroy())
    },
  }
}

/** Calls back in the order of adding, whatever the order in which they are done. */
function inOrder(): { add(call: (() => void) | undefined): () => void } {
  const waiting: { isDone: boolean; readonly call: (() => void) | undefined }[] = []
  return {
    add(call) {
      const entry = { isDone: false, call }
      waiting.push(entry)
      return () => {
        entry.isDone = true
        while (waiting[0]?.isDone === true) waiting.shift()?.call?.()
      }
    },
  }
}
