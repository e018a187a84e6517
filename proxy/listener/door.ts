/**
 * A port, and the connections that come by it: Node's sockets or Bun's own, as a connector wants them.
 *
 * @module
 */
import { createServer } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Connector } from '../core/connector.ts'
import { LoginStream } from '../socket/login.ts'
import { listenRaw } from '../socket/raw.ts'

export interface Door {
  readonly port: number
  /** Accepts no one any more; who is there stays. */
  stop(): void
}

export interface DoorOptions {
  readonly host: string
  /** 0 for a port of the system's choice. */
  readonly port: number
  readonly is_shared?: boolean
}

export interface DoorEvents {
  /** `source`: `IP:PORT`. `destroy` closes the connection, whoever has it by then. */
  opened(socket: Duplex, source: string, destroy: () => void): void
  /** One could not be accepted: the next one may be. */
  failed(code: string): void
}

/** Rejects with the error of the system when it cannot be opened. */
export async function openDoor(
  { host, port, is_shared = false }: DoorOptions,
  sockets: Connector['sockets'],
  on: DoorEvents,
): Promise<Door> {
  if (sockets === 'raw')
    return listenRaw({ host, port, is_shared }, (socket) => {
      const { address: from, port: from_port } = socket.remote
      on.opened(new LoginStream(socket), sourceOf(from, from_port), () => socket.destroy())
    })
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) =>
    on.opened(
      ...([socket, sourceOf(socket.remoteAddress, socket.remotePort)] as const),
      () => void socket.destroy(),
    ),
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, reusePort: is_shared }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  // Accepting can fail for want of descriptors.
  server.on('error', (error: Error & { code?: string }) => on.failed(error.code ?? 'unknown'))
  const address = server.address()
  return {
    port: address !== null && typeof address === 'object' ? address.port : port,
    stop: () => void server.close(),
  }
}

/** `IP:PORT`, `[IPV6]:PORT` */
function sourceOf(address = 'unknown', port = 0): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
