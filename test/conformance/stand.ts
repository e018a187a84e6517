/**
 * The gateway's part around a connector, without policy, recording or masking: it listens, identifies by the
 * world's word, and keeps what the connector says in order.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import type {
  Channel,
  Endpoint,
  Greeting,
  Link,
  Passage,
  Stream,
  Wire,
} from '../../proxy/core/connector.ts'
import type { Claim, Identity } from '../../proxy/core/identity.ts'
import type { Denial, Grant } from '../../proxy/core/verdict.ts'
import { openDoor } from '../../proxy/listener/door.ts'
import { Collected, within } from './collected.ts'
import type { World } from './world.ts'

export const grant: Grant = { allowed: true, rule: 'test' }
export const denial: Denial = { allowed: false, rule: 'test', message: 'not in this test' }

export interface Stand extends AsyncDisposable {
  readonly port: number
  /** What became of the next connection. */
  accepted(): Promise<Greeting>
  readonly claims: readonly Claim[]
  /** `IP:PORT` as the connector was told. */
  readonly sources: readonly string[]
  readonly sockets: ReadonlySet<Duplex>
  /** Of all connections. */
  abort(): void
}

export async function openStand(world: World): Promise<Stand> {
  const abort = new AbortController()
  const claims: Claim[] = []
  const sources: string[] = []
  const sockets = new Set<Duplex>()
  // In objects: a queue of promises would wait for what they resolve to.
  const outcomes = queue<{ readonly outcome: Promise<Greeting> }>()
  const identify = async (claim: Claim): Promise<Identity | Denial> => {
    claims.push(claim)
    const method = claim.kind
    return world.isKnown(claim)
      ? { issuer: 'test', subject: 'ada', groups: ['staff'], method, credential: 'the key' }
      : denial
  }
  const opened = (socket: Duplex, source: string): void => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    sources.push(source)
    const outcome = greetingOf(world.connector.accept(socket, source, identify, abort.signal))
    // As the listener does: who was not accepted has no connection.
    outcome.catch(() => socket.destroy())
    outcomes.push({ outcome })
  }
  const place = { host: '127.0.0.1', port: 0 }
  const door = openDoor(place, opened)
  return {
    port: door.port,
    accepted: () =>
      within(
        'the connection is accepted or not',
        outcomes.shift().then(({ outcome }) => outcome),
      ),
    claims,
    sources,
    sockets,
    abort: () => abort.abort(),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      door.stop()
    },
  }
}

/** Clients of the suite all say where they go. */
export async function greetingOf(accepted: Promise<Greeting | Passage>): Promise<Greeting> {
  const greeting = await accepted
  if ('passage' in greeting) throw new Error('a client that goes nowhere')
  return greeting
}

export interface Started {
  readonly link: Link
  /** The next channel that the client opened. */
  channel(): Promise<Channel>
  readonly asked: readonly string[]
  /** Reasons, one for each call of `closed`; what was called after it has its name. */
  readonly closes: readonly string[]
  readonly closed: Promise<void>
}

/** Starts a link; every capability is denied. */
export function start(link: Link): Started {
  const channels = queue<Channel>()
  const asked: string[] = []
  const closes: string[] = []
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  link.start({
    channel(channel) {
      if (closes.length > 0) closes.push('a channel after it')
      channels.push(channel)
    },
    async capability(name, detail) {
      if (closes.length > 0) closes.push('a capability after it')
      asked.push(`${name} ${detail}`.trim())
      return { ...denial, message: `${name} is off in this test` }
    },
    closed(reason) {
      closes.push(reason)
      resolve()
    },
  })
  return {
    link,
    channel: () => within('the client opens a channel', channels.shift()),
    asked,
    closes,
    closed,
  }
}

export interface Watched {
  readonly endpoint: Endpoint
  /** `data 1`, once for each run of it, `eof 1`, `exit 7`, `closed`, in order. */
  readonly order: readonly string[]
  readonly streams: Readonly<Record<Stream, Collected>>
  /** Of all streams. */
  readonly received: number
  readonly closed: Promise<void>
}

/** Starts an endpoint, and keeps what it hands over. `also` is told first. */
export function watch(endpoint: Endpoint, also?: (wire: Wire) => void): Watched {
  const order: string[] = []
  const streams = { 0: new Collected(), 1: new Collected(), 2: new Collected() }
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  let received = 0
  endpoint.start({
    wire(wire) {
      also?.(wire)
      const name = nameOf(wire)
      if (order.at(-1) !== name) order.push(name)
      if (wire.kind === 'data') {
        received += wire.bytes.length
        // Owned by the receiver: what it does to them must not matter to anyone.
        streams[wire.stream].push(new Uint8Array(wire.bytes))
        wire.bytes.fill(0)
      } else if (wire.event.kind === 'eof') streams[wire.event.stream].end()
    },
    closed() {
      order.push('closed')
      for (const stream of [0, 1, 2] as const) streams[stream].end()
      resolve()
    },
  })
  return {
    endpoint,
    order,
    streams,
    get received() {
      return received
    },
    closed,
  }
}

/** Joins both ends of a channel as the pump does: through its codecs, each way in order. */
export function join(channel: Channel, target: Endpoint): { near: Watched; far: Watched } {
  const { client } = channel
  const codec = channel.codecs(grant, () => grant)
  const pass = (to: Endpoint, direction: 'to_target' | 'to_client') => (wire: Wire) => {
    const decoded = codec[direction].decode(copied(wire))
    if (!decoded.ok) throw new Error(`violation: ${decoded.violation}`)
    for (const frame of decoded.frames)
      if (frame.kind === 'data' || frame.kind === 'control')
        to.write(codec[direction].encode(frame))
  }
  const near = watch(client, pass(target, 'to_target'))
  const far = watch(target, pass(client, 'to_client'))
  void far.closed.then(() => client.close())
  void near.closed.then(() => target.close())
  return { near, far }
}

const copied = (wire: Wire): Wire =>
  wire.kind === 'data' ? { ...wire, bytes: new Uint8Array(wire.bytes) } : wire

function nameOf(wire: Wire): string {
  if (wire.kind === 'data') return `data ${wire.stream}`
  const { event } = wire
  switch (event.kind) {
    case 'eof':
      return `eof ${event.stream}`
    case 'exit':
      return `exit ${event.code}`
    case 'exit_signal':
      return `exit_signal ${event.signal}`
    case 'resize':
      return `resize ${event.columns}x${event.rows}`
    case 'signal':
      return `signal ${event.signal}`
  }
}

function queue<T>(): { push(item: T): void; shift(): Promise<T> } {
  const items: T[] = []
  const waiting: ((item: T) => void)[] = []
  return {
    push(item) {
      const next = waiting.shift()
      if (next === undefined) items.push(item)
      else next(item)
    },
    shift() {
      const item = items.shift()
      if (item !== undefined) return Promise.resolve(item)
      const { promise, resolve } = Promise.withResolvers<T>()
      waiting.push(resolve)
      return promise
    },
  }
}
