/**
 * A raw socket as a stream of Node's, for as long as somebody logs in: what is said then is little, and asked and answered.
 *
 * @module
 */
import { Duplex } from 'node:stream'
import { nodeSocket } from './node.ts'
import type { ClientTls, RawSocket, Secured, ServerTls } from './raw.ts'
import type { Socket } from './socket.ts'

export class LoginStream extends Duplex {
  readonly #socket: RawSocket
  /** Once it goes on in TLS. */
  secured: Secured | undefined

  constructor(socket: RawSocket) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    socket.start({
      data: (bytes) => {
        if (!this.push(bytes)) socket.pause()
      },
      ended: () => this.push(null),
      closed: (error) => this.destroy(error),
    })
  }

  /** How much has come. */
  get bytesRead(): number {
    return this.#socket.bytes_read
  }

  /** Goes on in TLS. Rejects when the peer gives it up, or has said something before that would count as said over it. */
  async secure(tls: ServerTls): Promise<void> {
    this.#mustBeUnread()
    this.secured = await this.#socket.secure(tls)
  }

  /** ... as its client, of a server whose certificate is that of the host. Rejects when it is not, and is closed. */
  async secureTo(tls: ClientTls): Promise<Secured> {
    this.#mustBeUnread()
    this.secured = await this.#socket.secureTo(tls)
    return this.secured
  }

  #mustBeUnread(): void {
    if (this.readableLength > 0) throw new Error('bytes came before TLS began')
  }

  /** It is over: the socket is somebody else's, with what has come and was not read. */
  leave(): { readonly socket: RawSocket; readonly early: Uint8Array } {
    const parts: Uint8Array[] = []
    for (let part: unknown = this.read(); part instanceof Uint8Array; part = this.read())
      parts.push(part)
    return { socket: this.#socket, early: new Uint8Array(Buffer.concat(parts)) }
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Uint8Array, _: string, written: (error?: Error) => void): void {
    if (this.#socket.write(chunk, written)) written()
  }

  override _final(ended: () => void): void {
    this.#socket.end(ended)
  }

  override _destroy(error: Error | null, destroyed: (error: Error | null) => void): void {
    this.#socket.destroy()
    destroyed(error)
  }
}

const nothing = new Uint8Array()

/** What is left of a login: of a stream of any kind. */
export function socketOf(stream: Duplex): { readonly socket: Socket; readonly early: Uint8Array } {
  if (stream instanceof LoginStream) return stream.leave()
  return { socket: nodeSocket(stream), early: nothing }
}
