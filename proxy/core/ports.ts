/**
 * What the session pipeline needs of the rest of the gateway; `main.ts` wires it.
 *
 * @module
 */
import type { TimedGrant } from './access.ts'
import type { Decider, HoldOutcome, MaskedCommand } from './approval.ts'
import type { ChannelEvent, ChannelRequest, Field, Stream } from './connector.ts'
import type { Identity, IdentityProof } from './identity.ts'
import type { LeftOut, Lookup, Statement, StatementFact } from './statement.ts'
import type { Content, TransferFact } from './transfer.ts'
import type { Capability, HoldTerms, Verdict } from './verdict.ts'

export interface Policy {
  /** May this identity reach the target at all? Asked before it is dialled. */
  connect(identity: Identity, account: string, target: string, source?: string): Verdict
  /** May this run? Asked before it reaches the target. A denial with a `hold` may be approved. */
  channel(identity: Identity, target: string, request: ChannelRequest, at?: AskedAt): Verdict
  capability(identity: Identity, target: string, name: Capability, at?: AskedAt): Verdict
  /** Whether any rule might deny or hold a command that is typed into a program there. */
  judgesTyped(identity: Identity, target: string, at?: AskedAt): boolean
  /** Whether a shell must tell of its commands by itself. */
  readonly demandsTelling: boolean
  /** May this line, which is not known as exactly as a whole command is, go to the program that reads it? */
  typed(identity: Identity, target: string, line: TypedLine, at?: AskedAt): TypedVerdict
  /** Of the policy that answers now, SHA-256 as hex. */
  readonly hash: string
  /** May this statement reach the target, whole? A denial with a `hold` may be approved. */
  statement(identity: Identity, target: string, asked: AskedStatement, at?: AskedAt): Verdict
  /**
   * Another number means that an answer which rests on no grant could be another: a policy came, or another hour. The
   * number of a policy is that of no other.
   */
  readonly epoch: number
}

export interface AskedStatement {
  readonly statement: Statement
  readonly database: string
  /** Undefined where nothing of it is known. */
  readonly lookup?: Lookup | undefined
}

/** What a policy may read of a session besides who and where to. */
export interface AskedAt {
  readonly account: string
  /** `IP:PORT` of the client. */
  readonly source: string
  /** Without which the session would not be. */
  readonly let_in_by?: TimedGrant
}

/** `shell`: the shell at the target told of it, and waits. `screen`: what an emulated screen or the keys show. */
export type TypedConfidence = 'shell' | 'screen'

export interface TypedLine {
  readonly text: Uint8Array
  readonly confidence: TypedConfidence
  readonly is_terminal: boolean
}

export interface TypedVerdict {
  readonly verdict: Verdict
  /** It does not end here: a quote is open, a loop has no end. */
  readonly is_partial: boolean
}

/** What a session is opened with; all of it is evidence. */
export interface SessionStart {
  readonly identity: Identity
  readonly proof: IdentityProof
  readonly protocol: string
  readonly account: string
  readonly target: string
  readonly labels: Readonly<Record<string, string>>
  readonly source: string
  readonly context: Readonly<Record<string, string>>
}

export type EndReason =
  | 'client'
  | 'target'
  | 'denied'
  | 'failed'
  | 'recording_failed'
  | 'drained'
  | 'expired'
  | 'revoked'
  | 'crashed'

/**
 * Where masked records become durable. Every method that returns a promise resolves when the record
 * is on disk, in the order of the calls, and rejects with a `RecorderError` after which the session must end.
 */
export interface Recorder {
  /** Resolves when envelope and start are durable. Rejects with a `RecorderError`: no session then. */
  open(start: SessionStart, on: RecorderEvents): Promise<SessionRecorder>
}

export interface SessionRecorder {
  /** UUIDv7 (RFC 9562, section 5.7). */
  readonly id: string
  /** A fact without payload. */
  event(channel: number, event: RecordedEvent): Promise<void>
  /**
   * A fact that nobody waits for by itself: whoever waits for what is recorded after it waits for it too. That it cannot be
   * recorded is told by {@link RecorderEvents.failed}.
   */
  fact(channel: number, fact: TransferFact | StatementFact): void
  /**
   * Opens the maskers of a channel and records its request. Call before its first byte. Resolves with the command
   * as it is on record, where it has one.
   */
  channel(channel: number, request: ChannelRequest): Promise<MaskedCommand | undefined>
  /**
   * Records a command that was given to a program of the channel. Resolves, once it is durable, with the text as it is on
   * record.
   */
  command(channel: number, command: TypedCommand): Promise<MaskedCommand>
  /** A text as it may be shown to people: masked like one that is recorded in the channel. Records nothing. */
  shown(channel: number, text: Uint8Array): Promise<MaskedCommand>
  /**
   * A buffer of `length` bytes for {@link output}, {@link download} and {@link upload}: used ones come back from the recorder, because fresh
   * memory for every chunk costs more than what is done with it.
   */
  buffer(length: number): Uint8Array
  /** Gives back what {@link RecorderEvents.release} or {@link upload} handed over, once nobody reads it any more. */
  recycle(bytes: Uint8Array): void
  /**
   * Masks and records what the target printed. {@link RecorderEvents.release} follows, in order, but not
   * once for each call: a would-be secret is held back. Takes ownership of `bytes`.
   * With `fields` they are whole messages, and nothing is held back.
   */
  output(
    channel: number,
    stream: 1 | 2,
    bytes: Uint8Array,
    fields?: readonly Field[],
    /** Of these messages no more than their digest goes on record. */
    left_out?: LeftOut,
  ): void
  /** Records that something goes to the target; resolves when it may be forwarded. Copies `bytes`. */
  input(channel: number, bytes: Uint8Array, fields?: readonly Field[]): Promise<unknown>
  /** The same of messages that go on at once. That they cannot be recorded is told by {@link RecorderEvents.failed}. */
  early(channel: number, bytes: Uint8Array, fields: readonly Field[]): void
  /**
   * Messages with pieces of files, which are counted and hashed. Towards the client they are released unmasked,
   * in order with {@link output}; `bytes` are taken.
   */
  download(channel: number, bytes: Uint8Array, pieces: readonly Content[]): void
  /**
   * ... towards the target: `bytes` are taken, and it resolves with them when they may be forwarded, which those without
   * any content may at once.
   */
  upload(channel: number, bytes: Uint8Array, pieces: readonly Content[]): Promise<Uint8Array>
  /** The stream ended: what is held of it is released, then this resolves. */
  flush(channel: number, stream: Stream): Promise<void>
  close(reason: EndReason, detail: string): Promise<void>
}

export interface TypedCommand {
  readonly text: Uint8Array
  readonly confidence: TypedConfidence
  /** Counted from 1 in the channel. */
  readonly command: number
  /** As the shell says it. */
  readonly cwd?: string
}

export interface RecorderEvents {
  /** Masked bytes that are durable and may be shown. `raw_length` is how many given bytes this settles. */
  release(channel: number, stream: 1 | 2, bytes: Uint8Array, raw_length: number): void
  /** A scanned transfer holds what a rule names: nothing more of this channel passes. This line says so. */
  stopped(channel: number, message: string): void
  /** Recording failed: end the session now, with this line. Called at most once. */
  failed(message: string): void
}

export type RecordedEvent =
  | ChannelEvent
  | { readonly kind: 'verdict'; readonly verdict: Verdict; readonly asked: string }
  | { readonly kind: 'dialled'; readonly address: string; readonly host_key: string }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | {
      readonly kind: 'hold'
      readonly request: string
      readonly digest: string
      readonly rule: string
      readonly approvals: HoldTerms['approvals']
      readonly expires_us: number
      readonly passkey?: true
    }
  | {
      readonly kind: 'approval'
      readonly request: string
      readonly outcome: HoldOutcome['kind']
      readonly by: readonly Decider[]
      readonly comment: string
    }
  /** How a shell says that the command of that number ended. */
  | { readonly kind: 'command_end'; readonly command: number; readonly code: number }
  /** Something in the session is allowed by a grant: what is known of it. */
  | { readonly kind: 'grant'; readonly grant: TimedGrant; readonly policy_hash: string }
  | { readonly kind: 'channel_end' }
