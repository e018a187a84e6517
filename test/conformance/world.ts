/**
 * What a connector brings to be tested: itself, a client of its protocol, and a target whose programs do what the
 * test says. Everything is real as far as it can be: sockets of the system, clients and servers of other hands.
 *
 * @module
 */
import type { Codec, Connector, Direction } from '../../proxy/core/connector.ts'
import type { Claim } from '../../proxy/core/identity.ts'
import type { Component } from '../fixture/require.ts'
import type { Collected } from './collected.ts'

/** What not every protocol can do. */
export type Power =
  /** A client may open several channels. */
  | 'channels'
  /** A channel names a program, which begins at the target when it is dialled. */
  | 'commands'
  | 'error_stream'
  | 'exit_code'
  /** A client may ask for forwarding, its agent or X11. */
  | 'capabilities'
  /** A terminal with a size. */
  | 'terminal'
  /** Bytes of a stream consist of messages, which its codec finds. */
  | 'messages'

export interface Conformer {
  /** Without these its cases are skipped by name. */
  readonly components: readonly Component[]
  /** What the protocol cannot do, and why. */
  readonly lacks: Readonly<Partial<Record<Power, string>>>
  open(): Promise<World>
}

export interface World extends AsyncDisposable {
  readonly connector: Connector
  /** Whether the claim is that of a client who may come in. */
  isKnown(claim: Claim): boolean
  /** New codecs, as of a new channel. */
  codecs(): Readonly<Record<Direction, Codec>>
  /** Starts a client towards a port of loopback; does not wait for it. Its target is there for it alone. */
  connect(port: number, options?: ConnectOptions): Promise<Client>
}

export interface ConnectOptions {
  /** Whether the client has a credential that is known. Default true. */
  readonly known?: boolean
  /** `away`: there is one, but nobody answers. Default `present`. */
  readonly target?: 'present' | 'away' | 'unknown'
  /** Asks for it right after its first channel, or instead of it. */
  readonly asks?: 'forwarding' | 'agent_forwarding' | 'x11'
  readonly terminal?: { readonly columns: number; readonly rows: number }
  /** Whether {@link Client.open} will be called. */
  readonly multiplexed?: boolean
}

export interface Client extends AsyncDisposable {
  /** What the greeting must say. */
  readonly account: string
  readonly target: string
  /** Opened by itself once the client is let in. */
  readonly channel: ClientEnd
  /** One more, by the power `channels`. */
  open(): Promise<ClientEnd>
  /** The user ends the client. */
  leave(): void
  /** The client's machine loses its power. */
  kill(): void
  readonly gone: Promise<void>
  /** Connections that its target has accepted. */
  readonly reached: number
  /** The target's machine loses its power. */
  cutTarget(): void
}

/** The user's end of a channel. */
export interface ClientEnd {
  /** Everything that the user sees in streams 1 and 2; messages of the gateway come in either. */
  readonly output: Collected
  readonly errors: Collected
  send(bytes: Uint8Array): void
  endInput(): void
  /** Does not read any more, until {@link resume}. */
  pause(): void
  resume(): void
  resize(columns: number, rows: number): void
  /** By the power `exit_code`; otherwise anything. */
  readonly exited: Promise<number>
  /** Whether the program has begun at the target. */
  readonly begun: boolean
  /** Resolves once it has. */
  program(): Promise<Program>
}

/** The target's end of a channel. */
export interface Program {
  readonly input: Collected
  /** Bytes of {@link print} that the target's own transport has taken. */
  readonly printed: number
  /** Resolves when all of it was taken. */
  print(bytes: Uint8Array, stream?: 1 | 2): Promise<void>
  /** Half-close: prints no more, and still reads. */
  endOutput(): void
  pause(): void
  resume(): void
  /** Ends it once all was printed. The code needs the power `exit_code`. */
  exit(code: number): void
}
