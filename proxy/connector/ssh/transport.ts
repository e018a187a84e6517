/**
 * What carries a connection of SSH. To the library one of Bun's own sockets is a stream of Node's as far as it looks, without what that
 * does around each packet: half of what a packet cost.
 *
 * @module
 */
import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import { LoginStream } from '../../socket/login.ts'
import type { RawSocket } from '../../socket/raw.ts'

/** A stream of Node's is one. */
export interface Transport {
  readonly destroyed: boolean
  /** A stream inside the process has no counters. */
  readonly bytesRead?: number
  readonly bytesWritten?: number
  on(event: 'error', listener: (error: Error) => void): unknown
  once(event: 'close', listener: () => void): unknown
  /** Behind what was written. */
  end(): unknown
  destroy(): unknown
}

/** Of a stream that was read for a login, and is another's from now on. */
export function transportOf(stream: Duplex): Transport {
  if (!(stream instanceof LoginStream)) return stream
  const { socket, early } = stream.leave()
  return new SocketTransport(socket, early)
}

interface Waiting {
  readonly bytes: number
  readonly written: (() => void) | undefined
}

const nothing = new Uint8Array()

/** Paused at first. Events: data, end, drain, error, close. Whose peer says no more is ended in turn, as SSH has no use for half of a connection. */
export class SocketTransport extends EventEmitter implements Transport {
  readonly #socket: RawSocket
  /** Came while it is paused, or was given back. */
  #held: Uint8Array[]
  #is_paused = true
  #is_flowing_soon = false
  #peer_ended = false
  #is_end_told = false
  #waiting: Waiting[] = []
  bytesWritten = 0
  /** What the system has not taken yet. */
  writableLength = 0
  readable = true
  writable = true
  destroyed = false

  constructor(socket: RawSocket, early: Uint8Array = nothing) {
    super()
    this.#socket = socket
    this.#held = early.length === 0 ? [] : [early]
    // It may fail before anybody listens.
    this.on('error', () => {})
    socket.start({
      data: (bytes) => {
        if (this.#is_paused || this.#held.length > 0) this.#held.push(bytes)
        else this.emit('data', bytes)
      },
      ended: () => {
        this.#peer_ended = true
        this.writable = false
        this.#tellEnd()
      },
      closed: (error) => this.#close(error),
    })
    socket.pause()
  }

  get bytesRead(): number {
    return this.#socket.bytes_read
  }

  write(bytes: Uint8Array, written?: () => void): boolean {
    this.bytesWritten += bytes.length
    if (this.#socket.write(bytes, this.#taken)) {
      written?.()
      return true
    }
    this.#waiting.push({ bytes: bytes.length, written })
    this.writableLength += bytes.length
    return false
  }

  /** What waits was taken, or never will be, in its order. */
  readonly #taken = (): void => {
    const { bytes = 0, written } = this.#waiting.shift() ?? {}
    this.writableLength -= bytes
    written?.()
    if (this.writableLength === 0 && !this.#socket.is_closed) this.emit('drain')
  }

  pause(): void {
    this.#is_paused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#is_paused = false
    if (this.#held.length === 0 && !this.#peer_ended) {
      this.#socket.resume()
      return
    }
    if (this.#is_flowing_soon) return
    this.#is_flowing_soon = true
    // The caller's next line may set up what the reader needs.
    process.nextTick(() => {
      this.#is_flowing_soon = false
      this.#flow()
    })
  }

  /** Gives back what is to be read again. */
  unshift(bytes: Uint8Array): void {
    this.#held.unshift(bytes)
  }

  end(): void {
    this.writable = false
    this.#socket.end()
  }

  destroy(): void {
    if (this.destroyed) return
    this.#socket.destroy()
    this.#close()
  }

  #flow(): void {
    while (!this.#is_paused && !this.destroyed) {
      const bytes = this.#held.shift()
      if (bytes === undefined) break
      this.emit('data', bytes)
    }
    if (this.#is_paused || this.destroyed) return
    this.#socket.resume()
    this.#tellEnd()
  }

  #tellEnd(): void {
    const is_due = this.#peer_ended && !this.#is_paused && this.#held.length === 0
    if (!is_due || this.#is_end_told || this.destroyed) return
    this.#is_end_told = true
    this.readable = false
    this.emit('end')
    this.end()
  }

  #close(error?: Error): void {
    if (this.destroyed) return
    this.destroyed = true
    this.readable = false
    this.writable = false
    this.#held = []
    // Whoever destroys it says what for in the next line.
    process.nextTick(() => {
      if (error !== undefined) this.emit('error', error)
      this.emit('close')
    })
  }
}
