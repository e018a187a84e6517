/**
 * One of Bun's own sockets. A query is two reads and two writes for the system, and with a stream of Node's around each socket it is
 * as much again for the gateway, in time and in memory.
 *
 * @module
 */
import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import type { Socket as BunSocket, SocketHandler } from 'bun'
import type { Socket, SocketEvents } from './socket.ts'

type Shown = PeerCertificate & { readonly raw?: Uint8Array }

/** As the protocol has it (RFC 5246, appendix E.1). */
const tls_1_2 = 0x0303

interface Waiting {
  readonly bytes: Uint8Array
  readonly taken: (() => void) | undefined
}

/** Whose certificate it is that a TLS server shows, and whether it wants to see the client's, whoever signed that. */
export interface ServerTls {
  readonly cert: string
  readonly key: string
  readonly requestCert: boolean
  readonly rejectUnauthorized: false
}

/** Whose certificate a client of TLS takes: one of that host, of an authority in `ca` (PEM; without one, of those the system knows). */
export interface ClientTls {
  /** As it was connected to. */
  readonly host: string
  readonly ca: string | undefined
}

export interface Secured {
  /** `TLSv1.3` */
  readonly version: string
  /** What the peer has shown, DER; TLS proves that its key is there. */
  readonly certificate: Uint8Array | undefined
}

export class RawSocket implements Socket {
  #socket: BunSocket<RawSocket | undefined>
  #on: SocketEvents | undefined
  #waiting: Waiting[] = []
  /** Of the first that waits, so much is taken. */
  #taken_bytes = 0
  /** Set by {@link end}. */
  #whenEnded: (() => void) | undefined
  #state: 'open' | 'ending' | 'ended' | 'closed' = 'open'
  #hasPeerEnded = false
  #isDestroyed = false
  #isPaused = false
  #failure: Error | undefined
  #securing: PromiseWithResolvers<Secured> | undefined
  /** Of whom a certificate is wanted; undefined where it is the server's own. */
  #wanted_host: string | undefined
  bytes_read = 0

  /** For {@link handlers}, which give it what happens. */
  constructor(socket: BunSocket<RawSocket | undefined>) {
    this.#socket = socket
  }

  /** `IP`, and a port. */
  get remote(): { readonly address: string; readonly port: number } {
    return { address: this.#socket.remoteAddress, port: this.#socket.remotePort }
  }

  get is_writable(): boolean {
    return this.#state === 'open'
  }

  get is_closed(): boolean {
    return this.#state === 'closed'
  }

  start(on: SocketEvents): void {
    this.#on = on
    if (this.#hasPeerEnded) queueMicrotask(() => this.#on?.ended())
    if (this.#state === 'closed') queueMicrotask(() => this.#on?.closed(this.#failure))
    else this.resume()
  }

  pause(): void {
    if (this.#isPaused || this.#state === 'closed') return
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused || this.#state === 'closed') return
    this.#isPaused = false
    this.#socket.resume()
  }

  write(bytes: Uint8Array, taken?: () => void): boolean {
    if (this.#state !== 'open') return true
    // Nothing is said to whom nobody has looked at yet.
    if (this.#waiting.length === 0 && this.#securing === undefined) {
      const written = Math.max(this.#socket.write(bytes), 0)
      if (written === bytes.length || this.is_closed) return true
      this.#taken_bytes = written
    }
    this.#waiting.push({ bytes, taken })
    return false
  }

  end(ended?: () => void): void {
    if (this.#state === 'ended' || this.#state === 'closed') {
      ended?.()
      return
    }
    const before = this.#whenEnded
    this.#whenEnded = () => {
      before?.()
      ended?.()
    }
    this.#state = 'ending'
    if (this.#waiting.length === 0) this.#shutDown()
  }

  destroy(): void {
    this.#isDestroyed = true
    if (this.#state !== 'closed') this.#socket.close()
  }

  /** Goes on in TLS, as its server. Nothing came before that was not read. Rejects when the peer gives it up. */
  secure(tls: ServerTls): Promise<Secured> {
    return this.#upgrade({ tls, isServer: true })
  }

  /** ... as its client. Rejects, and is closed, when the certificate is not one that is wanted; nothing was said over it then. */
  secureTo({ host, ca }: ClientTls): Promise<Secured> {
    this.#wanted_host = host
    const tls = {
      ...(isIP(host) === 0 ? { serverName: host } : {}),
      ...(ca === undefined ? {} : { ca }),
      rejectUnauthorized: true,
      minVersion: tls_1_2,
    }
    return this.#upgrade({ tls })
  }

  #upgrade(side: {
    readonly tls: ServerTls | Readonly<Record<string, unknown>>
    readonly isServer?: true
  }): Promise<Secured> {
    const securing = Promise.withResolvers<Secured>()
    securing.promise.catch(() => {})
    this.#securing = securing
    this.resume()
    const plain = this.#socket
    // Bun's types do not have the side of a server, nor a version.
    const options = { ...side, data: this, socket: tls_handlers }
    const [encrypted, secured] = plain.upgradeTLS<RawSocket | undefined>(options)
    // These go on telling of what is encrypted, and nobody listens.
    plain.data = undefined
    encrypted.data = undefined
    this.#socket = secured
    return securing.promise
  }

  /** @internal For {@link handlers}. */
  handshaken(is_done: boolean, error: Error | null): void {
    // Other than Bun's types say, there may be none.
    const shown = this.#socket.getPeerCertificate() as Shown | null | undefined
    const host = this.#wanted_host
    if (host !== undefined && shown?.raw !== undefined) {
      // Bun has looked at both. That it has looked at the name is not for its users to see, so it is looked at once more.
      const untrusted = is_done ? checkServerIdentity(host, shown) : (error ?? not_agreed())
      if (untrusted !== undefined) {
        this.#securing?.reject(untrusted)
        this.#securing = undefined
        this.destroy()
        return
      }
    } else if (!is_done || host !== undefined) {
      this.failed(not_agreed())
      return
    }
    this.#securing?.resolve({ version: this.#socket.getTLSVersion(), certificate: shown?.raw })
    this.#securing = undefined
    this.drained()
  }

  /** @internal TLS was broken, or whoever was told of something has failed. */
  failed(error: Error): void {
    this.#failure ??= error
    if (this.#state !== 'closed') this.#socket.close()
  }

  /** @internal */
  received(bytes: Uint8Array): void {
    this.bytes_read += bytes.length
    this.#on?.data(bytes)
  }

  /** @internal The system takes more. */
  drained(): void {
    if (this.#securing !== undefined) return
    while (this.#waiting.length > 0) {
      const [{ bytes, taken }] = this.#waiting as [Waiting]
      const left = bytes.length - this.#taken_bytes
      const written = this.#socket.write(bytes, this.#taken_bytes, left)
      // Closed: that is told by itself.
      if (written < 0) return
      if (written < left) {
        this.#taken_bytes += written
        return
      }
      this.#taken_bytes = 0
      this.#waiting.shift()
      taken?.()
    }
    if (this.#state === 'ending') this.#shutDown()
  }

  /** @internal */
  peerEnded(): void {
    if (this.#hasPeerEnded) return
    this.#hasPeerEnded = true
    this.#on?.ended()
    if (this.#state === 'ended') this.#socket.close()
  }

  /** @internal */
  closed(error?: Error): void {
    if (this.#state === 'closed') return
    // Whose end comes behind ours is not told of it by itself.
    const is_clean = error === undefined && this.#state === 'ended'
    if (is_clean && !this.#isDestroyed) this.peerEnded()
    this.#state = 'closed'
    if (!is_clean && !this.#isDestroyed) this.#failure ??= error ?? lost()
    const waiting = this.#waiting
    this.#waiting = []
    for (const { taken } of waiting) taken?.()
    this.#whenEnded?.()
    this.#whenEnded = undefined
    this.#securing?.reject(this.#failure ?? lost())
    this.#on?.closed(this.#failure)
  }

  #shutDown(): void {
    this.#state = 'ended'
    this.#socket.shutdown()
    const ended = this.#whenEnded
    this.#whenEnded = undefined
    ended?.()
    if (this.#hasPeerEnded) this.#socket.close()
  }
}

const not_agreed = (): Error => new Error('TLS was not agreed upon')

const lost = (): Error => new Error('the connection was lost')

/** For all of them: a socket has what is its own in its `data`. */
const handlers: SocketHandler<RawSocket | undefined> = {
  binaryType: 'uint8array',
  data: ({ data: socket }, bytes) => socket?.received(bytes),
  drain: ({ data: socket }) => socket?.drained(),
  end: ({ data: socket }) => socket?.peerEnded(),
  close: ({ data: socket }, error) => socket?.closed(error),
  error: ({ data: socket }, error) => socket?.failed(error),
}

const tls_handlers: SocketHandler<RawSocket | undefined> = {
  ...handlers,
  // Of a server's side it says nothing of who signed the certificate, which is not looked at.
  handshake: ({ data: socket }, is_done, error) => socket?.handshaken(is_done, error),
}

function adopt(socket: BunSocket<RawSocket | undefined>): RawSocket {
  socket.setNoDelay(true)
  socket.setKeepAlive(true)
  const raw = new RawSocket(socket)
  socket.data = raw
  return raw
}

export interface RawPort {
  readonly port: number
  /** Accepts no one any more; who is there stays. */
  stop(): void
}

/** Throws the error of the system when it cannot be opened. `port`: 0 for one of the system's choice. */
export function listenRaw(
  { host, port, is_shared }: { host: string; port: number; is_shared: boolean },
  opened: (socket: RawSocket) => void,
): RawPort {
  const listener = Bun.listen<RawSocket | undefined>({
    ...{ hostname: host, port, allowHalfOpen: true, exclusive: !is_shared, reusePort: is_shared },
    socket: {
      ...handlers,
      open: (socket) => opened(adopt(socket)),
    },
  })
  return { port: listener.port, stop: () => listener.stop(false) }
}

/** Rejects with the error of the system. */
export async function connectRaw(host: string, port: number): Promise<RawSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<RawSocket>()
  const connecting = Bun.connect<RawSocket | undefined>({
    ...{ hostname: host, port, allowHalfOpen: true, data: undefined },
    socket: {
      ...handlers,
      open: (socket) => resolve(adopt(socket)),
      connectError: (_, error) => reject(error),
    },
  })
  connecting.catch(reject)
  return promise
}
