/**
 * Connectors that are wrong on purpose, each in one way, with the case that must notice it.
 *
 * @module
 */
import type {
  Channel,
  Codec,
  Connector,
  Direction,
  Endpoint,
  EndpointEvents,
  Greeting,
  Link,
} from '../../proxy/core/connector.ts'
import type { Identity } from '../../proxy/core/identity.ts'
import { greetingOf } from './stand.ts'
import type { World } from './world.ts'

export interface Mutant {
  readonly name: string
  /** The name of the case that fails. */
  readonly breaks: string
  change(world: World): World
}

const anyone: Identity = {
  issuer: 'nobody',
  subject: 'anyone',
  groups: [],
  method: 'token',
  credential: '',
}

const ends = (how: string): string => `${how}: closed comes once and last, at both ends`

export const mutants: readonly Mutant[] = [
  {
    name: 'dials before the grant',
    breaks: 'nothing reaches the target before welcome',
    change: onGreeting((greeting) => {
      const link = greeting.welcome({ allowed: true, rule: 'nobody asked' })
      return { ...greeting, welcome: () => link }
    }),
  },
  {
    name: 'welcomes twice',
    breaks: 'a second welcome is a fault, and reaches nobody',
    change: onGreeting((greeting) => {
      let link: Promise<Link> | undefined
      return { ...greeting, welcome: (grant) => (link ??= greeting.welcome(grant)) }
    }),
  },
  {
    name: 'lets everyone in',
    breaks: 'who is not known is never greeted',
    change: onConnector((connector) => ({
      ...connector,
      accept: (socket, source, _identify, signal) =>
        connector.accept(socket, source, async () => anyone, signal),
    })),
  },
  {
    name: 'has no patience, and no end of it either',
    breaks: 'who says nothing is given up when the signal says so',
    change: onConnector((connector) => ({
      ...connector,
      accept: (socket, source, identify) =>
        connector.accept(socket, source, identify, new AbortController().signal),
    })),
  },
  {
    name: 'calls every failure of a client its own',
    breaks: 'whatever bytes come first, they are a ClientError and nothing worse',
    change: onConnector((connector) => ({
      ...connector,
      accept: (...given) =>
        connector.accept(...given).catch(() => {
          throw new TypeError('undefined is not a function')
        }),
    })),
  },
  {
    name: 'refuses without a word',
    breaks: 'a refusal tells the client why, and ends',
    change: onGreeting((greeting) => ({
      ...greeting,
      refuse: (denial) => greeting.refuse({ ...denial, message: '' }),
    })),
  },
  {
    name: 'forgets where it comes from',
    breaks: 'a greeting says who, how that was proven, where to, and from where',
    change: onGreeting((greeting) => ({ ...greeting, source: 'unknown' })),
  },
  {
    name: 'has any error for a target that is away',
    breaks: 'a target that is away is a TargetError, and the client can be told',
    change: onGreeting((greeting) => ({
      ...greeting,
      welcome: (grant) =>
        greeting.welcome(grant).catch((error: Error) => {
          throw new Error(error.message)
        }),
    })),
  },
  {
    name: 'gives the session itself as a channel',
    breaks: 'ids are above zero, which is the session itself',
    change: onChannel((channel) => ({ ...channel, id: 0 })),
  },
  {
    name: 'refuses a channel without a word',
    breaks: 'a channel that is refused shows why',
    change: onChannel((channel) => ({
      ...channel,
      refuse: (_message, exit_code) => channel.refuse('', exit_code),
    })),
  },
  {
    name: 'closes a link twice',
    breaks: 'a client that leaves is the reason, and takes the target with it',
    change: onLink((link) => ({
      ...link,
      start: (on) =>
        link.start({
          ...on,
          closed(reason, error) {
            on.closed(reason, error)
            on.closed(reason, error)
          },
        }),
    })),
  },
  {
    name: 'blames the gateway for everything',
    breaks: 'a target that is lost is the reason, and the client is not left alone',
    change: onLink((link) => ({
      ...link,
      start: (on) => link.start({ ...on, closed: (_reason, error) => on.closed('gateway', error) }),
    })),
  },
  {
    name: 'closes a link without a word',
    breaks: 'closing a link shows its message and ends both sides; closed comes once, last',
    change: onLink((link) => ({ ...link, close: () => link.close() })),
  },
  {
    name: 'closes an end twice',
    breaks: ends('the client leaves'),
    change: onEvents((on) => ({
      ...on,
      closed(error) {
        on.closed(error)
        on.closed(error)
      },
    })),
  },
  {
    name: 'speaks after its end',
    breaks: ends('we close both ends'),
    change: onEvents((on) => ({
      ...on,
      closed(error) {
        on.closed(error)
        on.wire({ kind: 'control', event: { kind: 'eof', stream: 0 } })
      },
    })),
  },
  {
    name: 'never ends',
    breaks: ends('the target is lost'),
    change: onEvents((on) => ({ ...on, closed: () => {} })),
  },
  {
    name: 'loses a byte here and there',
    breaks: 'any bytes in any pieces arrive as they are, both ways at once',
    change: onEvents((on) => ({
      ...on,
      wire: (wire) =>
        on.wire(wire.kind === 'data' ? { ...wire, bytes: wire.bytes.subarray(1) } : wire),
    })),
  },
  {
    name: 'keeps the end of the input to itself',
    breaks: 'the client ends its input, and the target still prints',
    change: onEvents((on) => ({
      ...on,
      wire: (wire) => {
        if (wire.kind === 'data') on.wire(wire)
      },
    })),
  },
  {
    name: 'takes an end of output for the end of all',
    breaks: 'the target ends its output, and still reads',
    change: onEndpoint((end) => ({
      ...end,
      start: (on) =>
        end.start({
          ...on,
          wire(wire) {
            on.wire(wire)
            if (wire.kind === 'control' && wire.event.kind === 'eof') end.close()
          },
        }),
    })),
  },
  {
    name: 'does not pause',
    breaks: 'a pause of the target stops it, whatever it prints; a resume goes on',
    change: onEndpoint((end) => ({ ...end, pause: () => {} })),
  },
  {
    name: 'does not go on',
    breaks: 'a pause of the client stops it, whatever it sends; a resume goes on',
    change: onEndpoint((end) => ({ ...end, resume: () => {} })),
  },
  {
    name: 'says that it has sent before it has',
    breaks: 'what is written is not taken for sent while the client does not read',
    change: onEndpoint((end) => ({
      ...end,
      write(wire, sent) {
        end.write(wire)
        sent?.()
      },
    })),
  },
  {
    name: 'says twice that it has sent',
    breaks: 'every write to the client is sent once, in order, also after a close',
    change: onEndpoint((end) => ({
      ...end,
      write: (wire, sent) =>
        end.write(wire, () => {
          sent?.()
          sent?.()
        }),
    })),
  },
  {
    name: 'does not say of what came after a close',
    breaks: 'every write to the target is sent once, in order, also after a close',
    change: onEndpoint((end) => {
      let isClosed = false
      return {
        ...end,
        write(wire, sent) {
          if (!isClosed) end.write(wire, sent)
        },
        close() {
          isClosed = true
          end.close()
        },
      }
    }),
  },
  {
    name: 'drops on close what it has not sent',
    breaks: 'a close sends what was written before it, to the client',
    change: onEndpoint((end) => {
      let isClosed = false
      return {
        ...end,
        write: (wire, sent) =>
          void setTimeout(() => {
            if (!isClosed) end.write(wire, sent)
          }),
        close() {
          isClosed = true
          end.close()
        },
      }
    }),
  },
  {
    name: 'takes every chunk for a message',
    breaks: 'a codec finds the same messages, however its wire is cut',
    change: onCodec((codec) => ({ ...codec, decode: (wire) => ({ ok: true, frames: [wire] }) })),
  },
  {
    name: 'forgets what is held at the end',
    breaks: 'what is decoded and encoded again is what it was',
    change: onCodec((codec) => ({ ...codec, flush: () => ({ ok: true, frames: [] }) })),
  },
  {
    name: 'lets an event overtake the bytes before it',
    breaks: 'an event keeps its place behind the bytes before it',
    change: onCodec((codec) => ({
      ...codec,
      decode: (wire) =>
        wire.kind === 'control' ? { ok: true, frames: [wire] } : codec.decode(wire),
    })),
  },
  {
    name: 'throws at hostile bytes',
    breaks: 'hostile bytes are a violation, never an exception, and it does not repeat them',
    change: onCodec((codec) => ({
      ...codec,
      decode(wire) {
        const decoded = codec.decode(wire)
        if (!decoded.ok) throw new RangeError(decoded.violation)
        return decoded
      },
    })),
  },
  {
    name: 'repeats what it did not like',
    breaks: 'hostile bytes are a violation, never an exception, and it does not repeat them',
    change: onCodec((codec) => ({
      ...codec,
      decode(wire) {
        const decoded = codec.decode(wire)
        if (decoded.ok || wire.kind !== 'data') return decoded
        return { ok: false, violation: `not a line: ${Buffer.from(wire.bytes).toString('latin1')}` }
      },
    })),
  },
  {
    name: 'has one codec for all',
    breaks: 'two channels do not share what a codec holds',
    change(world) {
      const shared = world.codecs()
      return { ...world, codecs: () => shared }
    },
  },
]

function onConnector(change: (connector: Connector) => Connector): Mutant['change'] {
  return (world) => ({ ...world, connector: change(world.connector) })
}

function onGreeting(change: (greeting: Greeting) => Greeting): Mutant['change'] {
  return onConnector((connector) => ({
    ...connector,
    accept: async (...given) => change(await greetingOf(connector.accept(...given))),
  }))
}

function onLink(change: (link: Link) => Link): Mutant['change'] {
  return onGreeting((greeting) => ({
    ...greeting,
    welcome: async (grant) => change(await greeting.welcome(grant)),
  }))
}

function onChannel(change: (channel: Channel) => Channel): Mutant['change'] {
  return onLink((link) => ({
    ...link,
    start: (on) => link.start({ ...on, channel: (channel) => on.channel(change(channel)) }),
  }))
}

/** Both ends of every channel. */
function onEndpoint(change: (end: Endpoint) => Endpoint): Mutant['change'] {
  return onChannel((channel) => ({
    ...channel,
    client: change(channel.client),
    dial: async () => change(await channel.dial()),
  }))
}

function onEvents(change: (on: EndpointEvents) => EndpointEvents): Mutant['change'] {
  return onEndpoint((end) => ({ ...end, start: (on) => end.start(change(on)) }))
}

/** Codecs are classes: their methods are not found by a spread. */
function onCodec(change: (codec: Codec) => Codec): Mutant['change'] {
  const changed = (codec: Codec): Codec =>
    change({
      decode: (wire) => codec.decode(wire),
      encode: (frame) => codec.encode(frame),
      flush: () => codec.flush(),
    })
  return (world) => ({
    ...world,
    codecs: (): Readonly<Record<Direction, Codec>> => {
      const { to_target, to_client } = world.codecs()
      return { to_target: changed(to_target), to_client: changed(to_client) }
    },
  })
}
