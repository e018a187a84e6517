/**
 * A stream that is read message by message, until who is there has said what is needed.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import { header_bytes, type Message, u32 } from './message.ts'

/** The stream ended, or said something that cannot be. The caller knows whose stream it is. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError'
  readonly is_gone: boolean
  constructor(message: string, is_gone: boolean) {
    super(message)
    this.is_gone = is_gone
  }
}

/** What a client says while it is not asked. */
const unasked_bytes_max = 64 * 1024

export class Handshake {
  readonly #stream: Duplex
  /** What came and was not taken: from, until. It grows by doubling, as a stream may bring a byte at a time. */
  #room: Uint8Array = new Uint8Array()
  #from = 0
  #end = 0
  #isEnded: boolean
  #wake = Promise.withResolvers<void>()
  readonly #onData = (bytes: Uint8Array): void => {
    this.#hold(bytes)
    this.#stream.pause()
    this.#wakeUp()
  }
  readonly #onEnd = (): void => {
    this.#isEnded = true
    this.#wakeUp()
  }

  /** Nobody else reads the stream until {@link release}. */
  constructor(stream: Duplex) {
    this.#stream = stream
    this.#isEnded = stream.destroyed || stream.readableEnded
    stream.on('data', this.#onData).once('end', this.#onEnd).once('close', this.#onEnd)
    stream.pause()
  }

  /** The first byte alone: an answer to a request for TLS. */
  async byte(): Promise<number> {
    await this.#until(1)
    return this.#take(1)[0] ?? 0
  }

  /** A packet without a type: length, and what it announces. Rejects with a {@link HandshakeError}. */
  async packet(bytes_max: number): Promise<Uint8Array> {
    await this.#until(4)
    const length = u32(this.#room, this.#from)
    if (length < 8 || length > bytes_max) throw new HandshakeError('its length cannot be', false)
    await this.#until(length)
    return this.#take(length)
  }

  async message(bytes_max: number): Promise<Message> {
    await this.#until(header_bytes)
    const length = 1 + u32(this.#room, this.#from + 1)
    if (length < header_bytes || length > bytes_max)
      throw new HandshakeError('its length cannot be', false)
    await this.#until(length)
    const bytes = this.#take(length)
    return { type: bytes[0] ?? 0, bytes }
  }

  /** Resolves when the stream has ended; what comes before that is kept. */
  async ended(): Promise<void> {
    while (!this.#isEnded) {
      // So little that it cannot be meant to fill the memory.
      if (this.#length < unasked_bytes_max) this.#stream.resume()
      await this.#wake.promise
    }
  }

  /** Ends the reading; returns what came and was not asked for. */
  release(): Uint8Array {
    this.#stream.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd)
    this.#stream.pause()
    return this.#room.slice(this.#from, this.#end)
  }

  get #length(): number {
    return this.#end - this.#from
  }

  #hold(bytes: Uint8Array): void {
    const length = this.#length + bytes.length
    if (this.#end + bytes.length > this.#room.length) {
      const room = new Uint8Array(2 * length)
      room.set(this.#room.subarray(this.#from, this.#end))
      this.#room = room
      this.#end -= this.#from
      this.#from = 0
    }
    this.#room.set(bytes, this.#end)
    this.#end += bytes.length
  }

  async #until(length: number): Promise<void> {
    while (this.#length < length) {
      if (this.#isEnded) throw new HandshakeError('it has left', true)
      this.#stream.resume()
      await this.#wake.promise
    }
    this.#stream.pause()
  }

  #take(length: number): Uint8Array {
    const taken = this.#room.slice(this.#from, this.#from + length)
    this.#from += length
    return taken
  }

  #wakeUp(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}
