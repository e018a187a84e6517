/**
 * A port, and the connections that come by it: sockets of Bun's own, each a stream as long as somebody logs in.
 *
 * @module
 */
import { LoginStream } from '../socket/login.ts'
import { listenRaw, type RawPort } from '../socket/raw.ts'

export interface DoorOptions {
  readonly host: string
  /** 0 for a port of the system's choice. */
  readonly port: number
  readonly is_shared?: boolean
}

/** `source`: `IP:PORT`. `destroy` closes the connection, whoever has it by then. */
export type Opened = (stream: LoginStream, source: string, destroy: () => void) => void

/** Throws the error of the system when it cannot be opened. */
export function openDoor({ host, port, is_shared = false }: DoorOptions, opened: Opened): RawPort {
  return listenRaw({ host, port, is_shared }, (socket) => {
    const { address, port: from_port } = socket.remote
    opened(new LoginStream(socket), sourceOf(address, from_port), () => socket.destroy())
  })
}

/** `IP:PORT`, `[IPV6]:PORT` */
function sourceOf(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
