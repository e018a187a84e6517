/**
 * The echo connector between two sockets of the system.
 *
 * @module
 */
import { connect, createServer, type Socket } from 'node:net'
import { LineCodec } from '../../proxy/connector/echo/codec.ts'
import { echoConnector } from '../../proxy/connector/echo/connector.ts'
import { Collected } from './collected.ts'
import type { Client, ClientEnd, Conformer, ConnectOptions, Program, World } from './world.ts'

export const echo_conformer: Conformer = {
  components: [],
  lacks: {
    channels: 'a connection is its only channel',
    commands: 'a connection says where it goes, and nothing that runs there',
    error_stream: 'it has one stream each way',
    exit_code: 'the end of a stream has no code',
    capabilities: 'there is nothing to ask for',
    terminal: 'a stream has no size',
  },
  open: openEchoWorld,
}

const token = 'let-me-in'

export async function openEchoWorld(): Promise<World> {
  const targets = new Map<string, () => Socket | undefined>()
  let clients = 0
  return {
    connector: echoConnector({ dial: (name) => targets.get(name)?.() }),
    codecs: () => ({ to_target: new LineCodec(0), to_client: new LineCodec(1) }),
    isKnown: (claim) => claim.kind === 'token' && claim.jwt === token,
    async connect(port, options = {}) {
      clients += 1
      const name = `target-${clients}`
      const far = await listenFar()
      if (options.target !== 'unknown')
        // Dialling is not the protocol's own: who is away gives no stream.
        targets.set(name, () => (options.target === 'away' ? undefined : far.dial()))
      return startClient(port, name, far, options)
    },
    async [Symbol.asyncDispose]() {},
  }
}

interface Far extends AsyncDisposable {
  dial(): Socket
  readonly accepted: Promise<Socket>
  readonly reached: number
}

async function listenFar(): Promise<Far> {
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>()
  const sockets = new Set<Socket>()
  let reached = 0
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    reached += 1
    sockets.add(socket.on('error', () => {}))
    resolve(socket)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  return {
    dial: () => connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true }),
    accepted,
    get reached() {
      return reached
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((closed) => server.close(() => closed()))
    },
  }
}

function startClient(port: number, target: string, far: Far, options: ConnectOptions): Client {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => {})
  socket.write(`${options.known === false ? 'wrong' : token} someone@${target}\n`)
  const output = gather(socket)
  // A user whose program has ended has no connection.
  void output.ended().then(() => {
    if (socket.writableEnded) socket.destroy()
  })
  const accepted = far.accepted.then((at_target) => {
    return { at_target, program: programOf(at_target) }
  })
  const channel: ClientEnd = {
    output,
    errors: new Collected(),
    send: (bytes) => {
      socket.write(bytes)
    },
    endInput: () => {
      socket.end()
    },
    pause: () => {
      socket.pause()
    },
    resume: () => {
      socket.resume()
    },
    resize: () => {},
    exited: gone.then(() => 0),
    get begun() {
      return far.reached > 0
    },
    program: async () => (await accepted).program,
  }
  return {
    account: 'someone',
    target,
    channel,
    open: () => Promise.reject(new Error('it has one channel')),
    leave: () => socket.destroy(),
    kill: () => socket.resetAndDestroy(),
    gone,
    get reached() {
      return far.reached
    },
    cutTarget: () => void accepted.then(({ at_target }) => at_target.resetAndDestroy()),
    async [Symbol.asyncDispose]() {
      socket.destroy()
      await far[Symbol.asyncDispose]()
    },
  }
}

function programOf(socket: Socket): Program {
  let printed = 0
  return {
    input: gather(socket),
    get printed() {
      return printed
    },
    print(bytes) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const piece_bytes = 64 * 1024
      for (let at = 0; at < bytes.length; at += piece_bytes) {
        const piece = bytes.subarray(at, at + piece_bytes)
        socket.write(piece, () => {
          printed += piece.length
          if (at + piece.length === bytes.length) resolve()
        })
      }
      return promise
    },
    endOutput: () => {
      socket.end()
    },
    pause: () => {
      socket.pause()
    },
    resume: () => {
      socket.resume()
    },
    exit: () => {
      socket.end(() => socket.destroy())
    },
  }
}

function gather(socket: Socket): Collected {
  const collected = new Collected()
  socket.on('data', (bytes: Buffer) => collected.push(new Uint8Array(bytes)))
  socket.once('end', () => collected.end())
  socket.once('close', () => collected.end())
  return collected
}
