/**
 * A stream as an endpoint: bytes both ways, an end, a close.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import type { Endpoint, EndpointEvents, Stream, Wire } from '../../core/connector.ts'

/** `stream` is what its bytes are called: 0 from a client, 1 from a target. */
export function streamEndpoint(duplex: Duplex, stream: Stream): Endpoint {
  let isClosed = false
  let failure: Error | undefined
  duplex.on('error', (error: Error) => {
    failure = error
  })
  return {
    start(on: EndpointEvents) {
      duplex.on('data', (bytes: Buffer) =>
        on.wire({ kind: 'data', stream, bytes: new Uint8Array(bytes) }),
      )
      duplex.on('end', () => on.wire({ kind: 'control', event: { kind: 'eof', stream } }))
      duplex.on('close', () => on.closed(failure))
    },
    pause: () => {
      duplex.pause()
    },
    resume: () => {
      duplex.resume()
    },
    write(wire: Wire, sent?: () => void) {
      if (isClosed || duplex.destroyed) sent?.()
      else if (wire.kind === 'data') duplex.write(wire.bytes, () => sent?.())
      else {
        if (wire.event.kind === 'eof') duplex.end()
        sent?.()
      }
    },
    close() {
      if (isClosed) return
      isClosed = true
      // What was written goes first; then both directions are over.
      if (duplex.writableFinished) duplex.destroy()
      else duplex.end(() => duplex.destroy())
    },
  }
}
