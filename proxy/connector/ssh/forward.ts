/**
 * Channels that carry a connection instead of a program: to a place that the target reaches (`-L`, `-D`, `-W`),
 * back from a port of the target (`-R`), and from the target to the client's agent (RFC 4254, section 7;
 * OpenSSH's PROTOCOL.agent). Who began one is told that it is open when the other side is.
 *
 * @module
 */
import { isIP } from 'node:net'
import type { Endpoint } from '../../core/connector.ts'
import { TargetError } from '../../core/errors.ts'
import { ChannelEndpoint } from './channel.ts'
import {
  type LibraryChannel,
  type LibraryServerConnection,
  type Opened,
  open_failure,
  protocolOf,
} from './library.ts'
import { clean } from './line.ts'
import { type Asking, openAt, type Side } from './open.ts'

type ClientEnd = Side<LibraryServerConnection>

export interface Address {
  readonly host: string
  readonly port: number
}

/** Where a connection goes or comes from: TCP, or a socket of the file system. */
export type Place = Address | { readonly path: string }

/** A channel that a peer wants to open. */
export interface Incoming {
  accept(): LibraryChannel | undefined
  reject(description: string, reason?: number): void
}

/** `HOST:PORT`, `[IPV6]:PORT` or a path. */
export function placeText(place: Place): string {
  if ('path' in place) return clean(place.path)
  const { host, port } = place
  return clean(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
}

/**
 * Who connected, as RFC 4254, section 7 wants it: an IP address. Anything else would be text of one peer for the
 * other, past the record and the masking. OpenSSH, too, says `127.0.0.1` where it has none.
 */
function numeric(origin: Address | undefined): Address {
  const host = origin?.host.replace(/%.*$/s, '') ?? ''
  return { host: isIP(host) === 0 ? '127.0.0.1' : host, port: origin?.port ?? 0 }
}

/** The client wants the target to connect somewhere; `origin` is who connected to the client. */
export function askForward(to: Place, origin: Address, client: Side, incoming: Incoming): Asking {
  const endpoint = new ChannelEndpoint('client')
  const door = doorOf(incoming)
  const text = placeText(to)
  const from = numeric(origin)
  return {
    request: { kind: 'forward', command: new TextEncoder().encode(text), env: {} },
    endpoint,
    async dial(target) {
      const far = new ChannelEndpoint('target')
      await openAt(target, far, `to connect to ${text}`, (opened) => {
        if ('path' in to) target.connection.openssh_forwardOutStreamLocal(to.path, opened)
        else target.connection.forwardOut(from.host, from.port, to.host, to.port, opened)
      })
      return door.admit(client, endpoint, far)
    },
    refuse: (message, code) => door.refuse(endpoint, message, code),
  }
}

/** Somebody connected to a port that the target opened for the client. */
export function askReverse(
  at: Place,
  origin: Address | undefined,
  client: ClientEnd,
  incoming: Incoming,
): Asking {
  const text = origin === undefined ? placeText(at) : `${placeText(at)} from ${placeText(origin)}`
  return askClient({ kind: 'reverse', command: text }, client, incoming, (opened) => {
    if ('path' in at) client.connection.openssh_forwardOutStreamLocal(at.path, opened)
    else {
      const { host, port } = numeric(origin)
      client.connection.forwardOut(at.host, at.port, host, port, opened)
    }
  })
}

/** A program at the target wants the client's agent. */
export function askAgent(client: ClientEnd, incoming: Incoming): Asking {
  return askClient({ kind: 'agent', command: '' }, client, incoming, (opened) =>
    client.connection.openssh_authAgent(opened),
  )
}

function askClient(
  { kind, command }: { readonly kind: 'reverse' | 'agent'; readonly command: string },
  client: ClientEnd,
  incoming: Incoming,
  ask: (opened: Opened) => void,
): Asking {
  const endpoint = new ChannelEndpoint('client')
  const door = doorOf(incoming)
  return {
    request: { kind, command: new TextEncoder().encode(command), env: {} },
    endpoint,
    async dial(target) {
      await openAt(client, endpoint, 'the connection', ask)
      return door.admit(target, new ChannelEndpoint('target'), endpoint)
    },
    refuse: (message, code) => door.refuse(endpoint, message, code),
  }
}

interface Door {
  /** Lets in who waits, now that the other end is open. Returns the target's end of the two. */
  admit(side: Side, endpoint: ChannelEndpoint, other: ChannelEndpoint): Endpoint
  refuse(endpoint: ChannelEndpoint, message: string, exit_code: number): void
}

/** Exit status of what was not allowed, as a shell has it; a channel that carries a connection has none. */
const denied_code = 126

/** A peer's request to open, which is answered once. */
function doorOf(incoming: Incoming): Door {
  let isAnswered = false
  return {
    admit(side, endpoint, other) {
      const channel = isAnswered || side.socket.destroyed ? undefined : incoming.accept()
      isAnswered = true
      if (channel === undefined) {
        other.close()
        throw new TargetError('target_protocol', `${side.title} is not connected any more`)
      }
      channel.direct(endpoint.receiver)
      endpoint.attach(channel, protocolOf(side.connection))
      return endpoint.peer === 'target' ? endpoint : other
    },
    refuse(endpoint, message, exit_code) {
      if (isAnswered) {
        endpoint.close()
        return
      }
      isAnswered = true
      const { prohibited, connect_failed } = open_failure
      incoming.reject(clean(message), exit_code === denied_code ? prohibited : connect_failed)
    },
  }
}
