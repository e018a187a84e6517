/**
 * A stream of Node's as a socket: what stands for a connection without being one of Bun's own.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import type { Socket } from './socket.ts'

const nothing = new Uint8Array()

export function nodeSocket(duplex: Duplex): Socket {
  let failure: Error | undefined
  // Said before the end is read: who has no more to say still wants an answer.
  duplex.allowHalfOpen = true
  duplex.on('error', (error: Error) => {
    failure ??= error
  })
  return {
    start(on) {
      // Copied, as the receiver owns it, and a stream may go on using its own.
      duplex.on('data', (bytes: Uint8Array) => on.data(new Uint8Array(bytes)))
      duplex.once('end', () => on.ended())
      const closed = (): void => {
        const is_clean = duplex.readableEnded && duplex.writableFinished
        on.closed(is_clean ? undefined : (failure ?? new Error('the connection was lost')))
      }
      if (duplex.closed) queueMicrotask(closed)
      else {
        duplex.once('close', closed)
        duplex.resume()
      }
    },
    pause: () => void duplex.pause(),
    resume: () => void duplex.resume(),
    get is_writable() {
      return duplex.writable
    },
    /** A write that is told of costs more than one that is not, and most are over when the call returns. */
    write(bytes, taken) {
      if (!duplex.writable) return true
      if (duplex.writableLength > 0) {
        duplex.write(bytes, () => taken?.())
        return false
      }
      duplex.write(bytes)
      if (duplex.writableLength === 0) return true
      duplex.write(nothing, () => taken?.())
      return false
    },
    end(ended) {
      if (duplex.writableFinished) ended?.()
      else duplex.once('finish', () => ended?.()).end()
    },
    destroy: () => void duplex.destroy(),
  }
}
