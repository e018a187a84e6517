/**
 * The plugin seam. A protocol joins the gateway by implementing {@link Connector};
 * identity, policy, masking and evidence are shared and know no protocol.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import type { Claim, Identity, IdentityProof } from './identity.ts'
import type { HeldStatement, Judge, LeftOut, StatementFact } from './statement.ts'
import type { TellingShell } from './telling.ts'
import type { Content, TransferFact } from './transfer.ts'
import type { Denial, Grant, Verdict } from './verdict.ts'

export type Protocol = 'ssh' | 'postgres' | 'echo'
export type Direction = 'to_target' | 'to_client'

/** POSIX numbering, in every protocol: 0 what the client sends, 1 output, 2 error output. */
export type Stream = 0 | 1 | 2

/** A whole protocol message, or a run of stream bytes that has no inner framing. */
export type Frame =
  | Wire
  /** Must be durable before what follows it in its direction goes on. Nothing of it is on the wire. */
  | { readonly kind: 'fact'; readonly fact: TransferFact | StatementFact; readonly early?: true }
  /** A person decides whether it goes on. Nothing behind it is read before {@link Codec.settle}, and it is the last frame. */
  | { readonly kind: 'held'; readonly held: HeldStatement }
  /** What the gateway itself says to a client whose request it does not forward: a whole message, or a line of stream 2. */
  | { readonly kind: 'answer'; readonly stream: 1 | 2; readonly bytes: Uint8Array }

/**
 * What an {@link Endpoint} carries: bytes of a numbered stream, or an event that the protocol has
 * out of band. Protocols with one byte stream use stream 0 towards the target and 1 towards the client.
 */
export type Wire =
  | {
      readonly kind: 'data'
      readonly stream: Stream
      /** Owned by the receiver from here on. */
      readonly bytes: Uint8Array
      /** Where maskable values lie inside `bytes`; absent means scan all of it. Each is masked to its own length. */
      readonly fields?: readonly Field[]
      /**
       * Towards the target: proven to change nothing there, so it may go on while its record becomes durable. What
       * it is answered waits for both. A fact may be early too.
       */
      readonly early?: true
      /** Set where `bytes` are rows, masked like any, of which no more than their digest goes on record. */
      readonly left_out?: LeftOut
      /** Set where `bytes` carry a piece of a file: nothing of them is masked, nothing is stored. */
      readonly content?: Content
      /** These bytes are the last of their buffer that anybody looks at: who has copied them lets go of it. */
      readonly last?: boolean
    }
  | { readonly kind: 'control'; readonly event: ChannelEvent }

export interface Field {
  readonly start: number
  readonly end: number
  /** Set where all of it is masked, whatever it holds: the rule that says so. */
  readonly rule?: string
}

/** What happens on a channel besides bytes; `eof` is half-close of one stream. */
export type ChannelEvent =
  | { readonly kind: 'resize'; readonly columns: number; readonly rows: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'eof'; readonly stream: Stream }
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'exit_signal'; readonly signal: string; readonly core_dumped: boolean }

export type Decoded =
  | { readonly ok: true; readonly frames: readonly Frame[] }
  | { readonly ok: false; readonly violation: string }

/** Sans-I/O: wire in, frames out. One codec per direction per channel, never shared. */
export interface Codec {
  /** Accepts any split of the wire. Hostile input is a violation, never an exception. */
  decode(wire: Wire): Decoded
  /** Re-frames masked bytes, so that every length field is true again. */
  encode(frame: Wire): Wire
  /** What was held is decided; what came behind it is read now. `is_given_up`: by whoever asked. */
  settle?(verdict: Verdict, is_given_up: boolean): Decoded
  /** Releases what is held. Skipping it drops the client's last rows. */
  flush(): Decoded
}

/**
 * One end of a channel. Push-style, so that a burst costs no promise per chunk.
 * Everything handed over by {@link Endpoint.start} comes in order; nothing comes before it.
 */
export interface Endpoint {
  /** Called once. `closed` is called exactly once, last, whatever happened. */
  start(on: EndpointEvents): void
  /** Stops and resumes reading from the peer; what is in flight still arrives. */
  pause(): void
  resume(): void
  /** Sends in order. Calls `sent` when the peer's transport accepted it, in order, also after a close. */
  write(wire: Wire, sent?: () => void): void
  /** Flushes what was written and closes. Idempotent. */
  close(): void
}

export interface EndpointEvents {
  wire(wire: Wire): void
  /** `error` when it ended other than by a close of the protocol. */
  closed(error?: Error): void
}

/**
 * What a channel is for, before anything of it was let through. Programs run at the target; a `database` is asked
 * by statements, each of which is judged for itself; a `forward` is a
 * connection that the target makes for the client, a `reverse` one that somebody made to a port which the
 * target opened for the client, an `agent` one from the target to the client's keys.
 */
export interface ChannelRequest {
  readonly kind: 'exec' | 'shell' | 'subsystem' | 'forward' | 'reverse' | 'agent' | 'database'
  /**
   * The command line of an exec, the name of a subsystem, as they came; `HOST:PORT` or the path of a socket
   * for a forward, with ` from HOST:PORT` for a reverse one; the name of a database; empty for a shell and an agent.
   */
  readonly command: Uint8Array
  readonly pty?: { readonly term: string; readonly columns: number; readonly rows: number }
  /** Already reduced to the allowlist. */
  readonly env: Readonly<Record<string, string>>
}

/** One logical conversation: an SSH channel, a PostgreSQL connection, an exec. */
export interface Channel {
  /** Small, unique inside the session, in order of opening. */
  readonly id: number
  readonly request: ChannelRequest
  readonly client: Endpoint
  /**
   * How its bytes are read depends on what was granted: a transfer is one only where policy knows it. `judge` is
   * asked for each statement.
   */
  codecs(grant: Grant, judge: Judge): Readonly<Record<Direction, Codec>>
  /**
   * Opens the other side, the target's unless the target began it. Call only when the request was allowed and
   * its record is durable. {@link client} is not used before this resolves.
   */
  dial(): Promise<Endpoint>
  /**
   * In place of {@link dial}, where the target is configured for it: a shell that tells of its commands. Resolves with undefined
   * when the account's shell cannot be made to, and nothing of the channel was opened then.
   */
  dialTelling?(): Promise<TellingShell | undefined>
  /**
   * Before {@link dial}, while a person decides: says lines to who began it, and calls `given_up` when they are gone or
   * interrupt. What they send meanwhile is kept for the program. Absent where a protocol cannot say anything then:
   * nothing waits there, and is denied.
   */
  wait?(given_up: () => void): Waiting
  /**
   * Says a line to who began it, between what they are shown. Absent where a protocol has no place for it. Only
   * while {@link client} is open.
   */
  say?(message: string): void
  /** Tells who began it in the protocol's own words, and ends the channel. SSH: stderr, then the exit code. */
  refuse(message: string, exit_code: number): void
}

export interface Waiting {
  /** One line; on a terminal on which something runs it begins on a row of its own. */
  say(message: string): void
  /** It is decided: an interrupt is the program's again. */
  end(): void
}

/**
 * A client that has proven who it is and said where it wants to go.
 * Nothing has been sent to the target yet, and {@link Greeting.welcome} needs a {@link Grant}.
 */
export interface Greeting {
  readonly identity: Identity
  readonly proof: IdentityProof
  readonly account: string
  readonly target: string
  /** `IP:PORT` of the client. */
  readonly source: string
  /** Wire facts worth a record: client version, algorithms. */
  readonly context: Readonly<Record<string, string>>
  /** Dials the target. Called at most once. Rejects with a `TargetError`. */
  welcome(grant: Grant): Promise<Link>
  /** Tells the client on every channel that it opens, then disconnects. */
  refuse(denial: Denial): void
  /** Resolves when the client is gone, welcomed or not. */
  readonly closed: Promise<void>
}

/**
 * A client that has proven who it is and goes nowhere itself: each connection to a target that it carries comes
 * to the gateway anew, with a greeting of its own. Nothing else is let through.
 */
export interface Passage {
  readonly passage: true
  /** Resolves when the client is gone. */
  readonly closed: Promise<void>
}

/** A connected pair of client and target, and the channels as they are opened. */
export interface Link {
  /** What was dialled: `HOST:PORT` and the way there where it was not direct, and the `SHA256:` fingerprint of the host key that it proved to have. */
  readonly dialled: { readonly address: string; readonly host_key: string }
  /** Called for each channel, those opened during the dial included. */
  start(on: LinkEvents): void
  /** Ends both sides. `message` is shown to the user where the protocol can. Idempotent. */
  close(message?: string): void
}

export interface LinkEvents {
  channel(channel: Channel): void
  /** A request that policy answers without a channel. Resolves with the verdict once it is recorded. */
  capability(name: 'forwarding' | 'agent_forwarding' | 'x11', detail: string): Promise<Verdict>
  /** Both sides are gone. Called exactly once, last. */
  closed(reason: 'client' | 'target' | 'gateway', error?: Error): void
}

/** Whether a claim belongs to someone. Asked for every key that a client probes. */
export type Identify = (claim: Claim) => Promise<Identity | Denial>

/** Stateless: one instance serves every session of its protocol. */
export interface Connector {
  readonly protocol: Protocol
  /**
   * Resolves once the client is authenticated; rejects with a `ClientError` when it never will be. `patience` is
   * called when a person was asked to sign in elsewhere: they need longer than a key does.
   */
  accept(
    socket: Duplex,
    source: string,
    identify: Identify,
    signal: AbortSignal,
    patience?: () => void,
  ): Promise<Greeting | Passage>
}
