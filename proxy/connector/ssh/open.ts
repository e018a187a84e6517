/**
 * What every channel of a link is until it is allowed, and how one is opened at a side: within a time, and with
 * a reason when it could not be.
 *
 * @module
 */
import type { ChannelRequest, Endpoint, Waiting } from '../../core/connector.ts'
import { TargetError } from '../../core/errors.ts'
import type { TellingShell } from '../../core/telling.ts'
import type { ChannelEndpoint } from './channel.ts'
import {
  type LibraryChannel,
  type LibraryClient,
  type LibraryConnection,
  type OpenFailure,
  protocolOf,
} from './library.ts'
import { channel_open_ms } from './limits.ts'
import type { Transport } from './transport.ts'

/** The client's connection or the target's, as what channels are opened at. */
export interface Side<Connection extends LibraryConnection = LibraryConnection> {
  readonly connection: Connection
  readonly socket: Transport
  /** How errors name it. */
  readonly title: string
}

/** A channel of a client that waits for its verdict. */
export interface Asking {
  readonly request: ChannelRequest
  /** The client's end. */
  readonly endpoint: ChannelEndpoint
  /** Opens the other side. Rejects with a `TargetError`. */
  dial(target: Side<LibraryClient>): Promise<Endpoint>
  /** Of a shell with a terminal. */
  dialTelling?(target: Side<LibraryClient>): Promise<TellingShell | undefined>
  /** Says lines while a person decides; `given_up` when who began it is gone or interrupts. */
  wait?(given_up: () => void): Waiting
  /** Says a line between what the program prints. */
  say?(message: string): void
  /** Tells who began it, and ends it. */
  refuse(message: string, exit_code: number): void
}

/**
 * `ask` sends the request, `what` says what for. The library answers it synchronously with the peer's packet, so
 * no byte behind that is missed. Resolves once the channel's bytes go to the endpoint; rejects with a `TargetError`.
 */
export function openAt<Rest extends readonly unknown[] = []>(
  side: Side,
  endpoint: ChannelEndpoint,
  what: string,
  ask: (
    opened: (error: OpenFailure | undefined, channel: LibraryChannel, ...rest: Rest) => void,
  ) => void,
): Promise<Rest> {
  const { promise, resolve, reject } = Promise.withResolvers<Rest>()
  const fail = (why: string, cause?: unknown): void =>
    reject(new TargetError('target_protocol', `${side.title} ${why}`, { cause }))
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    fail('does not open a channel in time')
  }, channel_open_ms)
  try {
    if (side.socket.destroyed) throw new Error('the socket is closed')
    ask((error, channel, ...rest) => {
      clearTimeout(timer)
      if (error !== undefined) {
        fail(`refused ${what}${reasonOf(error)}`, error)
      } else if (isLate) {
        channel.close()
      } else {
        channel.direct(endpoint.receiver)
        endpoint.attach(channel, protocolOf(side.connection))
        resolve(rest)
      }
    })
  } catch (error) {
    clearTimeout(timer)
    fail('is not connected any more', error)
  }
  return promise
}

/** RFC 4254, section 5.1. Not the peer's own text: a target could print a secret there, past the masking. */
const reasons: Readonly<Record<number, string>> = {
  1: 'administratively prohibited',
  2: 'connect failed',
  3: 'unknown channel type',
  4: 'resource shortage',
}

function reasonOf({ reason }: OpenFailure): string {
  const text = typeof reason === 'number' ? reasons[reason] : undefined
  return text === undefined ? '' : `: ${text}`
}
