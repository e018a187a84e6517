/**
 * One fact of a session, as it is stored: a line of JSON, a newline, the payload. The bytes are the
 * leaf of the session's tree; nothing ever writes them again. Normative: FORMAT.md, section 2.
 *
 * @module
 */
import { hash } from 'node:crypto'
import { assert } from './assert.ts'
import { isCount, isSessionId, parseObject } from './bytes.ts'
import type { Exchanged, ExchangedFacts } from './exchange.ts'
import { record_bytes_max } from './limits.ts'
import type { PasskeySignature } from './passkey.ts'
import { exchangeLeaf, recordLine } from './record-line.ts'
import { hasPayload, misfit } from './record-shape.ts'

export interface RecordSpan {
  /** Where the mask begins in the payload, and its length. */
  readonly at: number
  readonly n: number
  /** The masked bytes in the raw stream. */
  readonly offset: number
  readonly length: number
  readonly rule: string
  /** Hiding commitment to them (`commitment.ts`), hex. */
  readonly commitment: string
}

/** Bytes of the raw stream, from `offset` on. */
interface Range {
  readonly offset: number
  readonly length: number
}

/** A file on its way, by its number in the channel. */
interface TransferNames {
  readonly transfer: number
  readonly tool: string
  readonly direction: 'upload' | 'download'
  readonly path: string
}

/** What a channel is for: a program, a database, or a connection to, from or through the target. */
export type RequestKind =
  | 'exec'
  | 'shell'
  | 'subsystem'
  | 'forward'
  | 'reverse'
  | 'agent'
  | 'database'

/** What a record says, by kind. FORMAT.md, section 2.3, says what each means. */
export type RecordFacts = { readonly channel: number } & (
  | { readonly kind: 'start'; readonly document: string; readonly envelope: string }
  | {
      readonly kind: 'channel'
      readonly request: RequestKind
      readonly pty?: { readonly term: string; readonly columns: number; readonly rows: number }
      readonly env: Readonly<Record<string, string>>
    }
  | {
      readonly kind: 'command'
      readonly confidence: 'exact'
      readonly spans: readonly RecordSpan[]
    }
  | ({
      readonly kind: 'command'
      /** Told by the shell itself, or read from an emulated screen. */
      readonly confidence: 'shell' | 'screen'
      /** Counted from 1 in the channel. */
      readonly command: number
      /** Where a shell stood that told of it. */
      readonly cwd?: string
      readonly spans: readonly RecordSpan[]
    } & Range)
  | { readonly kind: 'command_end'; readonly command: number; readonly code: number }
  | {
      readonly kind: 'verdict'
      readonly allowed: boolean
      readonly rule: string
      readonly asked: string
      /** Of a command: its class by the risk catalogue, and the entries of that. */
      readonly risk?: string
      readonly findings?: readonly string[]
    }
  | {
      readonly kind: 'hold'
      readonly request: string
      readonly digest: string
      readonly rule: string
      readonly approvals: readonly { readonly group: string; readonly quorum: number }[]
      readonly expires_us: number
      /** Who approves signs the digest. */
      readonly passkey?: true
    }
  | {
      readonly kind: 'approval'
      readonly request: string
      readonly outcome: 'approved' | 'denied' | 'expired' | 'cancelled'
      readonly by: readonly {
        readonly subject: string
        readonly issuer: string
        readonly passkey?: PasskeySignature
      }[]
      readonly comment: string
    }
  | {
      readonly kind: 'grant'
      readonly grant: string
      readonly digest: string
      readonly policy_hash: string
      readonly break_glass: boolean
      readonly reason: string
      readonly by: readonly { readonly subject: string; readonly issuer: string }[]
      readonly requested_us: number
      readonly starts_us: number
      readonly ends_us: number
    }
  | { readonly kind: 'dialled'; readonly address: string; readonly host_key: string }
  | ({
      readonly kind: 'output'
      readonly stream: 1 | 2
      readonly flush?: 'idle' | 'echo' | 'end'
      readonly spans: readonly RecordSpan[]
    } & Range)
  | ({ readonly kind: 'echo'; readonly stream: 1 | 2; readonly commitment: string } & Range)
  | ({
      readonly kind: 'echo_text'
      readonly stream: 1 | 2
      readonly spans: readonly RecordSpan[]
    } & Range)
  | { readonly kind: 'input'; readonly length: number }
  | ({ readonly kind: 'input_text'; readonly spans: readonly RecordSpan[] } & Range)
  | { readonly kind: 'input_opaque'; readonly prompt: boolean }
  | ({
      readonly kind: 'stdin'
      readonly held: number
      readonly spans: readonly RecordSpan[]
    } & Range)
  | { readonly kind: 'resize'; readonly columns: number; readonly rows: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'eof'; readonly stream: 0 | 1 | 2 }
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'exit_signal'; readonly signal: string; readonly core_dumped: boolean }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | ({ readonly kind: 'transfer_start' } & TransferNames)
  | ({
      readonly kind: 'transfer'
      readonly outcome: 'complete' | 'incomplete' | 'failed' | 'stopped'
      readonly in_order: boolean
      /** HMAC of the content's SHA-256 (`commitment.ts`), hex. */
      readonly digest: string
      readonly rule?: string
    } & TransferNames &
      Range)
  | {
      readonly kind: 'change'
      readonly tool: string
      readonly operation: string
      readonly path: string
      readonly to?: string
    }
  | ({
      readonly kind: 'statement'
      readonly statement: number
      /** Of a prepared one; may be empty for those too. */
      readonly name: string
      readonly prepared: boolean
      readonly kinds: readonly string[]
      readonly allowed: boolean
      readonly rule: string
      readonly spans: readonly RecordSpan[]
    } & Range)
  | ({
      readonly kind: 'run'
      readonly statement: number
      readonly run: number
      readonly spans: readonly RecordSpan[]
    } & Range)
  | {
      readonly kind: 'result'
      readonly statement: number
      readonly run: number
      readonly tag: string
      readonly rows: number
      /** Of all rows, as they came. */
      readonly length: number
      readonly duration_us: number
      readonly error?: string
      /** Of `left_out` records, the sum and the last digest. */
      readonly left_out?: LeftOutRows
    }
  | ({
      readonly kind: 'left_out'
      readonly stream: 1
      readonly statement: number
      readonly run: number
      readonly rows: number
      /** SHA-256 of all that was left out of this result so far, masked, hex. */
      readonly digest: string
      /** Masks in it, by rule. */
      readonly masks: Readonly<Record<string, number>>
    } & Range)
  /** Several of those above, of a database (`exchange.ts`). */
  | { readonly kind: 'exchange'; readonly facts: readonly Exchanged[] }
  | { readonly kind: 'sealed'; readonly what: string }
  | { readonly kind: 'channel_end' }
  | { readonly kind: 'end'; readonly reason: string; readonly detail: string }
)

/** Rows that were shown and are not on record: so many, of so many raw bytes with their framing. */
export interface LeftOutRows {
  readonly rows: number
  readonly length: number
  readonly digest: string
}

export type RecordKind = RecordFacts['kind']

/** Which record of which session, and when. */
export interface RecordPlace {
  readonly v: 1
  /** UUIDv7. */
  readonly session: string
  /** From 0, without a gap. */
  readonly seq: number
  /** UTC, microseconds. */
  readonly t_us: number
}

export type RecordHeader = RecordPlace & RecordFacts & { readonly bytes: number }

export type DecodedRecord =
  | {
      readonly ok: true
      readonly header: RecordHeader
      /** Borrowed from the stored bytes. */
      readonly payload: Uint8Array
    }
  | { readonly ok: false; readonly reason: string }

const newline = 0x0a
const no_payload = new Uint8Array()
/** A journal copies what is no larger at once, and borrows the rest. */
const borrowed_bytes_max = 4096

/**
 * The stored bytes: owned by the caller, at the start of their buffer, which they have to themselves;
 * the payload at their end. One copy of the payload is made. `allocate` may return used memory.
 */
export function encodeRecord(
  record: RecordPlace & RecordFacts,
  payload: Uint8Array = no_payload,
  // Not from node's pool: the buffer is handed to other threads.
  allocate: (bytes: number) => Uint8Array<ArrayBuffer> = (bytes) => new Uint8Array(bytes),
): Uint8Array {
  return encodeFacts(record, record, payload, allocate)
}

/** The same of two objects, so that none has to be made of both. */
export function encodeFacts(
  place: RecordPlace,
  facts: RecordFacts,
  payload: Uint8Array = no_payload,
  allocate: (bytes: number) => Uint8Array<ArrayBuffer> = (bytes) => new Uint8Array(bytes),
): Uint8Array {
  const line = recordLine(place, facts, payload.length)
  const total = line.length + payload.length
  assert(total <= record_bytes_max, 'a record is within its limit')
  const stored = allocate(total)
  stored.set(line)
  stored.set(payload, line.length)
  return stored
}

/**
 * The same of several facts without masks, each with its payload, which together are one record (`exchange.ts`), and its
 * leaf. A small one is borrowed until the next call of any of these: whoever stores it copies it.
 */
export function encodeExchange(
  place: RecordPlace,
  facts: readonly ExchangedFacts[],
  payloads: readonly Uint8Array[],
): { readonly stored: Uint8Array; readonly leaf: Uint8Array } {
  const leaf_input = exchangeLeaf(place, facts, payloads)
  const leaf = hash('sha256', leaf_input, 'buffer')
  const stored = leaf_input.subarray(1)
  assert(stored.length <= record_bytes_max, 'a record is within its limit')
  return { stored: stored.length <= borrowed_bytes_max ? stored : new Uint8Array(stored), leaf }
}

/** Reads stored bytes of any origin. Members that are not in FORMAT.md are left alone. */
export function decodeRecord(stored: Uint8Array): DecodedRecord {
  if (stored.length > record_bytes_max) return refused('it is larger than a record can be')
  const end = stored.indexOf(newline)
  if (end < 0) return refused('its header has no end')
  const header = parseObject(stored.subarray(0, end))
  if (header === undefined) return refused('its header is not a JSON object')
  const { v, session, seq, t_us, channel, kind, bytes } = header as Record<string, unknown>
  if (v !== 1) return refused('its version is not 1')
  if (!isSessionId(session)) return refused('its session is not a UUIDv7')
  if (!isCount(seq)) return refused('its sequence is not a whole number')
  if (!isCount(t_us)) return refused('its time is not a whole number of microseconds')
  if (!isCount(channel)) return refused('its channel is not a whole number')
  const payload = stored.subarray(end + 1)
  if (bytes !== payload.length) return refused('its payload is not as long as the header says')
  const wrong = misfit(header)
  if (wrong !== undefined) return refused(wrong)
  if (payload.length > 0 && !hasPayload(kind)) return refused('its kind has no payload')
  return { ok: true, header: header as unknown as RecordHeader, payload } // All members were checked.
}

const refused = (reason: string): DecodedRecord => ({ ok: false, reason })
