/**
 * The PostgreSQL connector between two sockets that speak the protocol: a client that logs in by a token, and a server
 * that lets in. Everything behind the login is a COPY both ways: bytes of the suite travel in its messages, and are
 * taken out of them where the suite looks.
 *
 * @module
 */
import { connect, createServer, type Socket } from 'node:net'
import { createCodecs } from '../../proxy/connector/postgres/codec.ts'
import { postgresConnector } from '../../proxy/connector/postgres/connector.ts'
import type { PostgresTarget } from '../../proxy/connector/postgres/dial.ts'
import {
  header_bytes,
  MessageCutter,
  message,
  reportFields,
} from '../../proxy/connector/postgres/message.ts'
import { createAnalyser } from '../../proxy/connector/postgres/sql/analyse.ts'
import type {
  Channel,
  Codec,
  Connector,
  Direction,
  Endpoint,
  Frame,
  Greeting,
  Link,
  Wire,
} from '../../proxy/core/connector.ts'
import type { Judge } from '../../proxy/core/statement.ts'
import { freePort } from '../fixture/net.ts'
import { Collected } from './collected.ts'
import type { Client, ClientEnd, Conformer, ConnectOptions, Program, World } from './world.ts'

export const postgres_conformer: Conformer = {
  components: [],
  lacks: {
    channels: 'a connection is its only channel',
    commands: 'statements are asked one by one inside of the channel',
    error_stream: 'it has one stream each way',
    exit_code: 'the end of a connection has no code',
    capabilities: 'there is nothing to ask for',
    terminal: 'a database has no size',
    messages: 'bytes of the suite travel inside of messages; those are cut in codec.test.ts',
  },
  open: openPostgresWorld,
}

const token = 'let-me-in'

async function openPostgresWorld(): Promise<World> {
  const targets = new Map<string, PostgresTarget>()
  let clients = 0
  const connector = await postgresConnector({
    target: (name) => targets.get(name),
    now_ms: () => performance.now(),
  })
  return {
    connector: unpacked(connector),
    codecs: () => unpackedCodecs(createCodecs(createAnalyser(), allow)),
    isKnown: (claim) => claim.kind === 'token' && claim.jwt === token,
    async connect(port, options = {}) {
      clients += 1
      const name = `target-${clients}`
      const far = await listenFar()
      if (options.target !== 'unknown')
        targets.set(name, {
          name,
          host: '127.0.0.1',
          port: options.target === 'away' ? await freePort() : far.port,
          tls: { kind: 'off' },
          password: () => 'of the account',
          columns: new Map(),
        })
      return startClient(port, name, far, options)
    },
    async [Symbol.asyncDispose]() {},
  }
}

const allow: Judge = () => ({ allowed: true, rule: 'test' })

interface Far extends AsyncDisposable {
  readonly port: number
  /** The first connection, once it has logged in. */
  readonly accepted: Promise<Socket>
  readonly reached: number
  /** Bytes of the client that came behind its login. */
  readonly input: Collected
}

/** A server that asks for no password, and then takes rows and gives them. */
async function listenFar(): Promise<Far> {
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>()
  const sockets = new Set<Socket>()
  const input = new Collected()
  let reached = 0
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    reached += 1
    sockets.add(socket.on('error', () => {}))
    const rows = takingRows(input)
    let start: Buffer | undefined = Buffer.alloc(0)
    socket.on('data', (bytes: Buffer) => {
      if (start === undefined) {
        rows(bytes)
        return
      }
      start = Buffer.concat([start, bytes])
      if (start.length < 4 || start.length < start.readUInt32BE(0)) return
      const rest = start.subarray(start.readUInt32BE(0))
      start = undefined
      socket.write(
        Buffer.concat([
          message('R', { u32: 0 }),
          message('S', 'server_version', '15.0'),
          message('K', { u32: 7 }, { u32: 8 }),
          message('Z', 'I'.charCodeAt(0)),
        ]),
      )
      resolve(socket)
      if (rest.length > 0) rows(rest)
    })
    socket.once('end', () => input.end())
    socket.once('close', () => input.end())
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    accepted,
    get reached() {
      return reached
    },
    input,
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
  const account = 'someone'
  socket.write(message(0, { u32: 0x30000 }, 'user', `${account}@${target}`, 0))
  socket.write(message('p', options.known === false ? 'wrong' : token))
  const output = new Collected()
  const rows = takingRows(output)
  socket.on('data', (bytes: Buffer) => rows(bytes))
  socket.once('end', () => output.end())
  socket.once('close', () => output.end())
  // A user whose program has ended has no connection.
  void output.ended().then(() => {
    if (socket.writableEnded) socket.destroy()
  })
  const program = far.accepted.then((at_target) => programOf(at_target, far.input))
  const channel: ClientEnd = {
    output,
    errors: new Collected(),
    send: (bytes) => {
      for (const piece of pieces(bytes)) socket.write(packed(piece))
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
    program: () => program,
  }
  return {
    account,
    target,
    channel,
    open: () => Promise.reject(new Error('it has one channel')),
    leave: () => socket.destroy(),
    kill: () => socket.resetAndDestroy(),
    gone,
    get reached() {
      return far.reached
    },
    cutTarget: () => void far.accepted.then((at_target) => at_target.resetAndDestroy()),
    async [Symbol.asyncDispose]() {
      socket.destroy()
      await far[Symbol.asyncDispose]()
    },
  }
}

function programOf(socket: Socket, input: Collected): Program {
  let printed = 0
  return {
    input,
    get printed() {
      return printed
    },
    async print(bytes) {
      const taken: Promise<void>[] = []
      for (const piece of pieces(bytes))
        taken.push(
          new Promise((resolve) =>
            socket.write(packed(piece), () => {
              printed += piece.length
              resolve()
            }),
          ),
        )
      await Promise.all(taken)
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

const packed = (bytes: Uint8Array): Uint8Array => message('d', bytes)

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  const piece_bytes = 64 * 1024
  for (let at = 0; at < bytes.length; at += piece_bytes) yield bytes.subarray(at, at + piece_bytes)
}

/** What rows hold, and what an error says. */
function takingRows(into: Collected): (bytes: Uint8Array) => void {
  const cutter = new MessageCutter(1 << 30)
  return (bytes) => {
    const cut = cutter.push(new Uint8Array(bytes))
    if (!cut.ok) throw new Error(cut.violation)
    for (const each of cut.messages) {
      if (each.type === 'd'.charCodeAt(0)) into.push(each.bytes.slice(header_bytes))
      const said = each.type === 'E'.charCodeAt(0) ? reportFields(each.bytes) : undefined
      const text = said?.find(({ field }) => field === 'M')
      if (text !== undefined) into.push(each.bytes.slice(text.start, text.end))
    }
  }
}

/** The connector, with rows for bytes at both ends of its channel. */
function unpacked(connector: Connector): Connector {
  return {
    ...connector,
    async accept(...accepting) {
      const greeting = await connector.accept(...accepting)
      return 'passage' in greeting ? greeting : unpackedGreeting(greeting)
    },
  }
}

const unpackedGreeting = (greeting: Greeting): Greeting => ({
  ...greeting,
  welcome: async (grant) => unpackedLink(await greeting.welcome(grant)),
})

const unpackedLink = (link: Link): Link => ({
  ...link,
  start: (on) => link.start({ ...on, channel: (channel) => on.channel(unpackedChannel(channel)) }),
})

const unpackedChannel = (channel: Channel): Channel => ({
  ...channel,
  client: unpackedEndpoint(channel.client),
  codecs: (grant, judge) => unpackedCodecs(channel.codecs(grant, judge)),
  dial: async () => unpackedEndpoint(await channel.dial()),
})

/** What a target says before it is ready is of no program. */
const rows_alone = 'd'.charCodeAt(0)

function unpackedEndpoint(end: Endpoint): Endpoint {
  const cutter = new MessageCutter(1 << 30)
  return {
    start: (on) =>
      end.start({
        ...on,
        wire(wire) {
          if (wire.kind === 'control') {
            on.wire(wire)
            return
          }
          const cut = cutter.push(wire.bytes)
          if (!cut.ok) throw new Error(cut.violation)
          for (const { type, bytes } of cut.messages)
            if (type === rows_alone) on.wire({ ...wire, bytes: bytes.slice(header_bytes) })
        },
      }),
    pause: () => end.pause(),
    resume: () => end.resume(),
    write: (wire, sent) =>
      end.write(wire.kind === 'data' ? { ...wire, bytes: packed(wire.bytes) } : wire, sent),
    close: () => end.close(),
  }
}

/** In the midst of a COPY each way. */
function unpackedCodecs(
  codecs: Readonly<Record<Direction, Codec>>,
): Readonly<Record<Direction, Codec>> {
  const begin = (codec: Codec, stream: 0 | 1, bytes: Uint8Array): Codec => {
    const begun = codec.decode({ kind: 'data', stream, bytes })
    if (!begun.ok) throw new Error(begun.violation)
    return {
      decode(wire) {
        const decoded = codec.decode(
          wire.kind === 'data' ? { ...wire, bytes: packed(wire.bytes) } : wire,
        )
        return decoded.ok ? { ok: true, frames: decoded.frames.map(unpackedFrame) } : decoded
      },
      encode: (wire) =>
        wire.kind === 'data'
          ? unpackedWire(codec.encode({ ...wire, bytes: packed(wire.bytes) }))
          : codec.encode(wire),
      flush: () => codec.flush(),
    }
  }
  begin(codecs.to_client, 1, message('Z', 'I'.charCodeAt(0)))
  return {
    to_target: begin(codecs.to_target, 0, message('Q', 'COPY t TO STDOUT')),
    to_client: begin(codecs.to_client, 1, message('H', 0, { u16: 0 })),
  }
}

const unpackedFrame = (frame: Frame): Frame =>
  frame.kind === 'data' ? { ...frame, bytes: frame.bytes.slice(header_bytes) } : frame

const unpackedWire = (wire: Wire): Wire =>
  wire.kind === 'data' ? { ...wire, bytes: wire.bytes.slice(header_bytes) } : wire
