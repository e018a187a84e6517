/**
 * A port in front of a server: it counts who comes, and can be cut like a cable.
 *
 * @module
 */
import { connect, createServer, type Socket } from 'node:net'

export interface Relay extends AsyncDisposable {
  readonly port: number
  /** Connections so far. */
  readonly reached: number
  cut(): void
}

export async function openRelay(to_port: number): Promise<Relay> {
  const sockets = new Set<Socket>()
  let reached = 0
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    return socket.on('error', () => {})
  }
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    reached += 1
    const further = connect({
      port: to_port,
      host: '127.0.0.1',
      noDelay: true,
      allowHalfOpen: true,
    })
    keep(socket).pipe(keep(further)).pipe(socket)
    socket.once('close', () => further.destroy())
    further.once('close', () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    get reached() {
      return reached
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
