/**
 * A channel as a byte stream of Node, for a client that comes through another connection of ours: what it sends
 * gives window back only as it is read, and what is written waits for the channel to take it.
 *
 * @module
 */
import { Duplex } from 'node:stream'
import type { LibraryChannel, Receiver } from './library.ts'

const nothing = Buffer.alloc(0)

export class ChannelStream extends Duplex {
  readonly #channel: LibraryChannel
  /** Read by nobody yet. */
  #held_bytes = 0
  #ended = false

  constructor(channel: LibraryChannel) {
    super({ allowHalfOpen: true })
    this.#channel = channel
    channel.on('error', () => {})
    channel.direct(this.#receiver)
  }

  readonly #receiver: Receiver = {
    data: (bytes) => {
      this.#held_bytes += bytes.length
      if (this.push(bytes)) this.#consume()
    },
    end: () => {
      this.#ended = true
      this.push(null)
    },
    close: () => this.#closed(),
  }

  /** As a socket's, what came before a close is read first: a key exchange may have paused the reader. */
  #closed(): void {
    if (this.readableLength === 0) {
      this.destroy()
      return
    }
    this.once('end', () => this.destroy())
    if (!this.#ended) this.push(null)
    this.#ended = true
  }

  override _read(): void {
    this.#consume()
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.#channel.transmit(bytes, false, done)
  }

  override _final(done: () => void): void {
    this.#channel.transmit(nothing, false, () => {
      this.#channel.eof()
      done()
    })
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#channel.close()
    done(error)
  }

  #consume(): void {
    if (this.#held_bytes > 0) this.#channel.consumed(this.#held_bytes)
    this.#held_bytes = 0
  }
}
