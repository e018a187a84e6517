/**
 * What the main thread and the recorder's Worker say to each other. Bytes are transferred, not copied.
 *
 * @module
 */

import type { JsonWebKey } from 'node:crypto'
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import type { LogEntryType } from '../../storage/evidence/log-entry.ts'
import type { ReleaseTerms } from '../../storage/evidence/release.ts'
import type { RetentionRule } from '../../storage/evidence/retention.ts'
import type { RecoveredState } from '../../storage/store/recover.ts'
import type { MaskedCommand } from '../core/approval.ts'
import type { ChannelRequest, Field, Stream } from '../core/connector.ts'
import type { RecorderErrorCode } from '../core/errors.ts'
import type { EndReason, RecordedEvent, SessionStart, TypedCommand } from '../core/ports.ts'
import type { LeftOut, StatementFact } from '../core/statement.ts'
import type { Content, TransferFact } from '../core/transfer.ts'
import type { FlatFields } from './flat-fields.ts'
import type { Packed } from './packed.ts'

/** Everything the Worker needs to begin. Sent once, first. */
export interface RecorderSetup {
  readonly kind: 'setup'
  readonly data: string
  readonly segment_bytes: number
  readonly backlog_segments_max: number
  readonly gateway: string
  /** Origin and key name of the log: `NAME/LOGID`. */
  readonly origin: string
  /** PKCS#8 DER of the log's Ed25519 key. */
  readonly log_key: Uint8Array
  /** Public JWKs of the auditors that every envelope is sealed to. */
  readonly auditors: readonly JsonWebKey[]
  readonly ruleset: Ruleset
  readonly idle_ms: number
  readonly policy_hash: string
  /** What records hide is kept, sealed. */
  readonly keeps_raw: boolean
  /** Verifier keys of the logs of this gateway's workers: its own log says that they exist. */
  readonly worker_logs?: readonly string[]
  /** A segment of the journal is kept until the bucket has what is in it. */
  readonly is_replicated: boolean
  /** Sessions that begin have keys of their own in the bucket. */
  readonly is_keyed?: boolean
  /** How long what is recorded is kept; the log names the rules. Absent: for ever. */
  readonly retention?: readonly RetentionRule[]
  /** Who agrees before a hold is lifted, or a session shredded; the log says so. */
  readonly release?: ReleaseTerms
  readonly recovered: RecoveredState
  /** Where the store is encrypted at rest. */
  readonly key?: Uint8Array | undefined
}

export interface Configuration {
  /** Sessions that begin are masked with these; absent where they stay. */
  readonly rules?: { readonly ruleset: Ruleset; readonly idle_ms: number }
  /** What decides from now on, also in sessions that run. */
  readonly policy_hash: string
}

/** `ack` asks for an {@link Acknowledged}; 0 asks for none. */
export type ToRecorder =
  | RecorderSetup
  | ToSession
  | { readonly kind: 'open'; readonly ack: number; readonly start: SessionStart }
  /** A fact for the gateway's own log. */
  | {
      readonly kind: 'note'
      readonly ack: number
      readonly type: NoteType
      readonly facts: Readonly<Record<string, unknown>>
    }
  /** A text that is no session's, to be masked with the rules of now. */
  | { readonly kind: 'mask'; readonly ack: number; readonly text: string }
  /** The gateway runs with these from now on. */
  | ({ readonly kind: 'configuration'; readonly ack: number } & Configuration)
  /** The store has everything up to here on disk. */
  | { readonly kind: 'projected'; readonly lsn: number }
  /** The bucket has everything up to here. */
  | { readonly kind: 'replicated'; readonly lsn: number }
  | { readonly kind: 'stop'; readonly ack: number }

/** What others than the recorder itself have to say in the log. */
export type NoteType = Exclude<
  LogEntryType,
  'configuration.changed' | 'heartbeat' | 'session.started' | 'session.running' | 'session.ended'
>

/** Not recorded: masked alone. */
export interface ShownText {
  readonly shown: Uint8Array
}

/** `session` is the recorder's small number for one. */
export type ToSession = { readonly session: number } & (
  | ({ readonly ack: number } & (
      | { readonly kind: 'channel'; readonly channel: number; readonly request: ChannelRequest }
      | {
          readonly kind: 'command'
          readonly channel: number
          readonly command: TypedCommand | ShownText
        }
      | { readonly kind: 'event'; readonly channel: number; readonly event: RecordedEvent }
      | {
          readonly kind: 'input'
          readonly channel: number
          readonly bytes: Uint8Array
          readonly fields?: FlatFields | readonly Field[]
        }
      | {
          readonly kind: 'upload'
          readonly channel: number
          readonly bytes: Uint8Array
          readonly pieces: readonly Content[]
        }
      | { readonly kind: 'flush'; readonly channel: number; readonly stream: Stream }
      | { readonly kind: 'close'; readonly reason: EndReason; readonly detail: string }
    ))
  | {
      readonly kind: 'output'
      readonly channel: number
      readonly stream: 1 | 2
      readonly bytes: Uint8Array
      readonly fields?: FlatFields | readonly Field[]
      readonly left_out?: LeftOut
    }
  | {
      readonly kind: 'fact'
      readonly channel: number
      readonly fact: StatementFact | TransferFact
      /** So long before it was sent. */
      readonly age_ms?: number
    }
  | {
      readonly kind: 'download'
      readonly channel: number
      readonly bytes: Uint8Array
      readonly pieces: readonly Content[]
    }
)

export type FromRecorder =
  /** One group commit: its items in the order in which they were recorded, most releases packed. */
  | {
      readonly kind: 'committed'
      readonly lsn: number
      readonly items: readonly Committed[]
      readonly packed?: Packed | undefined
      /** Raw output of more than is released was read; these can be filled again. */
      readonly spent: readonly ArrayBuffer[]
      /** Absent where nothing was written. */
      readonly measured?: Measured
    }
  /** Nothing of the running sessions can be recorded any more; their pending items never come. */
  | { readonly kind: 'failed'; readonly code: RecorderErrorCode; readonly message: string }
  | { readonly kind: 'health'; readonly ready: boolean; readonly reason: string }
  | { readonly kind: 'ready'; readonly rules_hash: string; readonly module_hash: string }
  /** The Worker cannot begin. */
  | { readonly kind: 'refused'; readonly message: string }

/** What a group commit tells an operator. */
export interface Measured {
  /** From its first write until it was on the disk. */
  readonly took_ms: number
  /** Whether a signed checkpoint was in it. */
  readonly signed: boolean
  /** Masks in its records, by rule. */
  readonly masked: Readonly<Record<string, number>>
}

export type Committed = Acknowledged | Released | Stopped

/** A finding in a scanned transfer: nothing of the channel that was asked for after it is released. */
export interface Stopped {
  readonly kind: 'stopped'
  readonly session: number
  readonly channel: number
  readonly message: string
}

export interface Acknowledged {
  readonly kind: 'ack'
  readonly ack: number
  /** Set for an `open`. */
  readonly opened?: { readonly session: number; readonly id: string }
  /** Set for a `channel` with a command, and for a `command`: as it is on record, or would be. */
  readonly command?: MaskedCommand | undefined
  /** Set for a `mask`. */
  readonly masked?: string
  /** Set for an `upload`: they came in this very buffer, which goes back to the pool that it is from. */
  readonly bytes?: Uint8Array
  /** The call failed; recording as a whole did not. */
  readonly error?: { readonly code: RecorderErrorCode; readonly message: string }
}

export interface Released {
  readonly kind: 'release'
  readonly session: number
  readonly channel: number
  readonly stream: 1 | 2
  readonly bytes: Uint8Array
  readonly raw_length: number
  /** The bytes came in this very buffer: it goes back as a whole. */
  readonly is_returned?: true
}
