/**
 * A client and a server of ssh2, joined over loopback, with their internals open: a defect is shown by a peer
 * that does not behave.
 *
 * @module
 */
import { EventEmitter } from 'node:events'
import { connect, type Socket } from 'node:net'

/** The package under test; its types say nothing about what is tested here. */
export type Library = Record<string, new (...args: unknown[]) => Loose> & { readonly utils: Loose }
/** An object of the library, seen from inside. */
// oxlint-disable-next-line typescript/no-explicit-any -- internals have no types
export type Loose = any

export interface Wire {
  readonly client: Loose
  /** The server's view of the client. */
  readonly connection: Loose
  readonly port: number
}

export interface WireOptions {
  readonly onSession?: (session: Loose, connection: Loose) => void
  readonly server?: Readonly<Record<string, unknown>>
  readonly client?: Readonly<Record<string, unknown>>
}

export function serve(
  library: Library,
  options: WireOptions = {},
): Promise<[number, EventEmitter]> {
  const { private: key } = library.utils.generateKeyPairSync('ed25519')
  const connections = new EventEmitter()
  const Server = library['Server'] as Loose
  const server = new Server({ hostKeys: [key], ...options.server }, (connection: Loose) => {
    connection.on('error', (error: Error) => connections.emit('failed', error))
    connection.on('authentication', (context: Loose) => context.accept())
    connection.on('ready', () => connections.emit('ready', connection))
    connection.on('session', (accept: Loose) => {
      const session = accept()
      options.onSession?.(session, connection)
    })
  })
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve([server.address().port, connections])),
  )
}

export async function join(library: Library, options: WireOptions = {}): Promise<Wire> {
  const [port, connections] = await serve(library, options)
  const connected = new Promise((resolve) => connections.once('ready', resolve))
  const Client = library['Client'] as Loose
  const client = new Client()
  const ready = new Promise((resolve) => client.once('ready', resolve))
  client.on('error', () => {})
  client.connect({ host: '127.0.0.1', port, username: 'u', password: 'p', ...options.client })
  const [connection] = await Promise.all([connected, ready])
  return { client, connection, port }
}

export const exec = (client: Loose, command: string | Buffer = 'x'): Promise<Loose> =>
  new Promise((resolve, reject) =>
    client.exec(command, (error: Error | undefined, channel: Loose) =>
      error === undefined ? resolve(channel) : reject(error),
    ),
  )

export function connectRaw(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.on('error', () => {})
  })
}

export const gather = (stream: Loose): Promise<Buffer> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.once('end', () => resolve(Buffer.concat(chunks)))
  })

export function assert(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}
